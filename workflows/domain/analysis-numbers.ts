/** The few numbers that judgements are made of; robust ones, since one bad reading proves nothing. */

/** Returns the value in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Returns the average; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** Returns by how much `left` is larger: the median of all differences between the two (Hodges-Lehmann). */
export function shiftBetween(left: readonly number[], right: readonly number[]): number {
  return median(left.flatMap((a) => right.map((b) => a - b)));
}

/**
 * Returns how surely a value of `left` is larger than one of `right`, from -1 to 1: the share of pairs
 * in which it is, less the share in which it is smaller (rank-biserial correlation).
 */
export function rankBiserial(left: readonly number[], right: readonly number[]): number {
  return mean(left.flatMap((a) => right.map((b) => Math.sign(a - b))));
}

/** Returns the value without the dust of floating point, which would pass for a difference where there is none. */
export function dusted(value: number, largest: number): number {
  if (largest === 0) return 0;
  const digits = Math.max(0, 9 - Math.ceil(Math.log10(largest)));
  return Math.round(value * 10 ** digits) / 10 ** digits + 0;
}
