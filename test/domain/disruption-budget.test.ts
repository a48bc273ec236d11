/** What the API server answers to an eviction; plan and simulation say the same of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type BudgetFacts,
  budgetAsked,
  refusalOf,
} from '../../workflows/domain/disruption-budget.ts';
import { type SimulatedPod, simulateDrain } from '../../workflows/domain/drain-simulation.ts';
import { impactOf } from '../../workflows/domain/eviction.ts';
import { policySchema } from '../../workflows/domain/spec.ts';

const service: SimulatedPod = {
  namespace: 'shop',
  name: 'web-1',
  phase: 'Running',
  owner: { kind: 'ReplicaSet', name: 'web' },
  mirror: false,
  probe: false,
  terminating: false,
  ready: true,
  crashLooping: false,
  budgets: [],
};
const { owner: _, ...bare } = service;

/** "2/3, 0 allowed" as Kubernetes counts it: healthy, wanted, disruptions allowed. */
function budget(
  currentHealthy: number,
  desiredHealthy: number,
  disruptionsAllowed: number,
  more: Partial<BudgetFacts> = {},
): BudgetFacts {
  return {
    ...{ namespace: 'shop', name: 'web', counted: true, unhealthyAlways: false },
    ...{ currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods: 3, ...more },
  };
}
const always = { unhealthyAlways: true };
const stale = { counted: false };

/** How a pod is, and what is said of it under each budget. */
const BUDGETS: Readonly<Record<string, readonly BudgetFacts[]>> = {
  none: [],
  room: [budget(3, 2, 1)],
  tight: [budget(2, 2, 0)],
  short: [budget(1, 2, 0)],
  'short, AlwaysAllow': [budget(1, 2, 0, always)],
  'wants none, has none': [budget(0, 0, 0)],
  'not counted': [budget(0, 0, 0, stale)],
  'not counted, once tight': [budget(2, 2, 0, stale)],
  several: [budget(3, 2, 1), budget(3, 2, 1, { name: 'all' })],
};
type Row = readonly [
  name: string,
  free: string,
  exhausted: string,
  notReady: string,
  other: string,
];
const STATES: Readonly<Record<string, Partial<SimulatedPod>>> = {
  ready: {},
  'not ready': { ready: false },
  pending: { phase: 'Pending', ready: false },
  finished: { phase: 'Succeeded', ready: false },
  failed: { phase: 'Failed', ready: false },
  terminating: { terminating: true },
  'of an unknown phase': { phase: 'Unknown', ready: false },
};
const past = Object.keys(BUDGETS).join(' | ');

/** For each state: the budgets under which the pod goes, and those that refuse it, by why. */
const ROWS: readonly Row[] = [
  [
    'ready',
    'none | room',
    'tight | short | short, AlwaysAllow | wants none, has none',
    '',
    'not counted | not counted, once tight',
  ],
  ...['not ready', 'of an unknown phase'].map(
    (state): Row => [
      state,
      'none | room | tight | short, AlwaysAllow | not counted, once tight',
      '',
      'short | wants none, has none',
      'not counted',
    ],
  ),
  ...['pending', 'finished', 'failed', 'terminating'].map(
    (state): Row => [state, past, '', '', ''],
  ),
];

describe('refusalOf', () => {
  for (const [state, free, exhausted, notReady, uncounted] of ROWS) {
    it(`of a pod that is ${state}`, () => {
      const said = (kind: string | undefined) =>
        Object.entries(BUDGETS)
          .filter(
            ([, budgets]) => refusalOf({ ...service, ...STATES[state], budgets })?.kind === kind,
          )
          .map(([name]) => name)
          .join(' | ');
      assert.equal(said(undefined), free);
      assert.equal(said('Exhausted'), exhausted);
      assert.equal(said('NotReady'), notReady);
      assert.equal(said('Uncounted'), uncounted);
      assert.equal(said('Several'), free === past ? '' : 'several');
    });
  }
});

describe('budgetAsked', () => {
  const [room] = BUDGETS['room'] ?? [];
  const rows: [string, Partial<SimulatedPod>, BudgetFacts | undefined][] = [
    ['a ready pod', {}, room],
    ['one that is not ready, for free', { ready: false }, undefined],
    ['one that has not begun', { phase: 'Pending' }, undefined],
    ['one under several', { budgets: BUDGETS['several'] ?? [] }, undefined],
  ];
  for (const [title, pod, expected] of rows) {
    it(`by ${title}`, () =>
      assert.deepEqual(budgetAsked({ ...service, budgets: room ? [room] : [], ...pod }), expected));
  }
});

describe('plan and simulation', () => {
  const { drain } = policySchema.shape.spec.parse({ drain: { localStorage: 'Block' } });
  const data = [{ name: 'tmp', kind: 'emptyDir' as const }];
  const anyPod = fc.record({
    base: fc.constantFrom(service, bare, { ...service, localVolumes: data }),
    state: fc.constantFrom(...Object.values(STATES)),
    budgets: fc.constantFrom(...Object.values(BUDGETS)),
  });

  it('block on the same pods', () => {
    fc.assert(
      fc.property(anyPod, ({ base, state, budgets }) => {
        const pod = { ...base, ...state, budgets };
        const [impact] = impactOf([pod], { ...drain, disruption: 'Drain' });
        const found = simulateDrain({
          nodes: [{ node: 'n1', failureDomain: 'a', disruption: 'Drain', pods: [pod] }],
          ...{ drain, maxUnavailable: 1, maxPerFailureDomain: 1 },
        });
        assert.equal(impact?.effect === 'Blocks', found.length > 0);
      }),
    );
  });
});
