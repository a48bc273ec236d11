/** One fault, struck in one rollout of one node, with what came of it. */
import { kubectl } from '../../lab/control-plane.ts';
import { onNode } from '../../lab/node.ts';
import { type Disturbance, Observation } from '../../lab/observation.ts';
import { forget } from '../../lab/reset-nodes.ts';
import { messageOf, run } from '../../lab/run.ts';
import type { LabNode } from '../../lab/settings.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import { BAD, NEW } from '../lab/activity-kit.ts';
import { installations } from '../lab/rollout-kit.ts';
import type { Fault } from './faults.ts';
import { type FleetState, readFleet } from './fleet-state.ts';
import { type Told, violationsOf } from './invariant.ts';
import { draw } from './seed.ts';
import { type Clients, strikeInRollout } from './strike.ts';
import type { CaseRow } from './table.ts';

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
