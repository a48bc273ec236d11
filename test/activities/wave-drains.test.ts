/** What a plan tells of draining its waves, as read from a cluster; and how it is kept small. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1PodDisruptionBudget } from '../../activities/adapters/kube-adapter.ts';
import { budgetFacts } from '../../activities/budget-facts.ts';
import { withFittingDetail } from '../../activities/plan-size.ts';
import { drainsOf, readOccupancy } from '../../activities/wave-drains.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import { planOf } from '../workflows/fixtures.ts';
import { FakeKube, fakeDeps, pod } from './fakes.ts';

const READY = { conditions: [{ type: 'Ready', status: 'True' }] };

function budget(more: Partial<V1PodDisruptionBudget> = {}): V1PodDisruptionBudget {
  return {
    metadata: { namespace: 'shop', name: 'web', generation: 1 },
    spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
    status: {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 2,
      desiredHealthy: 2,
      expectedPods: 2,
    },
    ...more,
  };
}

/** Each pod is on the node that its name begins with. */
class NodesOfPods extends FakeKube {
  budgetsRead = 0;
  override async podsOn(node = '') {
    return this.pods.filter((one) => one.metadata?.name?.startsWith(`${node}-`));
  }
  override async budgetsIn() {
    this.budgetsRead += 1;
    return await super.budgetsIn();
  }
}

function cluster(): NodesOfPods {
  const kube = new NodesOfPods();
  for (const name of ['east-1', 'east-2']) {
    kube.addNode(name, { metadata: { labels: { 'kubernetes.io/hostname': name } } });
  }
  kube.pods = ['east-1-a', 'east-1-b', 'east-2-a'].map((name) =>
    pod(name, 'ReplicaSet/web', { status: READY }),
  );
  return kube;
}

async function drains(kube: FakeKube, disruption: 'Restart' | 'Drain' | 'Reboot' = 'Drain') {
  const { deps } = fakeDeps(kube);
  const plan = planOf({ count: 2, disruption });
  return await drainsOf(deps, plan, await readOccupancy(deps, plan));
}

describe('the drains of a plan', () => {
  it('name the pods that a budget holds, wave by wave, and evict nothing', async () => {
    const kube = cluster();
    kube.budgets = [budget()];
    const found = await drains(kube);
    assert.deepEqual(
      found.map((drain) => [drain.wave, drain.blockers.map((entry) => entry.pod)]),
      [
        ['canary', ['shop/east-1-a', 'shop/east-1-b']],
        ['wave-1', ['shop/east-2-a']],
      ],
    );
    const [blocker] = found[0]?.blockers ?? [];
    assert.deepEqual(blocker?.budget, { name: 'web', disruptionsAllowed: 0 });
    assert.equal(blocker.permanent, true);
    assert.deepEqual(kube.evictions, []);
    assert.equal(kube.budgetsRead, 1);
  });

  it('know a pod that keeps crashing', async () => {
    const kube = cluster();
    const container = { name: 'c', image: 'i', imageID: 'i', ready: false, restartCount: 1 };
    const waiting = { state: { waiting: { reason: 'CrashLoopBackOff' } } };
    const status = { containerStatuses: [{ ...container, ...waiting }] };
    kube.pods = [pod('east-1-a', 'ReplicaSet/web', { status })];
    const counts = { currentHealthy: 1, desiredHealthy: 2, expectedPods: 3 };
    kube.budgets = [
      budget({ status: { disruptionsAllowed: 0, observedGeneration: 1, ...counts } }),
    ];
    const [canary] = await drains(kube);
    assert.match(canary?.blockers[0]?.reason ?? '', /^keeps crashing/);
  });

  it('name the firings that a turn of their nodes would harm', async () => {
    const kube = cluster();
    const template = { nodeSelector: { 'kubernetes.io/hostname': 'east-2' }, containers: [] };
    kube.cronJobsThere = ['* * * * *', '0 3 * * *'].map((schedule, index) => ({
      metadata: { namespace: 'shop', name: `cron-${index}` },
      spec: { schedule, jobTemplate: { spec: { template: { spec: template } } } },
    }));
    const [canary, wave] = await drains(kube);
    assert.deepEqual(canary?.firings, []);
    assert.deepEqual(
      wave?.firings.map((entry) => [entry.node, entry.cronJob, entry.nextAt, entry.avoidable]),
      [
        ['east-2', 'shop/cron-0', '2026-01-01T00:01:00Z', false],
        ['east-2', 'shop/cron-1', '2026-01-01T03:00:00Z', true],
      ],
    );
  });

  it('are none where nothing is drained', async () => {
    const kube = cluster();
    kube.budgets = [budget()];
    assert.deepEqual(await drains(kube, 'Restart'), []);
    assert.equal((await drains(kube, 'Reboot')).length, 2);
  });
});

