/** How often a soak is measured, whatever the policy asks for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import {
  extensionPace,
  nodesMeasured,
  paceOf,
  soakPace,
  tooManyRounds,
} from '../../workflows/domain/soak-pace.ts';

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

describe('what a policy asks for', () => {
  const analysisOf = (change: object = {}) => analysisSchema.parse(change);

  it('is a round every so often, in a soak and in what is added to it', () => {
    assert.deepEqual(soakPace(analysisOf(), 300, 3), { rounds: 10, intervalMs: 30_000 });
    assert.deepEqual(extensionPace(analysisOf(), { measured: 10, extensions: 0 }), {
      rounds: 10,
      intervalMs: 30_000,
    });
  });

  it('is spread thinner the more waves there are, until one rollout can not measure them', () => {
    const hour = (waves: number) => soakPace(analysisOf(), 3600, waves).rounds;
    assert.deepEqual([3, 41, 50, 100, 125, 500].map(hour), [40, 40, 32, 12, 8, 8]);
    assert.equal(tooManyRounds(analysisOf(), 125), '');
    assert.match(
      tooManyRounds(analysisOf(), 126),
      /^126 waves, each with 8 rounds of baseline and 8 of soak, are 2016 rounds .*waves\.size larger/,
    );
  });

  it('leaves each extension as many rounds as a verdict needs, even after a long soak', () => {
    const long = { measured: 40, extensions: 1 };
    assert.deepEqual(extensionPace(analysisOf({ extendSeconds: 3600 }), long), {
      rounds: 8,
      intervalMs: 450_000,
    });
  });

  it('is measured on fewer nodes where it would not fit into a judgement', () => {
    assert.equal(nodesMeasured(analysisOf()), 8);
    assert.equal(nodesMeasured(analysisOf({ maxNodes: 3 })), 3);
    const much = { maxNodes: 50, baselineRounds: 60, minSamples: 100, maxExtensions: 20 };
    assert.equal(nodesMeasured(analysisOf(much)), 1);
  });
});
