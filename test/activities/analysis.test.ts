import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rankSum } from '../../activities/adapters/statistics.ts';
import { analysisActivities } from '../../activities/analysis.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import { signedRank } from '../bench/signed-rank.ts';
import { comparisonOf, roundsOf, row } from '../domain/analysis-kit.ts';

/** The one-sided p by its definition: the share of all ways to deal the values that are as extreme. */
function byDealing(left: readonly number[], right: readonly number[]): number {
  const all = [...left, ...right];
  const rank = (value: number) =>
    all.filter((other) => other < value).length + all.filter((other) => other === value).length / 2;
  const ranks = all.map(rank);
  const seen = ranks.slice(0, left.length).reduce((a, b) => a + b, 0);
  let as = 0;
  let ways = 0;
  const deal = (from: number, left_: number, sum: number): void => {
    if (left_ === 0) {
      ways += 1;
      if (sum >= seen - 1e-9) as += 1;
      return;
    }
    for (let i = from; i <= ranks.length - left_; i++)
      deal(i + 1, left_ - 1, sum + (ranks[i] ?? 0));
  };
  deal(0, left.length, 0);
  return as / ways;
}

describe('the rank-sum test', () => {
  // Checked by hand: full separation of m and n values is 1 way of (m+n)!/(m!n!).
  it('finds what is plain', () => {
    const low = [1, 2, 3, 4, 5, 6, 7, 8];
    const high = [11, 12, 13, 14, 15, 16, 17, 18];
    assert.ok(rankSum.pValue(high, low) < 0.001);
    assert.ok(rankSum.pValue(low, high) > 0.999);
    assert.equal(Math.round(100 * rankSum.pValue([1, 4, 5, 8], [2, 3, 6, 7])), 50);
  });

  it('says nothing of nothing', () => {
    assert.equal(rankSum.pValue([], [1, 2]), 1);
    assert.equal(rankSum.pValue([1, 2], []), 1);
    assert.equal(rankSum.pValue([3, 3, 3], [3, 3, 3, 3]), 1);
  });

  it('is near the exact one, and above it where that is small', () => {
    const values = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 6, maxLength: 8 });
    fc.assert(
      fc.property(values, values, fc.nat(20), (left, right, shift) => {
        const moved = left.map((value) => value + shift);
        const [p, exact] = [rankSum.pValue(moved, right), byDealing(moved, right)];
        // At half-way ties the exact one counts all of the middle.
        assert.ok(p - exact < 0.02 && exact - p < 0.06, `${p} for ${exact}`);
        if (p <= 0.01) assert.ok(exact <= 0.013, `${p} for ${exact}`);
      }),
      { numRuns: 60 },
    );
  });

  it('is named', () => assert.match(rankSum.name, /rank-sum.*Kruskal-Wallis/));
});

describe('the signed-rank test of the simulation', () => {
  // From tables of the test: the largest sum of n has 1 of 2^n choices of signs.
  it('is exact', () => {
    assert.equal(signedRank([1, 2, 3, 4, 5]), 1 / 32);
    assert.equal(signedRank([-1, 2, 3, 4, 5]), 2 / 32);
    assert.equal(signedRank([-1, -2, -3]), 1);
    assert.equal(signedRank([1, -2, 3, 0]), 3 / 8);
  });
});

describe('judge', () => {
  it('judges what the policy names, or what Tidegate measures by itself', async () => {
    const { judge } = analysisActivities();
    const rounds = roundsOf({ 'container-start': { p1: row(400, 900), c1: row(400, 400, 1) } });
    const comparison = comparisonOf(['p1'], ['c1']);
    const indicators = [{ name: 'container-start', source: 'ContainerStart' }];
    const named = analysisSchema.parse({ indicators });
    const one = await judge({ analysis: named, rounds, comparison });
    assert.equal(one.verdict, 'Fail');
    assert.match(one.reason, /^container-start: .* 500 ms worse, more than the 150 ms allowed/);
    assert.equal(one.method, rankSum.name);
    const all = await judge({ analysis: analysisSchema.parse({}), rounds, comparison });
    assert.ok(all.indicators.length > 1);
    const others = all.indicators.slice(1).map(({ verdict }) => verdict);
    assert.deepEqual([...new Set(others)], ['Error']);
    assert.deepEqual(JSON.parse(JSON.stringify(all)), all);
  });
});
