/** One rollout of one node with a fault struck in the middle of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { TemporalConnection } from '../../client/connection.ts';
import { TidegateError } from '../../client/errors.ts';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { partPid } from '../../lab/processes.ts';
import { messageOf, sleep } from '../../lab/run.ts';
import { image, type LabNode } from '../../lab/settings.ts';
import { startWorker, workerPart } from '../../lab/worker.ts';
import { type RolloutOutcome, rolloutWorkflowId } from '../../workflows/contract.ts';
import { containerd } from '../lab/activity-kit.ts';
import { bundleTo, rolloutTo } from '../lab/rollout-kit.ts';
import type { Fault, Target } from './faults.ts';
import type { Told } from './invariant.ts';
import { MissedMoment, NodeFollower } from './moment.ts';

const END_WITHIN_MS = 200_000;

const policy = {
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'chaos' },
  spec: {
    drain: { timeoutSeconds: 60, jobs: 'Wait' },
    verification: {
      // A kubelet's watch may come back half a minute after the API server has.
      timeoutSeconds: 45,
      probeImage: image,
      probeCommand: ['/tool', 'sleep', '5'],
      execCommand: ['/tool', 'true'],
    },
    undoDeadlineSeconds: 75,
  },
} as const;

export interface Clients {
  readonly rollouts: RolloutClient;
  readonly temporal: TemporalConnection;
}

/** What came of a rollout and of the fault in it. */
export interface Struck {
  readonly moment: string;
  readonly reason: string;
  readonly told: (node: string) => Told;
  readonly violations: readonly string[];
}

/** Rolls out to one node, strikes in the fault's moment, heals, and waits for the end. */
export async function strikeInRollout(
  { rollouts, temporal }: Clients,
  fault: Fault,
  args: { readonly node: LabNode; readonly version: string; readonly delayMs: number },
): Promise<Struck> {
  const { node, version, delayMs } = args;
  const { phase, step = '' } = fault.moment;
  const name = `chaos-${fault.id}`;
  const follower = await NodeFollower.before(temporal.client, node.name);
  const pending: Promise<void>[] = [];
  const target: Target = {
    node,
    sha256: containerd(version).sha256,
    untilPhase: async (wanted) => void (await follower.until(wanted, '', 15_000)),
    meanwhile: (work, ms) => void pending.push(sleep(ms).then(work)),
  };
  let moment = `${phase}${step && ` ${step}`} +${delayMs} ms`;
  let ended: Promise<RolloutOutcome | string> | undefined;
  try {
    await rollouts.start(documentOf(name, fault, { node, version }));
    const { status, failure } = await rollouts.untilPlanned(name);
    if (status?.phase !== 'AwaitingApproval') {
      throw new Error(`${name} has no plan to approve: ${failure?.message ?? status?.phase}`);
    }
    if (phase === 'Planned') await fault.strike(target);
    await rollouts.approve(name, { by: 'sre-lead', digest: status.digest ?? '' });
    ended = untilEnded({ rollouts, temporal }, name);
    if (phase !== 'Planned') {
      await follower.until(phase, step);
      await sleep(delayMs);
      await fault.strike(target);
    }
  } catch (error) {
    // The rollout goes on, and is judged; the fault does not count.
    const missed = error instanceof MissedMoment;
    moment = `MISSED ${missed ? '' : 'the fault went wrong: '}${messageOf(error)}`;
  } finally {
    await Promise.all(pending);
    await fault.heal?.(node);
    if (!(await partPid(workerPart))) await startWorker();
  }
  const outcome = await ended;
  if (outcome === undefined || typeof outcome === 'string') {
    return { moment, reason: '', told: () => 'Untouched', violations: [outcome ?? 'not started'] };
  }
  const told = (wanted: string) =>
    outcome.nodes.find((entry) => entry.node === wanted)?.outcome ?? 'Untouched';
  const own = outcome.nodes.find((entry) => entry.node === node.name);
  const reasons = own ? own.reasons : outcome.reasons;
  return { moment, reason: reasons.join('; '), told, violations: [] };
}

/** Returns the outcome, or in words why there is none. */
async function untilEnded(clients: Clients, name: string): Promise<RolloutOutcome | string> {
  const handle = clients.temporal.client.workflow.getHandle(rolloutWorkflowId(name));
  const deadline = Date.now() + END_WITHIN_MS;
  const late = delay(END_WITHIN_MS, 'Late' as const, { ref: false });
  for (;;) {
    try {
      const first = await Promise.race([clients.rollouts.waitFor(name), late]);
      if (first !== 'Late') return first;
    } catch (error) {
      // Temporal is down for a while in some faults; the rollout is not.
      if (!(error instanceof TidegateError)) throw error;
      if (await hasFailed(handle)) return `the rollout gave no outcome: ${error.message}`;
      await sleep(1000);
      if (Date.now() < deadline) continue;
    }
    await handle.terminate('did not end in time, says test/chaos');
    return `the rollout did not end within ${END_WITHIN_MS / 1000} s`;
  }
}

async function hasFailed(handle: WorkflowHandle): Promise<boolean> {
  try {
    const { status } = await handle.describe();
    return status.name !== 'RUNNING' && status.name !== 'COMPLETED';
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return false;
  }
}

function documentOf(
  name: string,
  { bundle }: Fault,
  { node, version }: { readonly node: LabNode; readonly version: string },
) {
  return rolloutTo({
    name,
    bundle: bundleTo(version, bundle === 'Drain' ? 'Drain' : 'Restart'),
    strategy: { canary: { soakSeconds: 0 }, onFailure: 'Halt' },
    spec: { policy, targets: { nodes: [node.name] } },
  });
}
