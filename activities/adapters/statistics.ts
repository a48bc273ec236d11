/** The only file that imports the statistics library. */
import kruskal from '@stdlib/stats-kruskal-test';
import type { RankTest } from '../../workflows/domain/analysis.ts';

/**
 * The Wilcoxon rank-sum test, one-sided. The library has it as the Kruskal-Wallis test, which for two
 * samples is the two-sided one, with mid-ranks and the correction for ties.
 */
export const rankSum: RankTest = {
  name: 'Wilcoxon rank-sum test, one-sided (Kruskal-Wallis test of two samples, @stdlib/stats-kruskal-test)',
  pValue(left, right) {
    if (left.length === 0 || right.length === 0) return 1;
    const { pValue } = kruskal([...left], [...right]);
    // Where all values are equal there is nothing to rank, and it is no number.
    if (Number.isNaN(pValue)) return 1;
    return exceeds(left, right) ? pValue / 2 : 1 - pValue / 2;
  },
};

/** Tells whether values of `left` are larger more often than smaller. */
function exceeds(left: readonly number[], right: readonly number[]): boolean {
  let balance = 0;
  for (const a of left) for (const b of right) balance += Math.sign(a - b);
  return balance > 0;
}
