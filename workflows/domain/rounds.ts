/** Chooses which nodes are measured, and what of that a judgement needs. Called from workflows: replay-visible. */
import type { Comparison, Round } from './analysis-types.ts';
import { keyOf } from './lifecycle.ts';
import type { Plan, PlannedNode, PlannedWave } from './plan-types.ts';

/**
 * Returns the nodes that a wave is compared with: those of its cluster that are neither touched yet
 * nor in the wave. The last of the plan come first, since they stay what they are for longest, and
 * failure domains take turns.
 */
export function chooseControls(input: {
  readonly plan: Plan;
  readonly cluster: string;
  /** keyOf of every node whose update has begun, however it ended. */
  readonly touched: ReadonlySet<string>;
  readonly wave: PlannedWave;
  readonly max: number;
}): readonly PlannedNode[] {
  const inWave = new Set(input.wave.nodes.map(keyOf));
  const left = nodesOf(input.plan, input.cluster).filter(
    (node) => !input.touched.has(keyOf(node)) && !inWave.has(keyOf(node)),
  );
  return takeTurns(left.reverse()).slice(0, input.max);
}

/**
 * Returns the updated nodes that are measured during the soak of a wave: its own first, then those
 * of earlier waves, the longest updated first, for what fails late.
 */
export function choosePatched(input: {
  readonly plan: Plan;
  readonly wave: PlannedWave;
  /** keyOf of every node that runs the new version. */
  readonly updated: ReadonlySet<string>;
  readonly max: number;
}): readonly PlannedNode[] {
  const { wave, updated } = input;
  const inWave = new Set(wave.nodes.map(keyOf));
  const own = wave.nodes.filter((node) => updated.has(keyOf(node)));
  const earlier = nodesOf(input.plan, wave.cluster).filter(
    (node) => updated.has(keyOf(node)) && !inWave.has(keyOf(node)),
  );
  return [...takeTurns(own), ...takeTurns(earlier)].slice(0, input.max);
}

/**
 * Returns what a judgement needs of everything that was measured: of each node compared the last
 * `baselineRounds` rounds before its update, and the soak; a control node is kept in all of these.
 */
export function roundsFor(
  rounds: readonly Round[],
  comparison: Comparison,
  baselineRounds: number,
): readonly Round[] {
  const ofCluster = rounds
    .filter((round) => round.cluster === comparison.cluster)
    .sort((a, b) => timeOf(a.at) - timeOf(b.at));
  const kept = new Set(
    ofCluster.filter((round) => timeOf(round.at) >= timeOf(comparison.soakFrom)),
  );
  for (const node of comparison.patched) {
    const before = ofCluster.filter(
      (round) => timeOf(round.at) < patchedAt(comparison, node) && measures(round, node),
    );
    for (const round of before.slice(-baselineRounds)) kept.add(round);
  }
  // The empty name is the fleet's.
  const nodes = new Set(['', ...comparison.patched, ...comparison.control]);
  return ofCluster.filter((round) => kept.has(round)).map((round) => onlyOf(round, nodes));
}

/** Returns when a node's update began, in milliseconds; a node without such a time has no rounds before it. */
export function patchedAt(comparison: Comparison, node: string): number {
  const at = comparison.patchedAt[node];
  return at === undefined ? Number.NEGATIVE_INFINITY : timeOf(at);
}

/** Returns an RFC 3339 time in milliseconds. */
export function timeOf(at: string): number {
  return Date.parse(at);
}

function nodesOf(plan: Plan, cluster: string): PlannedNode[] {
  return plan.waves.filter((wave) => wave.cluster === cluster).flatMap((wave) => wave.nodes);
}

/** Keeps the order within a failure domain, and changes the domain as often as possible. */
function takeTurns(nodes: readonly PlannedNode[]): PlannedNode[] {
  const rank = new Map<PlannedNode, number>();
  const seen = new Map<string, number>();
  for (const node of nodes) {
    const place = seen.get(node.failureDomain) ?? 0;
    rank.set(node, place);
    seen.set(node.failureDomain, place + 1);
  }
  return [...nodes].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
}

function measures(round: Round, node: string): boolean {
  return Object.values(round.readings).some((readings) =>
    readings.some((reading) => reading.node === node),
  );
}

function onlyOf(round: Round, nodes: ReadonlySet<string>): Round {
  const readings = Object.entries(round.readings).map(
    ([name, list]) => [name, list.filter((reading) => nodes.has(reading.node))] as const,
  );
  return { ...round, readings: Object.fromEntries(readings) };
}
