/** The test that judgements do not use, to show why: see docs/analysis.md. */

/** Returns the one-sided p of the exact Wilcoxon signed-rank test: that values are larger than 0. */
export function signedRank(values: readonly number[]): number {
  const some = values.filter((value) => value !== 0);
  const bySize = [...some].sort((a, b) => Math.abs(a) - Math.abs(b));
  const positive = bySize.reduce((sum, value, index) => sum + (value > 0 ? index + 1 : 0), 0);
  // How many of the 2^n choices of signs give each sum of positive ranks.
  let ways = [1];
  for (let rank = 1; rank <= some.length; rank++) {
    const next = new Array<number>(ways.length + rank).fill(0);
    ways.forEach((count, sum) => {
      next[sum] = (next[sum] ?? 0) + count;
      next[sum + rank] = (next[sum + rank] ?? 0) + count;
    });
    ways = next;
  }
  const atLeast = ways.slice(positive).reduce((sum, count) => sum + count, 0);
  return atLeast / 2 ** some.length;
}
