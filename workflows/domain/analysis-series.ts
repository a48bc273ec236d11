/** Turns rounds into what each node has answered, before its update and in the soak. */
import type { Comparison, JudgedIndicator, Reading, Round } from './analysis-types.ts';
import { patchedAt, timeOf } from './rounds.ts';

/** A number that is larger where the node is worse off, whatever the indicator's direction. */
export interface Point {
  readonly atMs: number;
  readonly value: number;
  /** Of counters: the time in which it has grown by that much. */
  readonly gapMs: number;
}

export interface NodeSeries {
  readonly node: string;
  /** For a control node everything before the soak, for a patched one its last rounds before its update. */
  readonly before: readonly Point[];
  readonly soak: readonly Point[];
}

export interface SeriesInput {
  readonly indicator: JudgedIndicator;
  /** Of the cluster, oldest first. */
  readonly rounds: readonly Round[];
  readonly comparison: Comparison;
  readonly baselineRounds: number;
}

/** The name that readings of the scope Fleet have. */
export const FLEET = '';

/** Returns the rounds of the cluster, oldest first. */
export function inOrder(rounds: readonly Round[], { cluster }: Comparison): readonly Round[] {
  return rounds
    .filter((round) => round.cluster === cluster)
    .sort((a, b) => timeOf(a.at) - timeOf(b.at));
}

/** Returns those of the soak. */
export function soakRounds(rounds: readonly Round[], comparison: Comparison): readonly Round[] {
  const from = timeOf(comparison.soakFrom);
  return rounds.filter((round) => timeOf(round.at) >= from);
}

/** Returns the names of the sides: the fleet's one number stands on the patched one. */
export function sidesOf(
  indicator: JudgedIndicator,
  { patched, control }: Comparison,
): { readonly patched: readonly string[]; readonly control: readonly string[] } {
  return indicator.scope === 'Fleet' ? { patched: [FLEET], control: [] } : { patched, control };
}

/** Tells a number from what only looks like one: NaN crosses JSON as null. */
export function isNumber(reading: Reading): reading is Reading & { readonly value: number } {
  return 'value' in reading && Number.isFinite(reading.value);
}

/** Returns what the patched nodes have answered. */
export function patchedSeries(input: SeriesInput): readonly NodeSeries[] {
  const { indicator, comparison, baselineRounds } = input;
  return sidesOf(indicator, comparison).patched.map((node) => {
    const series = seriesOf(input, node, updateOf(comparison, node));
    return { ...series, before: series.before.slice(-baselineRounds) };
  });
}

/** Returns what the control nodes have answered. */
export function controlSeries(input: SeriesInput): readonly NodeSeries[] {
  const { indicator, comparison } = input;
  const from = timeOf(comparison.soakFrom);
  return sidesOf(indicator, comparison).control.map((node) => seriesOf(input, node, from));
}

/** The fleet is what it was before until the first of its nodes is updated. */
function updateOf(comparison: Comparison, node: string): number {
  const from = timeOf(comparison.soakFrom);
  if (node !== FLEET) return Math.min(from, patchedAt(comparison, node));
  return Math.min(from, ...comparison.patched.map((name) => patchedAt(comparison, name)));
}

function seriesOf(input: SeriesInput, node: string, untilMs: number): NodeSeries {
  const { indicator, comparison } = input;
  const from = timeOf(comparison.soakFrom);
  const points = input.rounds.flatMap((round): Point[] => {
    const reading = round.readings[indicator.name]?.find((entry) => entry.node === node);
    if (!reading || !isNumber(reading)) return [];
    return [{ atMs: timeOf(round.at), value: reading.value, gapMs: 0 }];
  });
  const shaped = (part: readonly Point[]) => {
    const grown = indicator.kind === 'Counter' ? growth(part) : part;
    return indicator.worse === 'Higher' ? grown : grown.map(negated);
  };
  return {
    node,
    before: shaped(points.filter(({ atMs }) => atMs < untilMs)),
    soak: shaped(points.filter(({ atMs }) => atMs >= from)),
  };
}

/**
 * Returns by how much a counter has grown from each reading to the next. One that was reset, or lost
 * what it counted (a pod that is gone takes its restarts along), has not grown.
 */
function growth(points: readonly Point[]): Point[] {
  return points.slice(1).map(({ atMs, value }, index) => {
    const last = points[index] as Point;
    return { atMs, value: Math.max(0, value - last.value), gapMs: Math.max(1, atMs - last.atMs) };
  });
}

function negated(point: Point): Point {
  return { ...point, value: 0 - point.value };
}
