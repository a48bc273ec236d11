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
  budgets: [],
};
const job: PodFacts = { ...service, name: 'batch-1', owner: { kind: 'Job', name: 'batch' } };
const { owner: _, ...bare } = service;
const budget = (disruptionsAllowed: number) => ({ name: 'web', disruptionsAllowed });

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
