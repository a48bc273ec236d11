import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PlannedNode } from '../../workflows/domain/plan-types.ts';
import {
  byName,
  MAX_WAVE_NODES,
  makeWaves,
  resolveCount,
  spreadOverDomains,
} from '../../workflows/domain/plan-waves.ts';
import { nodeInput, rolloutOf } from '../workflows/fixtures.ts';

const counts: [number | string, number, number][] = [
  [1, 100, 1],
  [7, 3, 7],
  ['100%', 5, 5],
  ['50%', 5, 2],
  ['25%', 5, 1],
  ['25%', 8, 2],
  ['33%', 10, 3],
  ['99%', 10, 9],
  ['10%', 5, 1],
  ['1%', 3, 1],
  ['0%', 100, 1],
];

describe('resolveCount', () => {
  for (const [value, total, count] of counts) {
    it(`${value} of ${total} is ${count}`, () => assert.equal(resolveCount(value, total), count));
  }
});

describe('byName', () => {
  it('orders numbers in names by their value', () => {
    const names = ['east-10', 'east-2', 'west-1', 'east-2b', 'east', 'east-1', '10', '9'];
    assert.deepEqual([...names].sort(byName), [
      '9',
      '10',
      'east',
      'east-1',
      'east-2',
      'east-2b',
      'east-10',
      'west-1',
    ]);
  });

  it('is a total order, also over odd names', () => {
    const name = fc.stringMatching(/^[ab0-9-]{0,6}$/);
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        assert.equal(Math.sign(byName(a, b)) + Math.sign(byName(b, a)), 0);
        assert.equal(byName(a, b) === 0, a === b);
        if (byName(a, b) < 0 && byName(b, c) < 0) assert.ok(byName(a, c) < 0);
      }),
      { numRuns: 1000 },
    );
  });
});

/** "a1 b2" are the nodes a1 and b2 of the failure domains a and b. */
const nodes = (text: string) =>
  text.split(' ').map((node) => ({ node, failureDomain: node[0] ?? '' }));

describe('spreadOverDomains', () => {
  for (const [given, spread] of [
    ['a1', 'a1'],
    ['a1 a2 b1 b2', 'a1 b1 a2 b2'],
    ['b2 a10 a2 b1', 'a2 b1 a10 b2'],
    ['a1 a2 a3 b1 c1', 'a1 b1 c1 a2 a3'],
    ['a3 a2 a1', 'a1 a2 a3'],
  ] as const) {
    it(`${given} becomes ${spread}`, () => {
      assert.equal(
        spreadOverDomains(nodes(given))
          .map((entry) => entry.node)
          .join(' '),
        spread,
      );
    });
  }
});

const target = nodeInput('Restart').target;
const plannedNodes = (text: string): PlannedNode[] =>
  nodes(text).map((entry) => ({ ...target, ...entry }));

function lines(args: { nodes: string; targeted?: number; strategy: object; prefix?: string }) {
  const given = plannedNodes(args.nodes);
  const waves = makeWaves({
    cluster: 'east',
    nodes: given,
    targeted: args.targeted ?? given.length,
    strategy: rolloutOf(args.strategy).spec.strategy,
    prefix: args.prefix ?? '',
    firstIndex: 0,
  });
  return waves.map(
    ({ name, nodes: members }) => `${name}: ${members.map((n) => n.node).join(' ')}`,
  );
}

