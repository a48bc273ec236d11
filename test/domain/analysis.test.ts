import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rankSum } from '../../activities/adapters/statistics.ts';
import { judge } from '../../workflows/domain/analysis.ts';
import type { JudgedIndicator, Verdict } from '../../workflows/domain/analysis-types.ts';
import {
  around,
  at,
  BEFORE,
  CONDITIONS,
  comparisonOf,
  judged,
  judgedAll,
  LIMITS,
  RESTARTS,
  roundsOf,
  row,
  START,
  type Table,
  times,
} from './analysis-kit.ts';

type Case = readonly [name: string, table: Table, verdict: Verdict, sentence: RegExp];

function cases(table: readonly Case[], indicator: JudgedIndicator): void {
  for (const [name, rows, verdict, sentence] of table) {
    it(`${name}: ${verdict}`, () => {
      const found = judged(rows, indicator);
      assert.match(found.sentence, sentence);
      assert.equal(found.verdict, verdict, found.sentence);
    });
  }
}

// Before and after in ms; four control nodes of different speed.
const quiet = {
  c1: row(400, 400, 1),
  c2: row(350, 350, 2),
  c3: row(500, 500, 3),
  c4: row(420, 420, 5),
};
const hit = {
  c1: row(400, 800, 1),
  c2: row(350, 750, 2),
  c3: row(500, 900, 3),
  c4: row(420, 820, 5),
};

describe('container starts against control nodes', () => {
  cases(
    [
      [
        'as before',
        { p1: row(400, 400), ...quiet },
        'Pass',
        /^container-start: 397 ms on 1 patched node, 410 ms on 4 control nodes over the same 12 rounds \(baseline 400 ms\): no worse \(150 ms allowed\)$/,
      ],
      [
        'a slow node that is as slow as before',
        { p1: row(900, 900), ...quiet },
        'Pass',
        /no worse/,
      ],
      [
        '100 ms slower',
        { p1: row(400, 500), ...quiet },
        'Pass',
        /worse, within the 150 ms allowed/,
      ],
      [
        '400 ms slower',
        { p1: row(400, 800), ...quiet },
        'Fail',
        /^container-start: 797 ms on 1 patched node, 410 ms on 4 control nodes over the same 12 rounds \(baseline 400 ms\): 400 ms worse, more than the 150 ms allowed \(p < 0.001\)$/,
      ],
      [
        'all nodes 400 ms slower',
        { p1: row(400, 800), ...hit },
        'Pass',
        /no worse.*; both sides became about 400 ms worse than before, which is not the patch$/,
      ],
      [
        'all nodes 400 ms slower, patched ones 800 ms',
        { p1: row(400, 1200), ...hit },
        'Fail',
        /400 ms worse, more than the 150 ms allowed/,
      ],
      [
        'control nodes 400 ms slower',
        { p1: row(400, 400), ...hit },
        'Pass',
        /no worse.*; the control nodes became 400 ms worse than before$/,
      ],
      [
        'control nodes recover, the patched one is as before',
        { p1: row(800, 800), c1: row(800, 400), c2: row(750, 350) },
        'Inconclusive',
        /400 ms worse, .*but not worse than before: it is the control nodes that became better/,
      ],
      [
        'all nodes recover, the patched one does not',
        { p1: row(800, 600), c1: row(800, 400), c2: row(750, 350) },
        'Inconclusive',
        /200 ms worse/,
      ],
      [
        '150 ms slower, the limit itself',
        { p1: row(400, 550), ...quiet },
        'Pass',
        /within the 150/,
      ],
      [
        'slower in half of the rounds',
        { p1: [...around(400, BEFORE + 5), ...around(900, 7)], ...quiet },
        'Inconclusive',
        /more than the 150 ms allowed, but that may be chance \(p = 0\.\d+, the policy asks for 0\.01\)/,
      ],
      [
        'three outliers',
        {
          p1: [...around(400, BEFORE), 2400, ...around(400, 5), 1900, ...around(400, 4), 3000],
          ...quiet,
        },
        'Pass',
        /no worse|within/,
      ],
      [
        'one of three patched nodes slower',
        { p1: row(400, 400), p2: row(400, 1100), p3: row(500, 500), ...quiet },
        'Inconclusive',
        /but p2 alone became 700 ms worse \(p < 0.001\)/,
      ],
      [
        'all of three patched nodes slower',
        { p1: row(400, 800), p2: row(400, 800), p3: row(500, 900), ...quiet },
        'Fail',
        /on 3 patched nodes.*400 ms worse/,
      ],
      [
        'a new node without a baseline beside one that has it',
        { p1: row(400, 800), p2: [...times(BEFORE, undefined), ...around(400, 12)], ...quiet },
        'Fail',
        /on 1 patched node/,
      ],
    ],
    START,
  );

  it('too scattered to see what matters is no pass', () => {
    const wild = [100, 1900, 300, 1500, 900, 200, 1700, 600];
    const after = [1800, 150, 950, 250, 1600, 580, 320, 1450, 120, 1900, 700, 1000];
    const found = judged({ p1: [...wild, ...after], c1: row(400, 400) });
    assert.equal(found.verdict, 'Inconclusive');
    assert.match(found.sentence, /too scattered to rule out 300 ms$/);
  });

  it('tells numbers for programs as well', () => {
    const found = judged({ p1: row(400, 800), ...quiet });
    assert.equal(found.against, 'Control');
    assert.equal(found.samples, 12);
    assert.equal(found.baseline, 400);
    assert.equal(found.patched, 797);
    assert.equal(found.shift, 400);
    assert.equal(found.effect, 1);
    assert.ok(found.pValue !== undefined && found.pValue < 0.001);
  });

  it('takes the larger of both limits', () => {
    const percent = { ...START, tolerancePercent: 150 };
    const found = judged({ p1: row(400, 800), ...quiet }, percent);
    assert.equal(found.verdict, 'Pass');
    assert.equal(found.tolerance, 600);
    assert.equal(
      judged({ p1: row(400, 800), ...quiet }, { ...START, tolerancePercent: 10 }).tolerance,
      150,
    );
  });

  it('where lower is worse, a fall fails and a rise passes', () => {
    const ready: JudgedIndicator = { ...START, name: 'throughput', worse: 'Lower' };
    const fallen = judged({ p1: row(800, 400), ...quiet }, ready);
    assert.equal(fallen.verdict, 'Fail');
    assert.match(
      fallen.sentence,
      /^throughput: 397 ms on 1 patched node.*baseline 800 ms\): 400 ms worse/,
    );
    assert.equal(judged({ p1: row(400, 800), ...quiet }, ready).verdict, 'Pass');
  });

  it('takes the last rounds before the update for its baseline, and none between that and the soak', () => {
    const before = [...times(5, 900), 400, 410, 390];
    const table = { 'container-start': { p1: [...before, ...around(400, 12)], ...quiet } };
    const comparison = comparisonOf(['p1'], ['c1', 'c2', 'c3', 'c4']);
    const during = { cluster: 'east', at: at(BEFORE - 0.25) };
    const rounds = [
      ...roundsOf(table),
      { ...during, readings: { 'container-start': [{ node: 'p1', value: 9000 }] } },
    ];
    const limits = { ...LIMITS, baselineRounds: 3 };
    const found = judge({ indicators: [START], limits, rounds, comparison, test: rankSum });
    assert.equal(found.indicators[0]?.baseline, 400);
    assert.equal(found.indicators[0]?.samples, 12);
  });
});

