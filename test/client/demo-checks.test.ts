import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { minutesBetween } from '../../lab/cron-firings.ts';
import { brokenPromises, type Measured, survivalOn } from '../../lab/demo-checks.ts';
import type { NodeFacts } from '../../lab/fleet-facts.ts';
import { median } from '../bench/report.ts';
import { covered } from '../bench/spent.ts';

const container = (id: string, process = `${id}@1`) => ({
  ...{ id, process },
  namespace: 'shop',
  pod: `pod-${id}`,
});

const facts = (over: Partial<NodeFacts> = {}): NodeFacts => ({
  node: 'east-1',
  dpkg: 'new',
  daemon: 'new',
  containers: [container('a'), container('b')],
  ready: true,
  schedulable: true,
  annotations: [],
  labels: [],
  taints: [],
  slowed: false,
  ...over,
});

const calm = {
  evicted: [],
  jobPodsLost: [],
  otherPodsEnded: [],
  http: { sent: 10, failed: 0, examples: [] },
  cron: { scheduled: 1, missed: [] },
};

const measured = (over: Partial<Measured> = {}): Measured => ({
  before: [facts({ dpkg: 'old', daemon: 'old' })],
  after: [facts()],
  disturbance: calm,
  jobPodSucceeded: () => false,
  ...over,
});

describe("the demo's checks", () => {
  it('are content with a node that is new, available and undisturbed', () => {
    assert.deepEqual(brokenPromises(measured(), 'new'), []);
  });

  const nodes: readonly (readonly [string, Partial<NodeFacts>, RegExp])[] = [
    ['dpkg', { dpkg: 'old' }, /dpkg says old, not new/],
    ['the daemon', { daemon: 'old' }, /daemon runs old, not new/],
    ['a daemon that does not answer', { daemon: '' }, /daemon runs not, not new/],
    ['a node that is not Ready', { ready: false }, /not Ready/],
    ['a cordon', { schedulable: false }, /cordoned/],
    ['an annotation', { annotations: ['tidegate.dev/lease'] }, /tidegate\.dev\/lease/],
    ['a container that is gone', { containers: [container('a')] }, /shop\/pod-b is lost/],
    [
      'a container that was started anew under its id',
      { containers: [container('a'), container('b', 'b@2')] },
      /shop\/pod-b is lost/,
    ],
  ];
  for (const [what, over, expected] of nodes) {
    it(`find ${what}`, () => {
      const broken = brokenPromises(measured({ after: [facts(over)] }), 'new');
      assert.equal(broken.length, 1, broken.join('\n'));
      assert.match(broken[0] ?? '', expected);
    });
  }

  it('find every kind of disturbance', () => {
    const disturbance = {
      evicted: ['shop/web-1'],
      jobPodsLost: ['shop/batch-1'],
      otherPodsEnded: ['shop/db-0'],
      http: { sent: 10, failed: 2, examples: ['10.0.0.1: refused'] },
      cron: { scheduled: 1, missed: ['2026-11-24T23:00:00.000Z'] },
    };
    assert.equal(brokenPromises(measured({ disturbance }), 'new').length, 5);
  });

  it('take the container of a Job that is done for no loss', () => {
    const done = measured({
      after: [facts({ containers: [container('a')] })],
      jobPodSucceeded: (_namespace, pod) => pod === 'pod-b',
    });
    assert.deepEqual(brokenPromises(done, 'new'), []);
    assert.deepEqual(survivalOn('east-1', done), {
      ...{ before: 2, survived: 1, completed: 1, lost: [] },
    });
  });
});

describe('the arithmetic of demo and bench', () => {
  it('counts the full minutes of a span', () => {
    assert.deepEqual(minutesBetween(59_999, 60_000), [60_000]);
    assert.deepEqual(minutesBetween(60_000, 119_999), []);
    assert.deepEqual(minutesBetween(1, 180_000), [60_000, 120_000, 180_000]);
  });

  it('counts time that several spans share once', () => {
    const spans = [
      [5, 20],
      [10, 30],
      [40, 50],
      [42, 44],
    ] as const;
    assert.equal(covered(spans, [0, 100]), 35);
    assert.equal(covered(spans, [15, 45]), 20);
    assert.equal(covered([], [0, 100]), 0);
  });

  it('takes the median of odd and of even numbers of runs', () => {
    assert.equal(median([3]), 3);
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([1, 2, 3, 10]), 2.5);
  });
});
