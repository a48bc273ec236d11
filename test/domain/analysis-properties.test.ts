/** What holds of judgements whatever was measured. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JudgedIndicator, Verdict } from '../../workflows/domain/analysis-types.ts';
import { BEFORE, type Cell, judged, RESTARTS, START, type Table } from './analysis-kit.ts';

const SOAK = 10;
const LENGTH = BEFORE + SOAK;
const PATCHED = ['p1', 'p2'];
const CONTROL = ['c1', 'c2', 'c3'];

const noise = fc.array(fc.integer({ min: -120, max: 120 }), {
  minLength: LENGTH,
  maxLength: LENGTH,
});
const level = fc.integer({ min: 300, max: 900 });
const slowdown = fc.constantFrom(0, 0, 100, 150, 200, 400);

/** A fleet with noise, and a patch that may slow things down. */
const fleet: fc.Arbitrary<Table> = fc
  .record({
    levels: fc.array(level, { minLength: 5, maxLength: 5 }),
    noises: fc.array(noise, { minLength: 5, maxLength: 5 }),
    slowdown,
  })
  .map(({ levels, noises, slowdown: ms }) =>
    Object.fromEntries(
      [...PATCHED, ...CONTROL].map((node, index) => [
        node,
        (noises[index] ?? []).map(
          (own, round) =>
            (levels[index] ?? 0) + own + (PATCHED.includes(node) && round >= BEFORE ? ms : 0),
        ),
      ]),
    ),
  );

const patchedOnly = (table: Table): Table =>
  Object.fromEntries(Object.entries(table).filter(([node]) => node.startsWith('p')));

function changed(table: Table, change: (cell: Cell, round: number, node: string) => Cell): Table {
  return Object.fromEntries(
    Object.entries(table).map(([node, cells]) => [
      node,
      cells.map((cell, round) => change(cell, round, node)),
    ]),
  );
}

function plus(cell: Cell, more: number): Cell {
  return typeof cell === 'number' ? cell + more : cell;
}

const runs = { numRuns: 200 };

