import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { drainActivities } from '../../activities/drain.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

const policy = { ...policySchema.shape.spec.parse({}).drain, timeoutSeconds: 60 };
const DaemonSet = pod('cni', 'DaemonSet/cni');

type DrainPolicy = Parameters<ReturnType<typeof drainActivities>['drain']>[0]['policy'];

function drain(
  kube: FakeKube,
  jobs: 'Wait' | 'Evict' = 'Wait',
  previous?: unknown,
  more: Partial<DrainPolicy> = {},
) {
  const run = fakeDeps(kube, { previous });
  const { drain: activity } = drainActivities(run.deps);
  return { run, result: activity({ ...ref, policy: { ...policy, jobs, ...more } }) };
}

describe('drain', () => {
  it('evicts what has to go, and nothing else', async () => {
    const kube = new FakeKube();
    kube.pods = [
      pod('web', 'ReplicaSet/web'),
      DaemonSet,
      pod('done', 'Job/batch', { status: { phase: 'Succeeded' } }),
      pod('static', 'Node/east-1', {
        metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } },
      }),
    ];
    const { result } = drain(kube);
    assert.deepEqual(await result, { evicted: ['shop/web'], jobPodsEvicted: [] });
    assert.deepEqual(kube.evictions, ['web']);
  });

  it('waits for Jobs before it disturbs any service', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('batch', 'Job/batch')];
    let looks = 0;
    kube.onList = () => {
      looks += 1;
      if (looks < 5) assert.deepEqual(kube.evictions, []);
      if (looks === 5) kube.pods = kube.pods.filter((p) => p.metadata?.name !== 'batch');
    };
    assert.deepEqual(await drain(kube).result, { evicted: ['shop/web'], jobPodsEvicted: [] });
  });

  it('evicts Jobs where the policy says so, and reports them', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('batch', 'Job/batch')];
    const expected = { evicted: ['shop/batch'], jobPodsEvicted: ['shop/batch'] };
    assert.deepEqual(await drain(kube, 'Evict').result, expected);
  });

  it('leaves the node for later where Jobs outlast their time, with nothing evicted', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('batch', 'Job/batch')];
    const more = { jobTimeoutSeconds: 5, jobsAtTimeout: 'Later' } as const;
    const { result } = drain(kube, 'Wait', undefined, more);
    await assert.rejects(result, { type: 'JobsRunning', message: /batch \(owner Job\/batch\)/ });
    assert.deepEqual(kube.evictions, []);
  });

  it('evicts Jobs that outlast their time where the policy says so, and reports them', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('batch', 'Job/batch')];
    const more = { jobTimeoutSeconds: 5, jobsAtTimeout: 'Evict' } as const;
    const { result, run } = drain(kube, 'Wait', undefined, more);
    const before = run.deps.clock.now();
    const { jobPodsEvicted } = await result;
    assert.deepEqual(jobPodsEvicted, ['shop/batch']);
    assert.deepEqual([...kube.evictions].sort(), ['batch', 'web']);
    assert.ok(run.deps.clock.now() - before >= 5000, 'not before their time');
  });

  it('does not take "accepted" for "gone"', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    kube.onEvict = () => {
      kube.pods = [pod('web', 'ReplicaSet/web', { metadata: { deletionTimestamp: new Date() } })];
      return { kind: 'Accepted' };
    };
    let looks = 0;
    kube.onList = () => {
      looks += 1;
      if (looks === 6) kube.pods = [];
    };
    await drain(kube).result;
    assert.equal(looks, 6);
    assert.equal(kube.evictions.length, 1);
  });

  it('sees pods that arrive late', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    let looks = 0;
    kube.onList = () => {
      looks += 1;
      if (looks === 2) kube.pods.push(pod('late', 'ReplicaSet/web'));
    };
    const { evicted } = await drain(kube).result;
    assert.deepEqual(evicted, ['shop/web', 'shop/late']);
  });

  it('tries a refused eviction again, without a hot loop', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const accept = kube.onEvict;
    const times: number[] = [];
    const { run, result } = drain(kube);
    kube.onEvict = (which) => {
      times.push(run.deps.clock.now());
      return times.length < 4 ? { kind: 'BudgetRefused', message: 'no' } : accept(which);
    };
    await result;
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.deepEqual(gaps, [1500, 1500, 1500]);
  });

  it('evicts pods one after the other where their budget allows one at a time', async () => {
    const kube = new FakeKube();
    kube.pods = ['a', 'b', 'c'].map((name) => pod(name, 'ReplicaSet/web'));
    const accept = kube.onEvict;
    const { run, result } = drain(kube);
    let allowedFromMs = 0;
    kube.onEvict = (which) => {
      if (run.deps.clock.now() < allowedFromMs) return { kind: 'BudgetRefused', message: 'no' };
      // The next one may go when a new pod is ready elsewhere.
      allowedFromMs = run.deps.clock.now() + 10_000;
      return accept(which);
    };
    const start = run.deps.clock.now();
    assert.deepEqual([...(await result).evicted].sort(), ['shop/a', 'shop/b', 'shop/c']);
    assert.ok(run.deps.clock.now() - start >= 20_000);
  });

  it('names every blocker with owner and budget when time is up', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('bare')];
    kube.onEvict = () => ({ kind: 'BudgetRefused', message: 'would violate the budget' });
    kube.budgets = [
      {
        metadata: { name: 'web-pdb' },
        spec: { selector: { matchLabels: { app: 'web' } } },
        status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2, expectedPods: 2 },
      },
    ];
    await assert.rejects(drain(kube).result, (error: Error & { type?: string }) => {
      assert.equal(error.type, 'DrainBlocked');
      assert.match(error.message, /shop\/web \(owner ReplicaSet\/web\) would violate the budget/);
      assert.match(error.message, /budget web-pdb allows 0 disruption\(s\), 1 of 2 needed/);
      assert.match(error.message, /the pod is not ready: unhealthyPodEvictionPolicy: AlwaysAllow/);
      assert.match(error.message, /shop\/bare \(owner none\) has no controller/);
      return true;
    });
  });

  it('leaves services in peace where Jobs block until the end', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('batch', 'Job/batch')];
    await assert.rejects(drain(kube).result, /shop\/batch \(owner Job\/batch\) is a running Job/);
    assert.deepEqual(kube.evictions, []);
  });

  it('goes on where the attempt before was', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const startedAtMs = Date.parse('2026-01-01T00:00:00Z') - 5000;
    const { result, run } = drain(kube, 'Wait', { startedAtMs, evicted: ['shop/earlier'] });
    assert.deepEqual((await result).evicted, ['shop/earlier', 'shop/web']);
    assert.equal((run.heartbeats[0] as { startedAtMs: number }).startedAtMs, startedAtMs);
  });

  it('tells the pods that it had evicted when it is cancelled', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web'), pod('held', 'ReplicaSet/held')];
    const budget = { kind: 'BudgetRefused', message: 'no' } as const;
    kube.onEvict = (gone) => {
      if (gone.name === 'held') return budget;
      kube.pods = kube.pods.filter((known) => known.metadata?.uid !== gone.uid);
      kube.onList = () => run.cancel.abort(new CancelledFailure('CANCELLED'));
      return { kind: 'Accepted' };
    };
    const { run, result } = drain(kube);
    await assert.rejects(result, (error) => {
      assert.ok(error instanceof CancelledFailure);
      const done = { evicted: ['shop/web'], jobPodsEvicted: [] };
      assert.deepEqual(error.details, [done]);
      return true;
    });
  });

  it('stops when it is cancelled', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('batch', 'Job/batch')];
    const { run, result } = drain(kube);
    kube.onList = () => run.cancel.abort(new Error('cancelled'));
    await assert.rejects(result, /cancelled/);
  });
});
