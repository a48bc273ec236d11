/** One fault, struck in one rollout of one node, with what came of it. */
import { randomUUID } from 'node:crypto';
import type { TemporalConnection } from '../../client/connection.ts';
import { TidegateError } from '../../client/errors.ts';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { kubectl } from '../../lab/control-plane.ts';
import { onNode } from '../../lab/node.ts';
import { type Disturbance, Observation } from '../../lab/observation.ts';
import { partPid } from '../../lab/processes.ts';
import { forget } from '../../lab/reset-nodes.ts';
import { messageOf, run, sleep } from '../../lab/run.ts';
import { image, type LabNode } from '../../lab/settings.ts';
import { startWorker, workerPart } from '../../lab/worker.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import { BAD, containerd, NEW } from '../lab/activity-kit.ts';
import { bundleTo, installations, rolloutTo } from '../lab/rollout-kit.ts';
import type { Fault, Target } from './faults.ts';
import { type FleetState, readFleet } from './fleet-state.ts';
import { type Told, violationsOf } from './invariant.ts';
import { MissedMoment, NodeFollower } from './moment.ts';
import { draw } from './seed.ts';
import type { CaseRow } from './table.ts';

const END_WITHIN_MS = 200_000;

const policy = {
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'chaos' },
  spec: {
    drain: { timeoutSeconds: 60, jobs: 'Wait' },
    verification: {
      timeoutSeconds: 20,
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

/** Strikes one fault and returns its row; whatever it left is healed, and nodes are not reset. */
export async function runCase(
  clients: Clients,
  fault: Fault,
  args: { readonly node: LabNode; readonly seed: number },
): Promise<CaseRow> {
  const { node, seed } = args;
  const version = fault.bundle === 'Bad' ? BAD : NEW;
  await prepare(fault, node);
  const before = await readFleet();
  const installed = await installations(node.name, version);
  const observation = await Observation.start();
  const started = Date.now();
  const delayMs = draw(seed, fault.id, fault.moment.delayMs);
  const struck = await strikeInRollout(clients, fault, { node, version, delayMs });
  const seconds = (Date.now() - started) / 1000;
  const harm = await harmOf(observation);
  const after = await readFleet();
  return {
    fault: fault.id,
    moment: struck.moment,
    node: node.name,
    outcome: struck.told(node.name),
    reason: struck.reason,
    seconds,
    installs: (await installations(node.name, version)) - installed,
    harm,
    violations: [
      ...struck.violations,
      ...judgeFleet(before, after, struck.told, containerdEnd(version)),
      ...judgeHarm(fault, harm),
    ],
  };
}

interface Struck {
  readonly moment: string;
  readonly reason: string;
  readonly told: (node: string) => Told;
  readonly violations: readonly string[];
}

async function strikeInRollout(
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

/** Returns the outcome, or in words that there is none: then the rollout is ended from outside. */
async function untilEnded(clients: Clients, name: string): Promise<RolloutOutcome | string> {
  const deadline = Date.now() + END_WITHIN_MS;
  const late = sleep(END_WITHIN_MS).then(() => 'late' as const);
  for (;;) {
    try {
      const first = await Promise.race([clients.rollouts.waitFor(name), late]);
      if (first !== 'late') return first;
    } catch (error) {
      // Temporal is down for a while in some faults; the rollout is not.
      if (!(error instanceof TidegateError)) throw error;
      if (Date.now() < deadline) {
        await sleep(1000);
        continue;
      }
    }
    const { client } = clients.temporal;
    await client.workflow.getHandle(`rollout/${name}`).terminate(`chaos ${randomUUID()}`);
    return `the rollout did not end within ${END_WITHIN_MS / 1000} s`;
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

async function prepare(fault: Fault, node: LabNode): Promise<void> {
  await ensureWorkload();
  // Its pods would be waited for, longer than a test should.
  if (fault.bundle === 'Drain')
    await run(kubectl('-n', 'shop', 'delete', 'job', 'batch', '--wait'));
  const { code, stderr } = await onNode(node, forget);
  if (code !== 0) throw new Error(`${node.name} cannot be prepared: ${stderr}`);
  if (fault.prepare === 'Cordon') await run(kubectl('cordon', node.name));
}

function containerdEnd(version: string): { version: string; daemonVersion: string } {
  return { version, daemonVersion: version === BAD ? NEW : version };
}

function judgeFleet(
  before: FleetState,
  after: FleetState,
  told: (node: string) => Told,
  to: { readonly version: string; readonly daemonVersion: string },
): readonly string[] {
  const cases = before.nodes.flatMap((found) => {
    const now = after.nodes.find(({ node }) => node === found.node);
    return now ? [{ before: found, after: now, told: told(found.node), to }] : [];
  });
  return violationsOf(cases, after.clusterLease);
}

/** Returns nothing where the watch itself was cut off: then nothing is known of the pods. */
async function harmOf(observation: Observation): Promise<Disturbance | undefined> {
  try {
    return await observation.stop();
  } catch (error) {
    await observation.abandon();
    if (/the watch of pods ended/.test(messageOf(error))) return undefined;
    throw error;
  }
}

function judgeHarm(fault: Fault, harm: Disturbance | undefined): readonly string[] {
  if (fault.harmsPods || !harm) return [];
  const { jobPodsLost, cron, evicted } = harm;
  return [
    ...jobPodsLost.map((pod) => `Job pod ${pod} lost`),
    ...cron.missed.map((at) => `CronJob missed ${at}`),
    ...(fault.bundle === 'Drain' ? [] : evicted.map((pod) => `${pod} evicted for no reason`)),
  ];
}
