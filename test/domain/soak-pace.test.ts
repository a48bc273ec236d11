/** How often a soak is measured, whatever the policy asks for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mostAdded, mostRounds, paceOf } from '../../workflows/domain/soak-pace.ts';

describe('the pace of a soak', () => {
  const TABLE: readonly [string, Parameters<typeof paceOf>[0], [number, number]][] = [
    ['as asked', { seconds: 300, intervalSeconds: 30, least: 8, most: 40 }, [10, 30_000]],
    [
      'more rounds than fit into the time',
      { seconds: 60, intervalSeconds: 30, least: 8, most: 40 },
      [8, 30_000],
    ],
    ['no time at all', { seconds: 0, intervalSeconds: 30, least: 8, most: 40 }, [8, 30_000]],
    [
      'a day is stretched',
      { seconds: 86_400, intervalSeconds: 30, least: 8, most: 40 },
      [40, 2_160_000],
    ],
    [
      'what is needed goes before what is too much',
      { seconds: 3600, intervalSeconds: 10, least: 60, most: 40 },
      [60, 60_000],
    ],
  ];
  for (const [name, asked, [rounds, intervalMs]] of TABLE) {
    it(name, () => assert.deepEqual(paceOf(asked), { rounds, intervalMs }));
  }

  it('never falls short of what is needed, nor measures more often than asked', () => {
    const asked = fc.record({
      seconds: fc.nat(100_000),
      intervalSeconds: fc.integer({ min: 1, max: 600 }),
      least: fc.integer({ min: 1, max: 100 }),
      most: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(asked, (known) => {
        const { rounds, intervalMs } = paceOf(known);
        assert.ok(rounds >= known.least && rounds <= Math.max(known.least, 40));
        assert.ok(intervalMs >= known.intervalSeconds * 1000);
        assert.ok(rounds * intervalMs >= known.seconds * 1000);
      }),
    );
  });
});

describe('the most rounds of a soak', () => {
  const roundOf = (nodes: number, indicators: number) => ({
    readings: Object.fromEntries(
      Array.from({ length: indicators }, (_, index) => [
        `indicator-${index}`,
        Array.from({ length: nodes }, (_, node) => ({ node: `east-${node}`, value: 1 })),
      ]),
    ),
  });

  it('are fewer where each of them is large', () => {
    assert.equal(mostRounds(undefined), 40);
    assert.equal(mostRounds(roundOf(16, 7)), 40);
    assert.equal(mostRounds(roundOf(100, 10)), 20);
  });

  it('are shared by the extensions that may still come, of which each gets some', () => {
    assert.equal(mostAdded({ most: 40, measured: 10, left: 2 }), 15);
    assert.equal(mostAdded({ most: 40, measured: 40, left: 2 }), 4);
  });
});
