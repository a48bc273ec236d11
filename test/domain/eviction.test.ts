import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type EvictionRule,
  impactOf,
  ownerOf,
  type PodFacts,
} from '../../workflows/domain/eviction.ts';
import { DISRUPTIONS } from '../../workflows/domain/spec.ts';

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