describe('answers that are missing', () => {
  const without = (cells: readonly (number | string | undefined)[]) => ({
    p1: [...around(400, BEFORE), ...cells],
    ...quiet,
  });
  cases(
    [
      [
        'the provider dies',
        without([...around(400, 9), ...times(3, 'error: connection refused')]),
        'Error',
        /^container-start: no patched node answered in 3 of the last 10 rounds, more than the 2 allowed: connection refused$/,
      ],
      [
        'two errors',
        without([...around(400, 10), ...times(2, 'error: timeout')]),
        'Pass',
        /10 rounds/,
      ],
      [
        'errors long ago, and enough rounds since',
        without([...times(4, 'error: timeout'), ...around(400, 8)]),
        'Pass',
        /over the same 8 rounds.*within/,
      ],
      [
        'control nodes are gone',
        {
          p1: row(400, 400),
          c1: [...around(400, 12), ...times(8, 'error: no route')],
          c2: [...around(350, 12), ...times(8, 'error: no route')],
        },
        'Error',
        /no control node answered in 8 of the last 10 rounds.*no route/,
      ],
      [
        'one of two control nodes is gone',
        {
          p1: row(400, 400),
          c1: row(400, 400),
          c2: [...around(350, 12), ...times(8, 'error: no route')],
        },
        'Pass',
        /no worse/,
      ],
      [
        'one of two patched nodes does not answer',
        {
          p1: row(400, 400),
          p2: [...around(400, 12), ...times(8, 'error: no probe started')],
          ...quiet,
        },
        'Error',
        /p2 did not answer in 8 of the last 10 rounds, more than the 2 allowed: no probe started/,
      ],
      [
        'no traffic',
        without(times(12, 'none: no series')),
        'Inconclusive',
        /^container-start: both sides answered in 0 of 12 rounds, 8 are needed: no series$/,
      ],
      [
        'not a number',
        without(times(12, Number.NaN)),
        'Inconclusive',
        /in 0 of 12 rounds.*not a number/,
      ],
      [
        'a soak that was short',
        { p1: row(400, 400).slice(0, 13), c1: row(400, 400, 1).slice(0, 13) },
        'Inconclusive',
        /both sides answered in 5 of 5 rounds, 8 are needed$/,
      ],
      [
        'no baseline',
        { p1: [...times(BEFORE, undefined), ...around(400, 12)], ...quiet },
        'Inconclusive',
        /there is no baseline: no patched node was measured before its update together with a control node/,
      ],
      [
        'a baseline that control nodes were not measured in',
        { p1: row(400, 800), c1: [...times(BEFORE, undefined), ...around(400, 12)] },
        'Inconclusive',
        /there is no baseline/,
      ],
      [
        'slow, and then dead',
        without([...around(800, 10), ...times(4, 'error: dead')]),
        'Fail',
        /403 ms worse/,
      ],
    ],
    START,
  );

  it('an indicator that nobody measured is an Error', () => {
    const { indicators } = judgedAll({ other: { p1: row(1, 1), c1: row(1, 1) } }, [START]);
    assert.equal(indicators[0]?.verdict, 'Error');
    assert.equal(indicators[0]?.sentence, 'container-start: it was not measured at all');
  });

  it('NaN that crossed JSON is no number either', () => {
    const table = { p1: [...around(400, BEFORE), ...times(12, Number.NaN)], ...quiet };
    const wire = (rows: Table): Table =>
      JSON.parse(JSON.stringify(rows).replaceAll('null', '"none: x"'));
    assert.equal(judged(wire(table)).verdict, 'Inconclusive');
  });
});

