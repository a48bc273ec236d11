/** Short ways to write down measurements in tests of judgements. */
import { rankSum } from '../../activities/adapters/statistics.ts';
import { judge } from '../../workflows/domain/analysis.ts';
import type {
  Comparison,
  IndicatorVerdict,
  JudgedIndicator,
  Judgement,
  Reading,
  Round,
} from '../../workflows/domain/analysis-types.ts';

/** A number, "error: why", "none: why" for no data, or nothing for a node that was not asked. */
export type Cell = number | string | undefined;

/** By node, what it answered in each round. */
export type Table = Readonly<Record<string, readonly Cell[]>>;

export const LIMITS = { minSamples: 8, confidence: 0.99, maxErrors: 2, baselineRounds: 8 };

export const START: JudgedIndicator = {
  ...{ name: 'container-start', source: 'ContainerStart', scope: 'Node', worse: 'Higher' },
  ...{ unit: 'ms', kind: 'Level', tolerance: 150 },
};
export const RESTARTS: JudgedIndicator = {
  ...{ name: 'pod-restarts', source: 'PodRestarts', scope: 'Node', worse: 'Higher' },
  ...{ unit: 'restarts', kind: 'Counter', tolerance: 1 },
};
export const CONDITIONS: JudgedIndicator = {
  ...{ name: 'node-conditions', source: 'NodeConditions', scope: 'Node', worse: 'Higher' },
  ...{ unit: 'conditions', kind: 'Level', tolerance: 0 },
};

/** Rounds of a baseline in these tests; the soak begins with the next one. */
export const BEFORE = 8;

/** Returns the time of a round; rounds of the soak come a quarter of an hour later. */
export function at(round: number): string {
  const ms = Date.UTC(2026, 2, 1) + round * 30_000 + (round >= BEFORE ? 900_000 : 0);
  return new Date(ms).toISOString();
}

export function comparisonOf(patched: readonly string[], control: readonly string[]): Comparison {
  return {
    ...{ cluster: 'east', patched, control },
    patchedAt: Object.fromEntries(patched.map((node) => [node, at(BEFORE - 0.5)])),
    soakFrom: at(BEFORE),
  };
}

/** Returns the rounds of some tables by the indicator's name. */
export function roundsOf(tables: Readonly<Record<string, Table>>): readonly Round[] {
  const cells = Object.values(tables).flatMap((table) => Object.values(table));
  const length = Math.max(0, ...cells.map((row) => row.length));
  return Array.from({ length }, (_, round) => ({
    cluster: 'east',
    at: at(round),
    readings: Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [
        name,
        Object.entries(table).flatMap(([node, row]) => reading(node, row[round])),
      ]),
    ),
  }));
}

function reading(node: string, cell: Cell): Reading[] {
  if (cell === undefined) return [];
  if (typeof cell === 'number') return [{ node, value: cell }];
  const [kind, why = ''] = cell.split(': ');
  return [kind === 'error' ? { node, error: why } : { node, noData: why }];
}

/** Returns what the patched node "p" and control nodes come to; nodes named p… are patched, c… are not. */
export function judged(
  table: Table,
  indicator: JudgedIndicator = START,
  limits: Partial<typeof LIMITS> = {},
): IndicatorVerdict {
  const [verdict] = judgedAll({ [indicator.name]: table }, [indicator], limits).indicators;
  if (!verdict) throw new Error('no verdict');
  return verdict;
}

export function judgedAll(
  tables: Readonly<Record<string, Table>>,
  indicators: readonly JudgedIndicator[],
  limits: Partial<typeof LIMITS> = {},
): Judgement {
  const nodes = [...new Set(Object.values(tables).flatMap((table) => Object.keys(table)))];
  const comparison = comparisonOf(
    nodes.filter((node) => node.startsWith('p')),
    nodes.filter((node) => node.startsWith('c')),
  );
  const rounds = roundsOf(tables);
  return judge({ indicators, limits: { ...LIMITS, ...limits }, rounds, comparison, test: rankSum });
}

/** Returns values around a level, always the same ones; another phase begins elsewhere among them. */
export function around(level: number, count: number, phase = 0): number[] {
  const noise = [0, 20, -15, 5, -10, 12, -6];
  return Array.from({ length: count }, (_, i) => level + (noise[(i + phase) % noise.length] ?? 0));
}

/** Returns a node's row: its level before, and in twelve rounds of the soak. */
export function row(before: number, after: number, phase = 0): number[] {
  return [...around(before, BEFORE, phase), ...around(after, 12, phase + 2)];
}

/** Returns a list of the same cell. */
export function times<T extends Cell>(count: number, cell: T): T[] {
  return Array.from({ length: count }, () => cell);
}
