import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type EvictionRule,
  impactOf,
  ownerOf,
  type PodFacts,
} from '../../workflows/domain/eviction.ts';
import { DISRUPTIONS, policySchema } from '../../workflows/domain/spec.ts';

const service: PodFacts = {
  namespace: 'shop',
  name: 'web-1',
  phase: 'Running',
  owner: { kind: 'ReplicaSet', name: 'web' },
  mirror: false,
  probe: false,
  terminating: false,
  ready: true,
  budgets: [],
};
const job: PodFacts = { ...service, name: 'batch-1', owner: { kind: 'Job', name: 'batch' } };
const { owner: _, ...bare } = service;
/** Of a budget that wants two pods. */
const budget = (disruptionsAllowed: number, name = 'web') => ({
  ...{ namespace: 'shop', name, counted: true, unhealthyAlways: false, disruptionsAllowed },
  ...{ currentHealthy: 2 + disruptionsAllowed, desiredHealthy: 2, expectedPods: 5 },
});

describe('impactOf', () => {
  const cases: [string, PodFacts, EvictionRule['jobs'], string, RegExp?][] = [
    ['a service', service, 'Wait', 'Evicted'],
    ['a pending service', { ...service, phase: 'Pending' }, 'Wait', 'Evicted'],
    ['a Job under Wait', job, 'Wait', 'WaitedFor'],
    ['a Job under Evict', job, 'Evict', 'Evicted'],
    ['a finished Job', { ...job, phase: 'Succeeded' }, 'Wait', 'Stays', /finished/],
    ['a failed Job', { ...job, phase: 'Failed' }, 'Evict', 'Stays', /finished/],
    [
      'a DaemonSet',
      { ...service, owner: { kind: 'DaemonSet', name: 'cni' } },
      'Wait',
      'Stays',
      /Da/,
    ],
    ['a static pod', { ...service, mirror: true }, 'Wait', 'Stays', /static/],
    ['our probe', { ...bare, probe: true }, 'Wait', 'Stays', /probe/],
    ['a bare pod', bare, 'Wait', 'Blocks', /no controller/],
    ['a bare pod going away', { ...bare, terminating: true }, 'Wait', 'Evicted', /terminating/],
    ['a budget with room', { ...service, budgets: [budget(1)] }, 'Wait', 'Evicted'],
    ['a budget without room', { ...service, budgets: [budget(0)] }, 'Wait', 'Blocks', /web allows/],
    [
      'a budget without room, not ready',
      { ...service, ready: false, budgets: [{ ...budget(0), currentHealthy: 1 }] },
      'Wait',
      'Blocks',
      /not ready.* web allows/,
    ],
    [
      'a budget without room, not ready, others are',
      { ...service, ready: false, budgets: [budget(0)] },
      'Wait',
      'Evicted',
    ],
    [
      'a budget without room, pending',
      { ...service, phase: 'Pending', budgets: [budget(0)] },
      'Wait',
      'Evicted',
    ],
    [
      'a budget without count',
      { ...service, budgets: [{ ...budget(1), counted: false }] },
      'Wait',
      'Blocks',
      /web has not been counted/,
    ],
    ['two budgets', { ...service, budgets: [budget(5), budget(5)] }, 'Wait', 'Blocks', /several/],
  ];
  for (const [title, pod, jobs, effect, reason] of cases) {
    it(`${title}: ${effect}`, () => {
      for (const disruption of ['Drain', 'Reboot'] as const) {
        const [impact] = impactOf([pod], { disruption, jobs });
        assert.equal(impact?.effect, effect);
        assert.equal(impact?.owner, ownerOf(pod));
        if (reason) assert.match(impact?.reason ?? '', reason);
      }
    });
  }

  const rule = (action: string, match: object) => ({ name: 'mine', match, action });
  const mine = (action: string) => ({ rules: [rule(action, { namespaces: ['shop'] })] });
  const scratch = { ...service, localVolumes: [{ name: 'tmp', kind: 'emptyDir' } as const] };
  const stuck = { ...service, terminating: true, graceEndsMs: 1_000_000 };
  const at = (seconds: number) => ({ nowMs: 1_000_000 + seconds * 1000 });
  const ruled: [string, PodFacts, object, Partial<EvictionRule>, string, RegExp?][] = [
    ['a bare pod with a rule', bare, mine('Evict'), {}, 'Evicted'],
    ['a pod to skip', service, mine('Skip'), {}, 'Stays', /rule "mine"/],
    ['a Job to skip', job, mine('Skip'), {}, 'Stays', /rule "mine"/],
    ['a Job to evict', job, mine('Evict'), {}, 'Evicted'],
    ['a pod to wait for', service, mine('WaitCompleted'), {}, 'WaitedFor', /rule "mine"/],
    [
      'one that ended',
      { ...bare, phase: 'Succeeded' },
      mine('WaitCompleted'),
      {},
      'Stays',
      /finished/,
    ],
    [
      'a DaemonSet is nobody’s to rule',
      { ...service, owner: { kind: 'DaemonSet', name: 'cni' } },
      mine('Evict'),
      {},
      'Stays',
      /DaemonSet/,
    ],
    ['local data', scratch, {}, {}, 'Evicted'],
    ['local data to keep', scratch, { localStorage: 'Block' }, {}, 'Blocks', /emptyDir tmp/],
    [
      'local data that a rule gives up',
      scratch,
      { localStorage: 'Block', ...mine('Evict') },
      {},
      'Evicted',
    ],
    ['a Job in its time', job, { jobsAtTimeout: 'Evict' }, { waitedSeconds: 899 }, 'WaitedFor'],
    ['a Job after its time', job, { jobsAtTimeout: 'Evict' }, { waitedSeconds: 900 }, 'Evicted'],
    ['a Job, planned', job, { jobsAtTimeout: 'Evict', jobTimeoutSeconds: 0 }, {}, 'WaitedFor'],
    ['a Job for later', job, { jobsAtTimeout: 'Later' }, { waitedSeconds: 999 }, 'WaitedFor'],
    [
      'a Job that a person gives up',
      job,
      { jobsAtTimeout: 'Ask' },
      { waitedSeconds: 0, jobChoice: 'Evict' },
      'Evicted',
    ],
    ['one stuck', stuck, {}, at(9999), 'Evicted', /terminating/],
    ['one stuck for less', stuck, { skipTerminatingAfterSeconds: 60 }, at(59), 'Evicted'],
    [
      'one stuck for too long',
      stuck,
      { skipTerminatingAfterSeconds: 60 },
      at(60),
      'Stays',
      /60 s after its grace period and is not waited for/,
    ],
    [
      'one that ended, and is held by a finalizer',
      { ...stuck, phase: 'Failed' },
      {},
      at(9999),
      'Evicted',
      /terminating/,
    ],
  ];
  for (const [title, pod, drain, times, effect, reason] of ruled) {
    it(`${title}: ${effect}`, () => {
      const policy = policySchema.shape.spec.parse({ drain }).drain;
      const [impact] = impactOf([pod], { disruption: 'Drain', ...policy, ...times });
      assert.equal(impact?.effect, effect);
      if (reason) assert.match(impact?.reason ?? '', reason);
    });
  }

  it('tells where a budget lets the pods of a node go only one after the other', () => {
    const many = (count: number, more: Partial<PodFacts>) =>
      Array.from({ length: count }, (_, index) => ({ ...service, name: `p${index}`, ...more }));
    const reasons = (pods: readonly PodFacts[]) =>
      impactOf(pods, { disruption: 'Drain', jobs: 'Wait' }).map(({ effect, reason }) =>
        [effect, ...(reason ? [reason] : [])].join(': '),
      );
    const turns = (allowed: number, count: number) =>
      `Evicted: one after the other: budget web allows ${allowed} at a time, and ${count} of its pods are here`;
    const three = many(3, { budgets: [budget(1)] });
    assert.deepEqual(reasons(three), [turns(1, 3), turns(1, 3), turns(1, 3)]);
    assert.deepEqual(reasons(many(2, { budgets: [budget(2)] })), ['Evicted', 'Evicted']);
    const others = [
      ...many(1, { budgets: [budget(1)], phase: 'Pending' }),
      ...many(1, { budgets: [budget(1)], terminating: true }),
      ...many(1, { budgets: [budget(1)], owner: { kind: 'Job', name: 'batch' } }),
      ...many(1, { budgets: [budget(1, 'other')] }),
      ...many(1, { budgets: [{ ...budget(1), namespace: 'bank' }], namespace: 'bank' }),
      ...many(1, { budgets: [budget(1)] }),
    ];
    assert.deepEqual(reasons(others), [
      'Evicted',
      'Evicted: is terminating already',
      'WaitedFor',
      'Evicted',
      'Evicted',
      'Evicted',
    ]);
  });

  const anyPod = fc.constantFrom(...cases.map(([, pod]) => pod));

  it('leaves every pod alone where nothing is drained, and forgets none', () => {
    const anyJobs = fc.constantFrom('Wait' as const, 'Evict' as const);
    fc.assert(
      fc.property(fc.array(anyPod), fc.constantFrom(...DISRUPTIONS), anyJobs, (pods, d, jobs) => {
        const impact = impactOf(pods, { disruption: d, jobs });
        assert.deepEqual(
          impact.map((entry) => entry.pod),
          pods.map((pod) => pod.name),
        );
        if (d === 'None' || d === 'Restart') {
          assert.ok(impact.every((entry) => entry.effect === 'Stays'));
        }
      }),
    );
  });
});
