/** Measures by how much patched nodes became worse, and how sure that is. */
import {
  type Contrast,
  contrast,
  expectedGrowth,
  grown,
  overRounds,
  overSameRounds,
} from './analysis-contrast.ts';
import { dusted, mean, median } from './analysis-numbers.ts';
import type { NodeSeries } from './analysis-series.ts';
import type { JudgedIndicator } from './analysis-types.ts';

/** A test of two samples that asks whether one is larger. Passed in, since the domain has no library. */
export interface RankTest {
  readonly name: string;
  /** Returns how likely `left` would be so much larger than `right` if both came from the same source. */
  pValue(left: readonly number[], right: readonly number[]): number;
}

/** A pass is proven less strictly than a fail: a harmless patch must not wait for ever. */
const SCATTER_ALPHA = 0.1;

/** What a change is measured with. */
export interface Scale {
  readonly indicator: JudgedIndicator;
  readonly tolerance: number;
  readonly test: RankTest;
}

export interface Sides {
  readonly indicator: JudgedIndicator;
  readonly patched: readonly NodeSeries[];
  /** Absent where there is nothing to compare with but the past. */
  readonly control: readonly NodeSeries[] | undefined;
}

/** What both sides came to, as they were measured: medians, and for counters the growth of a node. */
export interface Levels {
  readonly baseline: number;
  readonly patched: number;
  readonly control: number;
  readonly patchedNodes: number;
  readonly controlNodes: number;
}

/** How much worse patched nodes became. */
export interface Change {
  readonly contrast: Contrast;
  readonly shift: number;
  /** Against their own past alone. */
  readonly ownShift: number;
}

/** Returns what both sides came to; averages where medians would hide what is mostly zero. */
export function levelsOf({ indicator, patched, control = [] }: Sides, seen: Contrast): Levels {
  const answered = control.filter(({ soak }) => soak.length > 0);
  const plain = (value: number) => (indicator.worse === 'Higher' ? value : 0 - value);
  const join = seen.mostlyZero ? mean : median;
  const over = (nodes: readonly NodeSeries[], part: 'before' | 'soak') => {
    const points = nodes.map((node) => node[part]);
    return join(overRounds(points, join).map(({ value }) => value));
  };
  const numbers =
    indicator.kind === 'Level'
      ? [over(patched, 'before'), over(patched, 'soak'), over(answered, 'soak')]
      : [mean(patched.map(expectedGrowth)), mean(patched.map(grown)), mean(answered.map(grown))];
  const [baseline = 0, after = 0, others = 0] = numbers;
  return {
    baseline: plain(baseline),
    patched: plain(after),
    control: answered.length > 0 ? plain(others) : 0,
    patchedNodes: patched.length,
    controlNodes: answered.length,
  };
}

/** Returns what an indicator may become worse by, in its unit: the larger of its two limits. */
export function toleranceOf(indicator: JudgedIndicator, levels: Levels | undefined): number {
  const { tolerance, tolerancePercent = 0 } = indicator;
  const baseline = Math.abs(levels?.baseline ?? 0);
  return Math.max(tolerance, (tolerancePercent / 100) * baseline);
}

/** Returns how much worse patched nodes became. */
export function changeOf({ indicator, patched, control }: Sides): Change {
  const seen = contrast(indicator.kind, patched, control);
  const ownShift = control ? contrast(indicator.kind, patched, undefined).shift : seen.shift;
  // Control nodes that count less than before are no harm done to the others.
  const shift = indicator.kind === 'Counter' ? Math.min(seen.shift, ownShift) : seen.shift;
  return { contrast: seen, shift, ownShift };
}

/**
 * Returns how likely readings like these are if the patched nodes became worse by no more than a
 * margin. That is half of the tolerance: nodes drift a little without any patch, and readings close in
 * time resemble each other, which a test of ranks takes for more evidence than there is. Counters and
 * whatever is mostly zero have none, since that would put each zero of the soak below those of before.
 */
export function pValueOf(
  { indicator, tolerance, test }: Scale,
  { contrast: { before, soak, mostlyZero } }: Change,
): number {
  const margin = indicator.kind === 'Level' && !mostlyZero ? tolerance / 2 : 0;
  return compared(test, { left: soak, right: before, ahead: -margin });
}

/** Tells whether the readings are too scattered to rule out twice the tolerance. */
export function isScattered(
  { indicator, tolerance, test }: Scale,
  { contrast: { before, soak, mostlyZero } }: Change,
): boolean {
  if (indicator.kind === 'Counter' || mostlyZero || tolerance === 0) return false;
  return compared(test, { left: before, right: soak, ahead: 2 * tolerance }) > SCATTER_ALPHA;
}

/** Moves one side before it is compared; what is equal stays equal, whatever floating point makes of it. */
function compared(
  test: RankTest,
  sides: {
    readonly left: readonly number[];
    readonly right: readonly number[];
    readonly ahead: number;
  },
): number {
  const left = sides.left.map((value) => value + sides.ahead);
  const largest = Math.max(...[...left, ...sides.right].map(Math.abs));
  const clean = (values: readonly number[]) => values.map((value) => dusted(value, largest));
  return test.pValue(clean(left), clean(sides.right));
}

/** Returns in how many rounds the patched nodes are worse at all. */
export function worseRounds(soak: readonly number[]): number {
  return soak.filter((value) => value > 0).length;
}

/** Returns what the control nodes became worse by, over the same rounds. */
export function controlShiftOf({ indicator, patched, control = [] }: Sides): number {
  const seen = contrast(indicator.kind, overSameRounds(control, patched), undefined);
  return seen.nodes.length > 0 ? seen.shift : 0;
}
