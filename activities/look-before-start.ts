/** The activity that looks at a cluster right before nodes start. */
import type { ClusterActivities, Hold, StartLook } from '../workflows/contract.ts';
import { firingHold } from '../workflows/domain/cron.ts';
import {
  type HoldReason,
  recoveryHold,
  toolHolds,
  unhealthyWorkloads,
  type WorkloadFacts,
  workloadKey,
} from '../workflows/domain/holds.ts';
import type { KubeAdapter, V1Node, WorkloadRecord } from './adapters/kube-adapter.ts';
import { upcomingFirings } from './cron-jobs.ts';
import type { ActivityDeps } from './deps.ts';
import { isUnavailable, nameOf } from './node-facts.ts';
import { toolClaims } from './tool-claims.ts';
import { countedWorkloads } from './workload-health.ts';

type LookInput = Parameters<ClusterActivities['lookBeforeStart']>[0];

/** Returns the activity `lookBeforeStart`. */
export function lookActivities(deps: ActivityDeps): Pick<ClusterActivities, 'lookBeforeStart'> {
  const said = new Set<string>();
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; at most seven calls, five where recovery is ignored, and one for each node
     * that is away where a DaemonSet lacks pods.
     * *Fails with*: Kubernetes…; Leases of others that may not be read are logged and left out.
     */
    async lookBeforeStart(input): Promise<StartLook> {
      const kube = deps.kube(input.access);
      // A policy from before there were holds holds nothing: that is what was approved.
      const { recovery = 'Ignore', otherTools = 'Ignore' } = input.policy.holds ?? {};
      const [nodes, workloads] = await Promise.all([
        kube.listNodes(),
        workloadsFor(kube, { recovery, otherTools }),
      ]);
      const [unhealthy, tools, firings] = await Promise.all([
        recovery === 'Wait' ? unhealthyNow(deps, input, nodes, workloads) : [],
        otherTools === 'Wait' ? holdsOfTools(deps, input, { nodes, workloads, said }) : [],
        holdsOfFirings(deps, input, nodes),
      ]);
      const recovering = recoveryHold(unhealthy, input.unhealthyBefore);
      const holds: readonly Hold[] = [...(recovering ? [recovering] : []), ...tools, ...firings];
      return {
        unavailable: nodes.filter(isUnavailable).map(nameOf),
        holds,
        unhealthy: unhealthy.map(workloadKey).sort(),
      };
    },
  };
}

/** Each kind is a call of its own; of other tools only kured writes on one, its DaemonSet. */
async function workloadsFor(
  kube: KubeAdapter,
  { recovery, otherTools }: Pick<LookInput['policy']['holds'], 'recovery' | 'otherTools'>,
): Promise<readonly WorkloadRecord[]> {
  if (recovery === 'Wait') return await kube.workloads();
  return otherTools === 'Wait' ? await kube.workloads(['DaemonSet']) : [];
}

/** A node in work may be down at any moment, whatever it is now. */
async function unhealthyNow(
  deps: ActivityDeps,
  { access, inWork }: LookInput,
  nodes: readonly V1Node[],
  workloads: readonly WorkloadRecord[],
): Promise<readonly WorkloadFacts[]> {
  const away = nodes.filter((node) => isUnavailable(node) || inWork.includes(nameOf(node)));
  return unhealthyWorkloads(await countedWorkloads(deps.kube(access), workloads, away));
}

async function holdsOfTools(
  deps: ActivityDeps,
  { access, waiting }: LookInput,
  found: Parameters<typeof toolClaims>[2],
): Promise<readonly HoldReason[]> {
  const { claims, unreadable } = await toolClaims(deps, access, found);
  const holds = toolHolds({
    waiting: waiting.map((entry) => entry.node),
    claims,
    nowMs: deps.clock.now(),
  });
  return [...unreadable.map((reason) => ({ reason })), ...holds];
}

/** Only a drain can harm a firing. */
async function holdsOfFirings(
  deps: ActivityDeps,
  input: LookInput,
  nodes: readonly V1Node[],
): Promise<readonly HoldReason[]> {
  const { access, policy, waiting, inWork, expectedMs } = input;
  const drained = waiting.filter(
    ({ disruption }) => disruption === 'Drain' || disruption === 'Reboot',
  );
  if (policy.holds?.cronJobs !== 'Wait' || drained.length === 0) return [];
  const forecasts = await upcomingFirings(deps, access, nodes);
  if (forecasts.length === 0) return [];
  const unavailable = [...new Set([...inWork, ...nodes.filter(isUnavailable).map(nameOf)])];
  const nowMs = deps.clock.now();
  return drained.flatMap(({ node }) => {
    const question = { node, nowMs, expectedMs, unavailable, forecasts, drain: policy.drain };
    return firingHold(question) ?? [];
  });
}
