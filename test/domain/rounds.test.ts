import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rankSum } from '../../activities/adapters/statistics.ts';
import { judge } from '../../workflows/domain/analysis.ts';
import type { Comparison, Round } from '../../workflows/domain/analysis-types.ts';
import type { Plan, PlannedWave } from '../../workflows/domain/plan-types.ts';
import { chooseControls, choosePatched, roundsFor } from '../../workflows/domain/rounds.ts';
import { factsOf } from '../workflows/fixtures.ts';
import { comparisonOf, LIMITS, roundsOf, row, START } from './analysis-kit.ts';
import { planned } from './plan-kit.ts';

// Nodes n-1 … n-9 in three zones: n-1, n-4 and n-7 in zone a, and so on.
const facts = Array.from({ length: 9 }, (_, i) => factsOf(`n-${i + 1}`, 'abc'[i % 3] ?? ''));
const plan = planned({ facts, strategy: { waves: { size: 3, soakSeconds: 60 } } });
const [canary, first, second, last] = plan.waves as [
  PlannedWave,
  PlannedWave,
  PlannedWave,
  PlannedWave,
];
const all = plan.waves.flatMap((wave) => wave.nodes.map(({ node }) => node));
const keys = (...waves: PlannedWave[]) =>
  new Set(waves.flatMap((wave) => wave.nodes.map(({ cluster, node }) => `${cluster}/${node}`)));
const names = (nodes: readonly { readonly node: string }[]) => nodes.map(({ node }) => node);
const cluster = canary.cluster;

describe('control nodes', () => {
  it('are what is left, the last ones first, one of each failure domain before a second', () => {
    assert.deepEqual(
      plan.waves.map((wave) => names(wave.nodes).join(' ')),
      ['n-1', 'n-4 n-2 n-3', 'n-7 n-5 n-6', 'n-8 n-9'],
    );
    const chosen = chooseControls({ plan, cluster, touched: new Set(), wave: canary, max: 4 });
    assert.deepEqual(names(chosen), ['n-9', 'n-8', 'n-7', 'n-6']);
  });

  it('are neither of the wave nor touched, however that ended', () => {
    const touched = keys(canary, first);
    const chosen = chooseControls({ plan, cluster, touched, wave: second, max: 8 });
    assert.deepEqual(names(chosen), ['n-9', 'n-8']);
    assert.deepEqual(
      chooseControls({ plan, cluster, touched: keys(canary, first, second), wave: last, max: 8 }),
      [],
    );
  });

  it('are of the same cluster', () => {
    const elsewhere: Plan = {
      ...plan,
      waves: [canary, { ...first, cluster: 'west' }],
    };
    const asked = { plan: elsewhere, touched: new Set<string>(), wave: canary, max: 8 };
    assert.deepEqual(chooseControls({ ...asked, cluster }), []);
    assert.equal(chooseControls({ ...asked, cluster: 'west' }).length, first.nodes.length);
  });
});

describe('patched nodes', () => {
  it('are those of the wave, and then the longest updated', () => {
    const updated = keys(canary, first, second);
    const chosen = choosePatched({ plan, wave: second, updated, max: 5 });
    assert.deepEqual(names(chosen), ['n-7', 'n-5', 'n-6', 'n-1', 'n-2']);
  });

  it('are updated', () => {
    const updated = keys(canary);
    assert.deepEqual(names(choosePatched({ plan, wave: first, updated, max: 5 })), ['n-1']);
  });

  it('are never on both sides, nor twice, nor too many', () => {
    const subset = fc
      .subarray(all)
      .map((some) => new Set(some.map((node) => `${cluster}/${node}`)));
    fc.assert(
      fc.property(
        subset,
        subset,
        fc.constantFrom(...plan.waves),
        fc.integer({ min: 1, max: 9 }),
        (updated, others, wave, max) => {
          const touched = new Set([...updated, ...others]);
          const control = names(chooseControls({ plan, cluster, touched, wave, max }));
          const patched = names(choosePatched({ plan, wave, updated, max }));
          const both = [...control, ...patched];
          assert.equal(new Set(both).size, both.length);
          assert.ok(control.length <= max && patched.length <= max);
          for (const node of control) assert.ok(!touched.has(`${cluster}/${node}`));
        },
      ),
    );
  });
});

describe('rounds for a judgement', () => {
  const minute = (n: number) => new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString();
  const round = (n: number, nodes: readonly string[], where = 'east'): Round => ({
    cluster: where,
    at: minute(n),
    readings: { x: nodes.map((node) => ({ node, value: n })) },
  });
  const comparison: Comparison = {
    ...{ cluster: 'east', patched: ['a', 'b'], control: ['z'], soakFrom: minute(50) },
    patchedAt: { a: minute(10), b: minute(40) },
  };
  const shape = (rounds: readonly Round[]) =>
    rounds.map(({ at, readings }) => {
      const nodes = readings['x']?.map(({ node }) => node || 'fleet').join(' ');
      return `${Number(at.slice(14, 16))}: ${nodes}`;
    });

  it('are the last ones before each update, and the soak; other nodes are left out', () => {
    const rounds = [
      ...[1, 2, 3].map((n) => round(n, ['a', 'b', 'z', 'y'])),
      round(20, ['b', 'z', '']),
      round(30, ['b', 'z']),
      round(45, ['a', 'b', 'z']),
      round(51, ['a', 'b', 'z', 'y', '']),
      round(50, ['a', 'z']),
      round(2, ['a'], 'west'),
    ];
    assert.deepEqual(shape(roundsFor(rounds, comparison, 2)), [
      '2: a b z',
      '3: a b z',
      '20: b z fleet',
      '30: b z',
      '50: a z',
      '51: a b z fleet',
    ]);
  });

  it('a node without a time of its update has no baseline', () => {
    const rounds = [round(1, ['a', 'z']), round(55, ['a', 'z'])];
    const unknown = { ...comparison, patched: ['a'], patchedAt: {} };
    assert.deepEqual(shape(roundsFor(rounds, unknown, 8)), ['55: a z']);
  });

  it('lead to the same judgement as all of them', () => {
    const table = { p1: row(400, 700), c1: row(400, 400, 1), c2: row(450, 460, 3), o1: row(1, 1) };
    const rounds = roundsOf({ 'container-start': table });
    const asked = comparisonOf(['p1'], ['c1', 'c2']);
    const judged = (some: readonly Round[], baselineRounds: number) =>
      judge({
        ...{ indicators: [START], rounds: some, comparison: asked, test: rankSum },
        limits: { ...LIMITS, baselineRounds },
      });
    for (const count of [1, 3, 5, 8]) {
      const kept = roundsFor(rounds, asked, count);
      assert.equal(kept.length, count + 12);
      assert.deepEqual(judged(kept, count), judged(rounds, count));
    }
  });
});
