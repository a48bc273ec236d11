/** What becomes of pods that do not go: stuck ones, those that come back, force, Jobs that are late. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fail } from '../../activities/failure.ts';
import { drain, failing, text } from './drain-kit.ts';
import { FakeKube, pod } from './fakes.ts';

describe('a pod that is stuck', () => {
  const stuck = (seconds: number) =>
    pod('stuck', 'ReplicaSet/web', {
      metadata: {
        finalizers: ['example.com/hold'],
        deletionTimestamp: new Date(Date.parse('2026-01-01') - seconds * 1000),
      },
    });

  it('is named with its finalizers', async () => {
    const error = await failing(drain({ pods: [stuck(30)] }).result, 'DrainBlocked');
    assert.match(text(error), /is terminating, 90 s after its grace period: .*example\.com\/hold/);
  });

  it('is not waited for where the policy says so, which is said', async () => {
    const policy = { skipTerminatingAfterSeconds: 40 };
    const { result, run } = drain({ pods: [stuck(30)], policy });
    const before = run.deps.clock.now();
    assert.match((await result).notes?.join() ?? '', /stuck .* not waited for \(finalizers: ex/);
    assert.ok(run.deps.clock.now() - before >= 10_000, 'not before its time');
  });

  /** Evicts a pod of a node whose kubelet is dead: it is marked, and stays. */
  function withoutKubelet(policy: object) {
    const kube = new FakeKube();
    const made = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    const { clock } = made.run.deps;
    kube.onEvict = () => {
      const deletionTimestamp = new Date(clock.now() + 30_000);
      kube.pods = [pod('web', 'ReplicaSet/web', { metadata: { deletionTimestamp } })];
      return { kind: 'Accepted' };
    };
    return { kube, result: made.result, start: clock.now(), clock };
  }

  it('since the kubelet is dead is evicted once, and the kubelet is named', async () => {
    const { kube, result } = withoutKubelet({});
    const error = await failing(result, 'DrainBlocked');
    assert.match(text(error), /has not terminated, 2\d s after its grace .* kubelet of the node/);
    assert.deepEqual(kube.evictions, ['web']);
  });

  it('since the kubelet is dead is not waited for where the policy says so', async () => {
    const { kube, result, start, clock } = withoutKubelet({ skipTerminatingAfterSeconds: 10 });
    const { evicted, notes } = await result;
    assert.deepEqual(evicted, ['shop/web']);
    assert.match(notes?.join() ?? '', /shop\/web .* 10 s after its grace period and is not waited/);
    assert.ok(clock.now() - start >= 40_000, 'grace period and limit');
    assert.deepEqual(kube.evictions, ['web']);
  });
});

describe('a pod that comes straight back', () => {
  function returning(times: number) {
    const kube = new FakeKube();
    const accept = kube.onEvict;
    kube.onEvict = (which) => {
      const answer = accept(which);
      const number = kube.evictions.length;
      if (number <= times) {
        const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
        const spec = { containers: [], tolerations };
        kube.pods.push(pod(`web-${number}`, 'ReplicaSet/web', { spec }));
      }
      return answer;
    };
    return kube;
  }

  it('is evicted once more, and then named with advice', async () => {
    const kube = returning(99);
    const error = await failing(
      drain({ pods: [pod('web', 'ReplicaSet/web')] }, kube).result,
      'DrainBlocked',
    );
    assert.deepEqual(kube.evictions, ['web', 'web-1']);
    assert.match(text(error), /shop\/web-2 .*come straight back .* 2 times; it tolerates/);
  });

  it('may come back once', async () => {
    const { kube, result } = drain({ pods: [pod('web', 'ReplicaSet/web')] }, returning(1));
    assert.deepEqual((await result).evicted, ['shop/web', 'shop/web-1']);
    assert.equal(kube.pods.length, 0);
  });

  it('is no other replica that arrives in turn', async () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name, 'ReplicaSet/web'));
    const { result } = drain({ pods }, returning(3));
    assert.equal((await result).evicted.length, 6);
  });
});