describe('a budget', () => {
  it('is known as it is written and counted', () => {
    const spec = { maxUnavailable: '25%', unhealthyPodEvictionPolicy: 'AlwaysAllow' };
    assert.deepEqual(budgetFacts(budget({ spec })), {
      namespace: 'shop',
      name: 'web',
      counted: true,
      disruptionsAllowed: 0,
      currentHealthy: 2,
      desiredHealthy: 2,
      expectedPods: 2,
      maxUnavailable: '25%',
      unhealthyAlways: true,
    });
  });

  it('that was changed since is not counted', () => {
    const metadata = { namespace: 'shop', name: 'web', generation: 2 };
    assert.equal(budgetFacts(budget({ metadata })).counted, false);
    const { status: _, ...fresh } = budget();
    assert.equal(budgetFacts(fresh).counted, false);
  });
});

describe('a plan that is too large', () => {
  const plan = planOf({ count: 1, disruption: 'Drain' });
  const long = 'x'.repeat(300);
  const pods = (effect: 'Stays' | 'Evicted' | 'Blocks', count: number) =>
    Array.from({ length: count }, (_, i) => ({
      namespace: 'shop',
      pod: `${effect}-${i}`,
      owner: 'ReplicaSet/web',
      effect,
      reason: long,
    }));
  const blockers = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      node: 'east-1',
      pod: `shop/${i}`,
      owner: 'ReplicaSet/web',
      permanent: true,
      reason: long,
      advice: 'lower it',
    }));
  const firings = [true, false].map((avoidable) => ({
    node: 'east-1',
    cronJob: `shop/${avoidable}`,
    nextAt: '2026-01-01T00:00:00Z',
    avoidable,
    reason: long,
  }));
  const result = (stays: number, moves: number, blocked: number): PlanResult => ({
    plan,
    impact: [
      {
        cluster: 'east',
        node: 'east-1',
        containersThatMustSurvive: 0,
        pods: [...pods('Stays', stays), ...pods('Evicted', moves), ...pods('Blocks', 1)],
      },
    ],
    drains: [{ wave: 'canary', cluster: 'east', blockers: blockers(blocked), firings }],
  });
  /** How much of each is left: pods that stay, that move, that block; blockers; firings. */
  const left = ({ impact, drains = [] }: PlanResult) => {
    const count = (effect: string) =>
      impact[0]?.pods.filter((entry) => entry.effect === effect).length;
    const [drain] = drains;
    const all = [count('Stays'), count('Evicted'), count('Blocks'), drain?.blockers.length];
    return [...all, drain?.firings.length].join(' ');
  };

  const rows: [string, PlanResult, string][] = [
    ['keeps all that fits', result(9, 9, 9), '9 9 1 9 2'],
    ['loses pods that stay', result(5000, 9, 9), '0 9 1 9 2'],
    ['then all but one blocker of a kind', result(5000, 9, 5000), '0 9 1 1 1'],
    ['then pods that move', result(5000, 5000, 5000), '0 0 1 1 1'],
  ];
  for (const [name, large, expected] of rows) {
    it(`${name}: ${expected}`, () => assert.equal(left(withFittingDetail(large)), expected));
  }

  it('is refused where nothing more can be left out', () => {
    const huge = { ...result(0, 0, 0), plan: { ...plan, reason: 'x'.repeat(2_000_000) } };
    assert.throws(() => withFittingDetail(huge), /more than the 1572864 that fit/);
  });
});