describe('counters', () => {
  /** Adds the growth of each round up. */
  const counted = (...growth: number[]) => {
    let total = 7;
    return growth.map((more) => {
      total += more;
      return total;
    });
  };
  const still = counted(...times(20, 0));
  const soak = (...growth: number[]) => counted(...times(BEFORE, 0), ...growth);
  cases(
    [
      [
        'all zero',
        { p1: still, c1: still },
        'Pass',
        /0 restarts a node on 1 patched node.*no worse \(1 restart allowed\)$/,
      ],
      [
        'one restart',
        { p1: soak(0, 0, 0, 1, ...times(8, 0)), c1: still },
        'Pass',
        /1 restart worse, within/,
      ],
      [
        'nine restarts at once: above the limit, but in one round alone',
        { p1: soak(0, 0, 0, 9, ...times(8, 0)), c1: still },
        'Inconclusive',
        /9 restarts worse, more than the 1 restart allowed, but in 1 of 11 rounds alone$/,
      ],
      [
        'restarts in every round',
        { p1: soak(0, ...times(11, 1)), c1: still },
        'Fail',
        /11 restarts a node.*11 restarts worse/,
      ],
      [
        'restarts in every round on both sides',
        { p1: soak(0, ...times(11, 1)), c1: soak(0, ...times(11, 1)) },
        'Pass',
        /no worse.*both sides became about 11 restarts worse/,
      ],
      [
        'as many as before the update',
        { p1: counted(...times(20, 1)), c1: still },
        'Pass',
        /no worse/,
      ],
      [
        'control nodes count less than before',
        { p1: still, c1: counted(...times(BEFORE, 2), ...times(12, 0)) },
        'Pass',
        /no worse/,
      ],
      [
        'a reset is not a fall, nor a rise',
        { p1: [...times(12, 50), ...times(8, 3)], c1: times(20, 9) },
        'Pass',
        /0 restarts a node on 1 patched node/,
      ],
      [
        'one of four nodes in a crash loop',
        { p1: still, p2: still, p3: still, p4: soak(0, ...times(11, 1)), c1: still },
        'Fail',
        /2.8 restarts worse/,
      ],
    ],
    RESTARTS,
  );
});

