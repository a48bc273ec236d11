/** Medians and their like; undefined where there is nothing to count. */

/** Returns the arithmetic mean. */
export function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the middle value, or the mean of both in the middle. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}

/** Returns the value that so many percent of all do not exceed (nearest rank). */
export function percentile(values: readonly number[], percent: number): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** How several values lie. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly count: number;
}

/** Returns how values lie. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const middle = median(values);
  if (middle === undefined) return undefined;
  return {
    low: Math.min(...values),
    median: middle,
    high: Math.max(...values),
    count: values.length,
  };
}

/** How long something takes; without anything to count there is no mean. */
export interface Durations {
  readonly count: number;
  readonly meanMs?: number;
  readonly medianMs?: number;
  readonly p90Ms?: number;
}

/** Returns mean, median and the ninetieth percentile (nearest rank) of durations. */
export function durationsOf(values: readonly number[]): Durations {
  const [meanMs, medianMs, p90Ms] = [mean(values), median(values), percentile(values, 90)];
  if (meanMs === undefined || medianMs === undefined || p90Ms === undefined) return { count: 0 };
  return { count: values.length, meanMs, medianMs, p90Ms };
}

/** How many of how many; a share of nothing is no number. */
export interface Share {
  readonly count: number;
  readonly of: number;
}
