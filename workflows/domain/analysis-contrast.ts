/**
 * Sets patched nodes against control nodes, minute by minute: what hits both at once cancels out, and
 * how far apart they were before is taken off. The same is done for the rounds before the update:
 * a soak is judged against those, not against a baseline that is taken for exact.
 */
import { dusted, mean, median, shiftBetween, sum } from './analysis-numbers.ts';
import type { NodeSeries, Point } from './analysis-series.ts';
import type { JudgedIndicator } from './analysis-types.ts';

type Kind = JudgedIndicator['kind'];
type Join = (values: readonly number[]) => number;

/** How much worse patched nodes are than control nodes, a number for each round. */
export interface Contrast {
  readonly before: readonly number[];
  readonly soak: readonly number[];
  /** What the patched nodes became worse by. */
  readonly shift: number;
  /** Most of it is exactly nothing, as with restarts or conditions. */
  readonly mostlyZero: boolean;
  /** Patched nodes that could be compared: they were measured before as well. */
  readonly nodes: readonly string[];
}

/** One patched node, less what happened to the control nodes in the same rounds. */
interface Difference {
  readonly node: string;
  readonly before: readonly Point[];
  readonly soak: readonly Point[];
}

/** Compares both sides; without control nodes the patched ones are compared with their own past. */
export function contrast(
  kind: Kind,
  patched: readonly NodeSeries[],
  control: readonly NodeSeries[] | undefined,
): Contrast {
  const difference = kind === 'Level' ? levelDifference : growthDifference;
  const differences = patched
    .map((node) => difference(node, control))
    .filter(({ before, soak }) => before.length > 0 && soak.length > 0);
  const nodes = differences.map(({ node }) => node);
  const join = kind === 'Level' ? median : mean;
  const size = largest(kind, [...patched, ...(control ?? [])]);
  const [before = [], soak = []] = (['before', 'soak'] as const).map((part) =>
    overRounds(
      differences.map((entry) => entry[part]),
      join,
    ).map(({ value }) => dusted(value, size)),
  );
  const all = [...before, ...soak];
  const mostlyZero = all.filter((value) => value === 0).length * 2 > all.length;
  return {
    before,
    soak,
    shift:
      kind === 'Level'
        ? levelShift(before, soak, mostlyZero)
        : growthShift(
            patched.filter(({ node }) => nodes.includes(node)),
            control,
          ),
    mostlyZero,
    nodes,
  };
}

/** Returns the largest of the numbers that are compared. */
function largest(kind: Kind, nodes: readonly NodeSeries[]): number {
  const points = nodes.flatMap(({ before, soak }) => [...before, ...soak]);
  const values = kind === 'Level' ? points : points.map(rate);
  return values.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
}

/** Returns each control node with only the baseline rounds of the patched ones. */
export function overSameRounds(
  control: readonly NodeSeries[],
  patched: readonly NodeSeries[],
): readonly NodeSeries[] {
  const times = new Set(patched.flatMap(({ before }) => before.map(({ atMs }) => atMs)));
  return control.map((node) => ({
    ...node,
    before: node.before.filter(({ atMs }) => times.has(atMs)),
  }));
}

/** Returns a value for each round that somebody answered in, joined over the nodes that did. */
export function overRounds(nodes: readonly (readonly Point[])[], join: Join): Point[] {
  return [...byRound(nodes).entries()]
    .sort(([a], [b]) => a - b)
    .map(([atMs, values]) => ({ atMs, value: join(values), gapMs: 0 }));
}

function byRound(nodes: readonly (readonly Point[])[]): Map<number, number[]> {
  const rounds = new Map<number, number[]>();
  for (const { atMs, value } of nodes.flat()) {
    const known = rounds.get(atMs);
    if (known) known.push(value);
    else rounds.set(atMs, [value]);
  }
  return rounds;
}

/**
 * Each control node by itself, in the rounds that both have answered in: what hits both at once is
 * nowhere in it, not even in how far apart they were before.
 */
function levelDifference(node: NodeSeries, control: readonly NodeSeries[] | undefined): Difference {
  if (!control) return centred(node);
  const pairs = withBaseline(control, node).map((other) => {
    const part = (name: 'before' | 'soak') => less(node[name], byRound([other[name]]), median);
    return centred({ node: node.node, before: part('before'), soak: part('soak') });
  });
  const part = (name: 'before' | 'soak') =>
    overRounds(
      pairs.map((pair) => pair[name]),
      median,
    );
  return { node: node.node, before: part('before'), soak: part('soak') };
}

/** Growth per time on both sides; there is no level to take off. */
function growthDifference(
  node: NodeSeries,
  control: readonly NodeSeries[] | undefined,
): Difference {
  const own = control && withBaseline(control, node);
  const part = (name: 'before' | 'soak') => {
    const points = node[name].map(rate);
    return own ? less(points, byRound(own.map((entry) => entry[name].map(rate))), mean) : points;
  };
  return { node: node.node, before: part('before'), soak: part('soak') };
}

function rate(point: Point): Point {
  return { ...point, value: point.value / point.gapMs };
}

/** Returns the control nodes with only the baseline rounds of a patched one, as far as they have those. */
function withBaseline(control: readonly NodeSeries[], node: NodeSeries): readonly NodeSeries[] {
  return overSameRounds(control, [node]).filter(({ before }) => before.length > 0);
}

function centred({ node, before, soak }: NodeSeries): Difference {
  const level = median(before.map(({ value }) => value));
  const off = (point: Point) => ({ ...point, value: point.value - level });
  return { node, before: before.map(off), soak: soak.map(off) };
}

/** Leaves out rounds in which there is nothing to take off. */
function less(
  points: readonly Point[],
  others: ReadonlyMap<number, readonly number[]>,
  join: Join,
): Point[] {
  return points.flatMap((point) => {
    const values = others.get(point.atMs);
    return values ? [{ ...point, value: point.value - join(values) }] : [];
  });
}

/** A median knows nothing of what happens in fewer than half of the rounds; an average does. */
function levelShift(
  before: readonly number[],
  soak: readonly number[],
  mostlyZero: boolean,
): number {
  return mostlyZero ? mean(soak) - mean(before) : shiftBetween(soak, before);
}

/** Returns what a node's counter has grown by in the soak. */
export function grown({ soak }: NodeSeries): number {
  return sum(soak.map(({ value }) => value));
}

/** Returns what it would have grown by at the pace of before. */
export function expectedGrowth({ before, soak }: NodeSeries): number {
  const timeOf = (points: readonly Point[]) => sum(points.map(({ gapMs }) => gapMs));
  return (sum(before.map(({ value }) => value)) / timeOf(before)) * timeOf(soak);
}

/** The growth beyond what the time before makes one expect, less the same of the control nodes. */
function growthShift(
  patched: readonly NodeSeries[],
  control: readonly NodeSeries[] | undefined,
): number {
  const excess = (node: NodeSeries) => grown(node) - expectedGrowth(node);
  const shifts = patched.map((node) => {
    const own = control && withBaseline(control, node);
    return excess(node) - (own ? mean(own.map(excess)) : 0);
  });
  return dusted(mean(shifts), Math.max(...patched.map(grown).map(Math.abs)));
}
