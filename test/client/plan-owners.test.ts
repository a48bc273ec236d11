/** A plan shows whose workloads it disturbs, and where they are told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PLAIN } from '../../client/render/look.ts';
import { renderPlan } from '../../client/render/plan.ts';
import type { OwnerImpact, PlanResult } from '../../workflows/domain/plan-types.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

const NONE = { evicted: 0, waitedFor: 0, blocked: 0, restarted: 0 };
const owners: readonly OwnerImpact[] = [
  {
    owner: 'team-pay',
    workloads: ['shop/cart (Deployment)'],
    count: 1,
    waves: [{ wave: 'canary', ...NONE, evicted: 2, blocked: 1 }],
  },
  {
    owner: 'team-shop',
    workloads: ['shop/web (Deployment)'],
    count: 1,
    waves: [{ wave: 'wave-1', ...NONE, evicted: 1 }],
  },
  {
    workloads: ['shop/lost (Pod)'],
    count: 1,
    waves: [{ wave: 'wave-1', ...NONE, blocked: 1 }],
  },
];

function shown(more: Partial<PlanResult>, spec: Partial<typeof policy.spec> = {}): string {
  const notices = { ...policy.spec.notices, owners: { 'team-shop': ['slack:#shop'] } };
  const plan = planOf({
    count: 2,
    disruption: 'Drain',
    policy: { ...policy, spec: { ...policy.spec, notices, ...spec } },
  });
  return renderPlan({ plan, impact: [], ...more }, { next: [] }, PLAIN);
}

describe('the owners of a plan', () => {
  it('are shown with their workloads, what happens to them, and where they are told', () => {
    const [, block = ''] = shown({ owners }).split('Owners\n');
    assert.deepEqual(block.split('\n\n')[0]?.split('\n'), [
      '  team-pay: shop/cart (Deployment): 2 pods evicted, 1 in the way of the drain in canary; has no channel in the policy',
      '  team-shop: shop/web (Deployment): 1 pod evicted in wave-1; told at slack:#shop',
      '  nobody is named for 1 workload: shop/lost (Pod) (tidegate.dev/owner)',
    ]);
  });

  it('are no matter where nobody has named any', () => {
    assert.doesNotMatch(shown({ owners: owners.slice(2) }), /Owners|nobody/);
    assert.doesNotMatch(shown({}), /Owners/);
  });

  it('are named beside their pods and what blocks a drain', () => {
    const pod = { namespace: 'shop', pod: 'cart-1', owner: 'ReplicaSet/cart' };
    const contact = 'team-pay';
    const blocker = { node: 'east-1', pod: 'shop/cart-2', owner: 'ReplicaSet/cart', contact };
    const text = shown({
      impact: [
        {
          cluster: 'east',
          node: 'east-1',
          containersThatMustSurvive: 0,
          pods: [{ ...pod, effect: 'Evicted', contact }],
        },
      ],
      drains: [
        {
          wave: 'canary',
          cluster: 'east',
          blockers: [{ ...blocker, permanent: true, reason: 'is held', advice: 'let it go' }],
          firings: [],
        },
      ],
    });
    assert.match(text, /evicts shop\/cart-1 \(ReplicaSet\/cart, owner team-pay\)/);
    assert.match(text, /BLOCKED for good by shop\/cart-2 \(ReplicaSet\/cart, owner team-pay\): is/);
  });
});

describe('the time of a plan', () => {
  it('is shown: its windows, the first opening, and the notice before', () => {
    const hours = { start: '22:00', durationMinutes: 240, timeZone: 'Europe/Berlin' };
    const text = shown(
      { firstOpening: '2026-11-30T21:00:00Z' },
      {
        windows: [{ name: 'nightly', days: ['Mon'], ...hours }],
        notices: { ...policy.spec.notices, leadSeconds: 86_400, channels: ['slack:#platform'] },
      },
    );
    const rows = text.split('\n').filter((line) => /^(Nodes start|Told)/.test(line));
    assert.deepEqual(
      rows.map((row) => row.replace(/\s+/g, ' ')),
      [
        'Nodes start in the windows nightly (Mon 22:00 for 4 h, Europe/Berlin); first at 2026-11-30T21:00:00Z',
        'Told slack:#platform; the first node starts 1 d after that or later',
      ],
    );
  });

  it('is not told of where the policy says nothing', () => {
    assert.doesNotMatch(shown({}), /^(Nodes start|Told)/m);
  });
});
