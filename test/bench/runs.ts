/** What both ways are measured by, and how the fleet is made alike before each of them. */
import { kubectl } from '../../lab/control-plane.ts';
import { onNode } from '../../lab/node.ts';
import { type Disturbance, Observation } from '../../lab/observation.ts';
import { forget, resetNodes } from '../../lab/reset-nodes.ts';
import { run, waitFor } from '../../lab/run.ts';
import { nodes } from '../../lab/settings.ts';
import { ensureWorkload } from '../../lab/workload.ts';

export type Way = 'usual' | 'tidegate';

/** One pass over the five nodes. */
export interface Run {
  readonly way: Way;
  readonly wallMs: number;
  readonly disturbance: Disturbance;
  /** Milliseconds of the whole, by what they were spent on. */
  readonly spentMs: Readonly<Record<string, number>>;
  /** Tidegate only: milliseconds of one node's phases, on average. */
  readonly phasesMs?: Readonly<Record<string, number>>;
}

/** What a way tells of itself. */
export type Told = Pick<Run, 'wallMs' | 'spentMs' | 'phasesMs'>;

/** Runs one way under observation. */
export async function observed(way: Way, work: () => Promise<Told>): Promise<Run> {
  const observation = await Observation.start();
  let told: Told;
  try {
    told = await work();
  } catch (error) {
    await observation.abandon();
    throw error;
  }
  return { way, ...told, disturbance: await observation.stop() };
}

/**
 * Makes the fleet alike: old package everywhere, fresh package lists and no downloaded packages, a
 * new batch, and pods spread over all nodes. The lists are a present to the usual way: Tidegate
 * fetches its own.
 */
export async function prepareFleet(): Promise<void> {
  await resetNodes();
  for (const { code, stderr } of await Promise.all(
    nodes.map((node) => onNode(node, `${forget}; apt-get -q update`)),
  )) {
    if (code !== 0) throw new Error(`a node cannot be prepared: ${stderr.trim()}`);
  }
  // On a fresh lab there is nothing yet to be started anew.
  await ensureWorkload();
  await run(inShop('delete', 'job', 'batch', '--ignore-not-found', '--wait'));
  await run(inShop('rollout', 'restart', 'deployment/web', 'statefulset/db'));
  await ensureWorkload();
  await waitFor({
    what: 'pods of the earlier run to be gone',
    timeoutMs: 60_000,
    everyMs: 500,
    until: async () => {
      const path = 'jsonpath={.items[*].metadata.deletionTimestamp}';
      return (await run(inShop('get', 'pods', '-o', path))) === '';
    },
  });
}

function inShop(...words: string[]): string[] {
  return kubectl('-n', 'shop', ...words);
}
