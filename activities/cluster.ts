/** Activities that concern a whole cluster: its lease, its unavailable nodes, its health. */
import type { ClusterActivities } from '../workflows/contract.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import type { PlannedNode } from '../workflows/domain/plan-types.ts';
import type { KubeAdapter } from './adapters/kube-adapter.ts';
import { daemonSetProblems } from './checks/daemonset-check.ts';
import { judgeHost, judgeNode } from './checks/host-check.ts';
import { acquireLease, releaseLease } from './cluster-lease.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { failureType, messageOf } from './failure.ts';
import { inspectHost } from './host-facts.ts';
import { isUnavailable, nameOf } from './node-facts.ts';
import { mapLimited } from './parallel.ts';

/** sshd refuses handshakes beyond MaxStartups; hosts differ here, but workers have limits as well. */
const PARALLEL_HOSTS = 8;

/** Returns the activities that concern a whole cluster. */
export function clusterActivities(deps: ActivityDeps): Omit<ClusterActivities, 'lookBeforeStart'> {
  return {
    /**
     * *Effect*: the Lease tidegate/tidegate of the cluster names the holder; that of a rollout which
     * has ended without giving it back is taken over.
     * *Idempotent because*: the holder's own lease is renewed.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: LeaseHeld, Kubernetes….
     */
    async acquireClusterLease({ access, holder }) {
      await acquireLease(deps, access, holder);
    },

    /**
     * *Effect*: the holder's Lease is gone.
     * *Idempotent because*: a Lease that is gone, or another's, is left.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: Kubernetes….
     */
    async releaseClusterLease({ access, holder }) {
      await releaseLease(deps, access, holder);
    },

    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; one call.
     * *Fails with*: Kubernetes….
     */
    async unavailableNodes({ access }) {
      const nodes = await deps.kube(access).listNodes();
      return nodes.filter(isUnavailable).map(nameOf);
    },

    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; hosts are read eight at a time.
     * *Fails with*: KubernetesForbidden, KubeconfigInvalid; a node that cannot be read is a finding.
     */
    async checkHealth({ access, nodes }) {
      const findings = await mapLimited(nodes, PARALLEL_HOSTS, async (node) => {
        const found = await nodeFindings(deps, access, node);
        return found.map((finding) => `${node.node}: ${finding}`);
      });
      return findings.flat();
    },
  };
}

async function nodeFindings(
  deps: ActivityDeps,
  access: ClusterAccess,
  planned: PlannedNode,
): Promise<readonly string[]> {
  const kube = deps.kube(access);
  const asked = await Promise.all([
    finding(() => nodeObject(kube, planned.node)),
    finding(() => daemonSetPods(kube, planned.node)),
    finding(() => hostState(deps, access, planned)),
  ]);
  return asked.flat();
}

/** What cannot be read is a finding; what no retry and no other node can change is an error. */
async function finding(ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await ask();
  } catch (error) {
    const type = failureType(error);
    if (!type || type === 'KubernetesForbidden' || type === 'KubeconfigInvalid') throw error;
    return [`${type}: ${messageOf(error)}`];
  }
}

async function nodeObject(kube: KubeAdapter, node: string): Promise<readonly string[]> {
  const answer = judgeNode(await kube.getNode(node));
  return answer.kind === 'Passed' ? [] : answer.reasons;
}

async function daemonSetPods(kube: KubeAdapter, node: string): Promise<readonly string[]> {
  return daemonSetProblems(await kube.podsOn(node));
}

async function hostState(
  deps: ActivityDeps,
  access: ClusterAccess,
  planned: PlannedNode,
): Promise<readonly string[]> {
  const { node, address, packages } = planned;
  const names = packages.map((entry) => entry.name);
  const found = await withHost(deps, { access, node, address }, (host) =>
    inspectHost(host, node, names),
  );
  const answer = judgeHost(found, { packages, expect: 'To' });
  return answer.kind === 'Passed' ? [] : answer.reasons;
}