describe('judgements', () => {
  it('tell the same of a patch whatever hits all nodes in the soak', () => {
    const shocks = fc.array(fc.integer({ min: 0, max: 5000 }), {
      minLength: SOAK,
      maxLength: SOAK,
    });
    fc.assert(
      fc.property(fleet, shocks, (table, shock) => {
        const before = judged(table);
        const after = judged(changed(table, (cell, i) => plus(cell, shock[i - BEFORE] ?? 0)));
        assert.equal(after.shift, before.shift);
        assert.equal(after.pValue, before.pValue);
        if (before.verdict === 'Pass') assert.notEqual(after.verdict, 'Fail');
        if (before.verdict === 'Fail') assert.equal(after.verdict, 'Fail');
      }),
      runs,
    );
  });

  it('blame no patch for what hits all nodes at any time', () => {
    const shocks = fc.array(fc.integer({ min: -200, max: 5000 }), {
      minLength: LENGTH,
      maxLength: LENGTH,
    });
    fc.assert(
      fc.property(fleet, shocks, (table, shock) => {
        const before = judged(table);
        const after = judged(changed(table, (cell, i) => plus(cell, shock[i] ?? 0)));
        assert.equal(after.shift, before.shift);
        assert.equal(after.pValue, before.pValue);
        if (before.verdict === 'Pass') assert.notEqual(after.verdict, 'Fail');
      }),
      runs,
    );
  });

  it('are the same for a mirrored direction', () => {
    const lower: JudgedIndicator = { ...START, worse: 'Lower' };
    fc.assert(
      fc.property(fleet, (table) => {
        const higher = judged(table);
        const mirrored = judged(
          changed(table, (cell) => 10_000 - Number(cell)),
          lower,
        );
        assert.equal(mirrored.verdict, higher.verdict);
        assert.equal(mirrored.shift, higher.shift);
        assert.equal(mirrored.pValue, higher.pValue);
      }),
      runs,
    );
  });

  it('do not depend on the order of nodes', () => {
    fc.assert(
      fc.property(fleet, (table) => {
        const turned = Object.fromEntries(Object.entries(table).reverse());
        assert.deepEqual(judged(turned), judged(table));
      }),
      runs,
    );
  });

  it('do not depend on the unit, even where values are equal once half of the tolerance is off', () => {
    const p1 = [300, 313, 338, 316, 364, 310, 300, 407, 418, 433, 471, ...Array(7).fill(500)];
    const p2 = [
      293, 305, 300, 325, 373, 188, 309, 285, 437, 500, 500, 523, 500, 500, 592, 500, 500, 500,
    ];
    const c1 = [254, 300, 300, 187, 235, 228, 209, 300, 335, ...Array(9).fill(300)];
    const c2 = [306, 302, 298, 217, 369, 326, 306, 300, 354, 371, 300, 371, ...Array(6).fill(300)];
    const c3 = [
      297, 302, 300, 300, 271, 300, 308, 366, 300, 373, 342, 355, 300, 300, 300, 371, 300, 299,
    ];
    const known: [Table, number] = [{ p1, p2, c1, c2, c3 }, 0.001];
    fc.assert(
      fc.property(fleet, fc.constantFrom(1000, 60_000, 0.001), (table, factor) => {
        const scaled = { ...START, tolerance: START.tolerance * factor };
        const one = judged(table);
        const other = judged(
          changed(table, (cell) => Number(cell) * factor),
          scaled,
        );
        assert.equal(other.verdict, one.verdict);
        assert.ok(Math.abs((other.shift ?? 0) / factor - (one.shift ?? 0)) < 0.001);
      }),
      { ...runs, examples: [known] },
    );
  });

  it('do not get better when the patched nodes get slower', () => {
    const order: Verdict[] = ['Pass', 'Inconclusive', 'Fail'];
    fc.assert(
      fc.property(fleet, fc.integer({ min: 0, max: 600 }), (table, more) => {
        const slower = changed(table, (cell, round, node) =>
          plus(cell, node.startsWith('p') && round >= BEFORE ? more : 0),
        );
        const [was, is] = [judged(table), judged(slower)];
        assert.ok(order.indexOf(is.verdict) >= order.indexOf(was.verdict), is.sentence);
      }),
      runs,
    );
  });

  it('need more than the tolerance and the confidence for a Fail, and an answer for a Pass', () => {
    fc.assert(
      fc.property(fleet, holes(), (table, hole) => {
        const found = judged(changed(table, hole));
        if (found.verdict === 'Fail') {
          assert.ok((found.shift ?? 0) > found.tolerance);
          assert.ok((found.pValue ?? 1) <= 0.01);
        }
        if (found.verdict === 'Pass') {
          assert.ok(found.samples >= 8);
          assert.ok((found.shift ?? Number.NaN) <= found.tolerance);
        }
      }),
      runs,
    );
  });

  it('stay an Error, or become worse, with more errors', () => {
    fc.assert(
      fc.property(fleet, holes(), holes(), (table, first, second) => {
        const some = changed(table, first);
        const more = changed(some, (cell, round, node) => {
          const next = second(cell, round, node);
          return typeof next === 'string' && next.startsWith('error') ? next : cell;
        });
        if (judged(some).verdict === 'Error') assert.notEqual(judged(more).verdict, 'Pass');
      }),
      runs,
    );
  });

  it('without control nodes never are a Fail', () => {
    fc.assert(
      fc.property(fleet, holes(), (table, hole) => {
        assert.notEqual(judged(patchedOnly(changed(table, hole))).verdict, 'Fail');
      }),
      runs,
    );
  });

  it('find nothing in counters that stand still, wherever they stand and are reset', () => {
    const values = fc.array(fc.nat(50), { minLength: LENGTH, maxLength: LENGTH });
    fc.assert(
      fc.property(values, values, (patched, control) => {
        const falling = (list: readonly number[]) => [...list].sort((a, b) => b - a);
        const found = judged({ p1: falling(patched), c1: falling(control) }, RESTARTS);
        assert.equal(found.verdict, 'Pass');
        assert.equal(found.patched, 0);
      }),
      runs,
    );
  });
});

/** Takes answers away: an error or no data in some rounds of some nodes. */
function holes(): fc.Arbitrary<(cell: Cell, round: number, node: string) => Cell> {
  const kind = fc.constantFrom('', '', 'error: x', 'none: y');
  const nodes = [...PATCHED, ...CONTROL];
  return fc
    .array(fc.array(kind, { minLength: LENGTH, maxLength: LENGTH }), {
      minLength: nodes.length,
      maxLength: nodes.length,
    })
    .map((table) => (cell, round, node) => table[nodes.indexOf(node)]?.[round] || cell);
}