describe('makeWaves', () => {
  const two = { waves: { size: 2 } };

  it('starts with one canary and changes failure domain from node to node', () => {
    assert.deepEqual(lines({ nodes: 'a1 a4 b2 b5 c3', strategy: two }), [
      'canary: a1',
      'wave-1: a4 b2',
      'wave-2: c3 b5',
    ]);
  });

  it('takes the canaries that are named', () => {
    const strategy = { ...two, canary: { nodes: ['b5', 'c3'] } };
    assert.deepEqual(lines({ nodes: 'a1 a4 b2 b5 c3', strategy }), [
      'canary: c3 b5',
      'wave-1: a1 b2',
      'wave-2: a4',
    ]);
  });

  it('takes the first nodes where the named canaries have nothing to do', () => {
    const strategy = { ...two, canary: { nodes: ['c3'], count: 2 } };
    assert.deepEqual(lines({ nodes: 'a1 a4 b2', strategy }), ['canary: a1 b2', 'wave-1: a4']);
  });

  it('has no wave where the canary is everything, and none at all for no node', () => {
    assert.deepEqual(lines({ nodes: 'a1', strategy: two }), ['canary: a1']);
    const none = { cluster: 'east', nodes: [], targeted: 3, prefix: '', firstIndex: 0 };
    assert.deepEqual(makeWaves({ ...none, strategy: rolloutOf().spec.strategy }), []);
  });

  it('takes percentages of all targeted nodes, updated or not', () => {
    const strategy = { waves: { size: '50%' } };
    assert.deepEqual(lines({ nodes: 'a1 b1 c1 d1', targeted: 6, strategy }), [
      'canary: a1',
      'wave-1: b1 c1 d1',
    ]);
  });

  it('carries soak, limits, index and prefix', () => {
    const strategy = {
      canary: { soakSeconds: 300 },
      waves: { size: 1, soakSeconds: 60 },
      maxUnavailable: '50%',
      maxPerFailureDomain: 2,
    };
    const waves = makeWaves({
      cluster: 'east',
      nodes: plannedNodes('a1 b1'),
      targeted: 6,
      strategy: rolloutOf(strategy).spec.strategy,
      prefix: 'east-',
      firstIndex: 4,
    });
    assert.deepEqual(
      waves.map(({ nodes: _, ...wave }) => wave),
      [
        {
          index: 4,
          name: 'east-canary',
          cluster: 'east',
          canary: true,
          maxUnavailable: 3,
          maxPerFailureDomain: 2,
          soakSeconds: 300,
        },
        {
          index: 5,
          name: 'east-wave-1',
          cluster: 'east',
          canary: false,
          maxUnavailable: 3,
          maxPerFailureDomain: 2,
          soakSeconds: 60,
        },
      ],
    );
  });

  it('puts every node into exactly one wave, none too large, the canary first', () => {
    const fleet = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 40 })
      .map((domains) => domains.map((domain, i) => `${domain}${i}`));
    const size = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constantFrom('10%', '34%', '100%'));
    fc.assert(
      fc.property(fleet, size, fc.integer({ min: 1, max: 4 }), (names, waveSize, count) => {
        const waves = makeWaves({
          cluster: 'east',
          nodes: plannedNodes(names.join(' ')),
          targeted: names.length,
          strategy: rolloutOf({ waves: { size: waveSize }, canary: { count } }).spec.strategy,
          prefix: '',
          firstIndex: 0,
        });
        const placed = waves.flatMap((wave) => wave.nodes.map((entry) => entry.node));
        assert.deepEqual([...placed].sort(), [...names].sort());
        assert.deepEqual(
          waves.map((wave) => wave.canary),
          waves.map((_, index) => index === 0),
        );
        assert.equal(waves[0]?.nodes.length, Math.min(count, names.length));
        const limit = resolveCount(waveSize, names.length);
        for (const wave of waves.slice(1)) assert.ok(wave.nodes.length <= limit);
      }),
    );
  });

  it('never makes a wave larger than a history can hold', () => {
    const many = Array.from({ length: 901 }, (_, i) => `a${i}`).join(' ');
    const waves = lines({ nodes: many, strategy: { waves: { size: '100%' } } });
    const sizes = waves.map((line) => line.split(' ').length - 1);
    assert.deepEqual(sizes, [1, ...Array<number>(4).fill(MAX_WAVE_NODES), 100]);
    const canary = lines({ nodes: many, strategy: { canary: { count: 500 } } })[0] ?? '';
    assert.equal(canary.split(' ').length - 1, MAX_WAVE_NODES);
  });
});