describe('Force', () => {
  const policy = { atTimeout: 'Force' };
  const refuse = (kube: FakeKube) => {
    kube.onEvict = () => ({ kind: 'BudgetRefused', message: 'budget web allows none' });
  };

  it('deletes what is left when the time is up, bound to its uid, and says so', async () => {
    const kube = new FakeKube();
    refuse(kube);
    const deleted: object[] = [];
    kube.onDelete = (which) => void deleted.push(which);
    const { result, run } = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    const before = run.deps.clock.now();
    assert.deepEqual(await result, {
      evicted: ['shop/web'],
      jobPodsEvicted: [],
      notes: [
        'shop/web (owner ReplicaSet/web) was deleted by force after 60 s: budget web allows none',
      ],
    });
    assert.deepEqual(deleted, [{ namespace: 'shop', name: 'web', uid: 'uid-web' }]);
    assert.ok(run.deps.clock.now() - before >= 60_000, 'not before its time');
  });

  it('deletes nothing because the API server is busy', async () => {
    const kube = new FakeKube();
    const accept = kube.onEvict;
    kube.onDelete = () => assert.fail('nothing is to be deleted');
    const { result, run } = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    const start = run.deps.clock.now();
    kube.onList = () => {
      if (run.deps.clock.now() - start >= 60_500) kube.onEvict = accept;
    };
    kube.onEvict = () =>
      run.deps.clock.now() - start < 60_000
        ? { kind: 'BudgetRefused', message: 'no' }
        : { kind: 'TryLater', message: 'busy' };
    assert.equal((await result).notes, undefined);
  });

  it('takes bare pods as well, and says why they blocked', async () => {
    const { result } = drain({ pods: [pod('bare')], policy });
    assert.match((await result).notes?.[0] ?? '', /by force after 60 s: has no controller/);
  });

  it('says what to type where the worker may not', async () => {
    const kube = new FakeKube();
    refuse(kube);
    kube.onDelete = () => fail('KubernetesForbidden', 'no');
    const { result } = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    const error = await failing(result, 'DrainBlocked');
    assert.match(text(error), /kubectl create clusterrolebinding tidegate-worker-force/);
    assert.match(text(error), /not drained after 6[01] s/);
  });

  it('tries again where a webhook denies the deletion, and names it', async () => {
    const kube = new FakeKube();
    refuse(kube);
    const said = 'admission webhook "pods.example.com" denied the request: it holds the lock';
    let denials = 3;
    kube.onDelete = () => (denials-- > 0 ? fail('KubernetesForbidden', `403 ${said}`) : undefined);
    const { result } = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    assert.deepEqual((await result).evicted, ['shop/web']);
    kube.onDelete = () => fail('KubernetesForbidden', `403 ${said}`);
    const denied = drain({ pods: [pod('web', 'ReplicaSet/web')], policy }, kube);
    const error = await failing(denied.result, 'DrainBlocked');
    assert.match(text(error), /shop\/web .*admission webhook "pods\.example\.com" denied/);
    assert.doesNotMatch(text(error), /clusterrolebinding/);
  });

  it('is not used under any other policy', async () => {
    const kube = new FakeKube();
    refuse(kube);
    kube.onDelete = () => assert.fail('nothing is to be deleted');
    for (const atTimeout of ['Fail', 'Skip', 'Quarantine']) {
      const { result } = drain(
        { pods: [pod('web', 'ReplicaSet/web')], policy: { atTimeout } },
        kube,
      );
      await failing(result, 'DrainBlocked');
    }
  });
});

describe('Jobs that outlast their time', () => {
  const pods = () => [pod('batch-1', 'Job/batch'), pod('web', 'ReplicaSet/web')];
  const asks = { jobTimeoutSeconds: 30, jobsAtTimeout: 'Ask' };

  it('are asked about, with nothing evicted', async () => {
    const { kube, result } = drain({ pods: pods(), policy: asks });
    const error = await failing(result, 'JobsUndecided');
    assert.match(text(error), /still runs shop\/batch-1 \(owner Job\/batch\) after 30 s; nothing/);
    assert.match(text(error), /a person is asked/);
    assert.deepEqual(error.details?.[0], [{ pod: 'shop/batch-1', owner: 'Job/batch' }]);
    assert.deepEqual(kube.evictions, []);
  });

  it('are evicted at once when a person says Evict', async () => {
    const { result, run } = drain({ pods: pods(), policy: asks, jobChoice: 'Evict' });
    const before = run.deps.clock.now();
    const { jobPodsEvicted, notes } = await result;
    assert.deepEqual(jobPodsEvicted, ['shop/batch-1']);
    assert.deepEqual(notes, [
      'Job shop/batch was still running and was evicted, as a person decided',
    ]);
    assert.ok(run.deps.clock.now() - before < 5000);
  });

  it('are left for later at once when a person says Later', async () => {
    const { result, run } = drain({ pods: pods(), policy: asks, jobChoice: 'Later' });
    const before = run.deps.clock.now();
    await failing(result, 'JobsRunning');
    assert.equal(run.deps.clock.now(), before);
  });

  it('are waited for once more when a person says Wait, and asked about again', async () => {
    const { result, run } = drain({ pods: pods(), policy: asks, jobChoice: 'Wait' });
    const before = run.deps.clock.now();
    await failing(result, 'JobsUndecided');
    assert.equal(run.deps.clock.now() - before, 30_000);
  });

  it('are evicted where the policy says so, which is said once for each Job', async () => {
    const policy = { jobTimeoutSeconds: 30, jobsAtTimeout: 'Evict' };
    const { result } = drain({ pods: [...pods(), pod('batch-2', 'Job/batch')], policy });
    const { jobPodsEvicted, notes } = await result;
    assert.deepEqual(jobPodsEvicted, ['shop/batch-1', 'shop/batch-2']);
    assert.deepEqual(notes, [
      'Job shop/batch was still running after 30 s and was evicted, as the policy says',
    ]);
  });
});