describe('conditions of nodes, which are nearly always zero', () => {
  const none = times(20, 0);
  const soak = (...values: number[]) => [...times(BEFORE, 0), ...values];
  cases(
    [
      ['none', { p1: none, c1: none }, 'Pass', /0 conditions on 1 patched node.*: no worse$/],
      [
        'in every round',
        { p1: soak(...times(12, 1)), c1: none },
        'Fail',
        /1 condition worse, where nothing is allowed/,
      ],
      [
        'in six of twelve rounds, which the exact test says is not sure',
        { p1: soak(...times(6, 1), ...times(6, 0)), c1: none },
        'Inconclusive',
        /in 6 of 12 rounds alone/,
      ],
      [
        'in eight of twelve rounds',
        { p1: soak(...times(8, 1), ...times(4, 0)), c1: none },
        'Fail',
        /0.67 conditions worse, where nothing is allowed \(p/,
      ],
      [
        'in three of twelve rounds',
        { p1: soak(...times(3, 1), ...times(9, 0)), c1: none },
        'Inconclusive',
        /0.25 conditions worse, where nothing is allowed, but in 3 of 12 rounds alone$/,
      ],
      ['the same as before', { p1: times(20, 1), c1: none }, 'Pass', /no worse/],
    ],
    CONDITIONS,
  );
});

describe('without nodes to compare with', () => {
  cases(
    [
      [
        'as before',
        { p1: row(400, 400) },
        'Pass',
        /^container-start: 397 ms on 1 patched node over 12 rounds, 400 ms before: no worse/,
      ],
      [
        'slower',
        { p1: row(400, 800) },
        'Inconclusive',
        /400 ms worse, more than the 150 ms allowed; these nodes have nothing but the past to be compared with/,
      ],
      ['faster', { p1: row(800, 400) }, 'Pass', /no worse/],
      [
        'the provider dies',
        { p1: [...around(400, 12), ...times(8, 'error: x')] },
        'Error',
        /no patched node answered/,
      ],
    ],
    START,
  );

  const fleet: JudgedIndicator = {
    ...START,
    name: 'errors',
    source: 'Query',
    scope: 'Fleet',
    unit: '',
    tolerance: 0.01,
  };
  const share = (before: number, after: number) => ({
    '': row(before, after).map((value) => value / 1e5),
    p1: times(20, undefined),
  });
  it('one number for the fleet has only its past, even beside control nodes', () => {
    const table = { ...share(100, 9000), c1: times(20, undefined) };
    const found = judged(table, fleet);
    assert.equal(found.verdict, 'Inconclusive');
    assert.equal(found.against, 'OwnPast');
    assert.match(
      found.sentence,
      /^errors: 0.09 over 12 rounds, 0.001 before: 0.089 worse, more than the 0.01 allowed; one number for all nodes/,
    );
    assert.equal(judged(share(100, 100), fleet).verdict, 'Pass');
    assert.equal(
      judged({ '': [...times(BEFORE, 0), ...times(12, 'none: no traffic')], p1: [] }, fleet)
        .verdict,
      'Inconclusive',
    );
  });
});

describe('the whole', () => {
  const fail: Table = { p1: row(400, 800), ...quiet };
  const pass: Table = { p1: row(400, 400), ...quiet };
  const error: Table = { p1: [...around(400, 12), ...times(8, 'error: x')], ...quiet };
  const unclear: Table = { p1: [...around(400, 12), ...times(8, 'none: y')], ...quiet };
  const named = (name: string) => ({ ...START, name });
  const wholes: [tables: Table[], Verdict, RegExp][] = [
    [[pass, pass], 'Pass', /^nothing became worse than allowed: i0, i1$/],
    [[pass, unclear], 'Inconclusive', /^i1: both sides answered in 4/],
    [[unclear, error], 'Error', /^i1: no patched node answered/],
    [[error, fail, unclear, pass], 'Fail', /^i1: .*400 ms worse/],
    [[fail, pass, fail], 'Fail', /^i0: .*; likewise Fail: i2$/],
    [[], 'Error', /names no indicator/],
  ];
  for (const [tables, verdict, reason] of wholes) {
    it(`is ${verdict} of ${tables.length}`, () => {
      const byName = Object.fromEntries(tables.map((table, i) => [`i${i}`, table]));
      const found = judgedAll(
        byName,
        tables.map((_, i) => named(`i${i}`)),
      );
      assert.equal(found.verdict, verdict);
      assert.match(found.reason, reason);
    });
  }

  it('names the test, the nodes and the time', () => {
    const found = judgedAll({ 'container-start': fail }, [START]);
    assert.match(found.method, /Wilcoxon rank-sum/);
    assert.deepEqual(found.comparison.patched, ['p1']);
    assert.ok(found.soakTo > found.comparison.soakFrom);
    assert.deepEqual(JSON.parse(JSON.stringify(found)), found);
  });

  it('knows no other cluster', () => {
    const tables = { 'container-start': { p1: row(400, 400), ...quiet } };
    const comparison = comparisonOf(['p1'], ['c1', 'c2', 'c3', 'c4']);
    const west = roundsOf({
      'container-start': { ...tables['container-start'], p1: row(400, 9000) },
    });
    const rounds = [...roundsOf(tables), ...west.map((round) => ({ ...round, cluster: 'west' }))];
    const found = judge({ indicators: [START], limits: LIMITS, rounds, comparison, test: rankSum });
    assert.equal(found.verdict, 'Pass');
  });
});
