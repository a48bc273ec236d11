/** What a drain makes of workers that die, answers that get lost, and an API server that has no time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EvictionAnswer } from '../../activities/adapters/kube-adapter.ts';
import { drainActivities } from '../../activities/drain.ts';
import type { Progress } from '../../activities/drain-ledger.ts';
import { fail } from '../../activities/failure.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

const { drain: policy } = policySchema.shape.spec.parse({ drain: { timeoutSeconds: 60 } });

function drain(kube: FakeKube, previous?: unknown) {
  const run = fakeDeps(kube, { previous: structuredClone(previous) });
  const { drain: activity } = drainActivities(run.deps);
  return { run, work: () => activity({ ...ref, policy }) };
}
const unreachable = () => fail('KubernetesUnreachable', 'no answer');

describe('a worker that dies', () => {
  /** Drains until the given eviction has been accepted, and returns the last heartbeat before. */
  async function diesIn(kube: FakeKube, eviction: number): Promise<Progress> {
    const accept = kube.onEvict;
    const { run, work } = drain(kube);
    let last: unknown;
    kube.onEvict = (which) => {
      last ??= kube.evictions.length === eviction ? run.heartbeats.at(-1) : undefined;
      const answer = accept(which);
      if (last) run.cancel.abort(new Error('the worker dies'));
      return answer;
    };
    await assert.rejects(work(), /the worker dies/);
    kube.onEvict = accept;
    return last as Progress;
  }

  it('between an accepted eviction and its heartbeat hides no eviction', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('a', 'ReplicaSet/web'), pod('b', 'Job/x'), pod('c', 'ReplicaSet/web')];
    const jobs = 'Evict';
    const given = kube.pods;
    for (const eviction of [1, 2, 3]) {
      kube.pods = given;
      kube.evictions.length = 0;
      const first = drain(kube);
      const accept = kube.onEvict;
      let last: unknown;
      kube.onEvict = (which) => {
        if (kube.evictions.length === eviction) {
          last = first.run.heartbeats.at(-1);
          first.run.cancel.abort(new Error('the worker dies'));
        }
        return kube.evictions.length <= eviction ? accept(which) : unreachable();
      };
      const activity = (run: typeof first.run) =>
        drainActivities(run.deps).drain({ ...ref, policy: { ...policy, jobs } });
      await assert.rejects(activity(first.run), /the worker dies/);
      kube.onEvict = accept;
      const { evicted, jobPodsEvicted } = await activity(drain(kube, last).run);
      assert.deepEqual([...evicted].sort(), ['shop/a', 'shop/b', 'shop/c']);
      assert.deepEqual(jobPodsEvicted, ['shop/b']);
    }
  });

  it('counts a pod that is still terminating, and evicts it no second time', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    kube.onEvict = () => {
      const metadata = { deletionTimestamp: new Date() };
      kube.pods = [pod('web', 'ReplicaSet/web', { metadata })];
      return { kind: 'Accepted' };
    };
    const last = await diesIn(kube, 1);
    const { run, work } = drain(kube, last);
    kube.onList = () => {
      if (run.heartbeats.length > 0 && ++looks > 2) kube.pods = [];
    };
    let looks = 0;
    assert.deepEqual((await work()).evicted, ['shop/web']);
    assert.deepEqual(kube.evictions, ['web']);
  });

  it('while a budget holds pods does not make them pods that came straight back', async () => {
    const kube = new FakeKube();
    kube.pods = ['a', 'b', 'c', 'd'].map((name) => pod(name, 'ReplicaSet/web'));
    const accept = kube.onEvict;
    const refused: EvictionAnswer = { kind: 'BudgetRefused', message: 'no' };
    kube.onEvict = (which) => (kube.evictions.length === 1 ? accept(which) : refused);
    const last = await diesIn(kube, 6);
    assert.equal(Object.keys(last.returns).length, 1, 'one has gone before');
    assert.equal(last.seen?.length, 3);
    kube.onEvict = accept;
    const { evicted } = await drain(kube, last).work();
    assert.equal(evicted.length, 4);
    // Details of a worker of before say nothing of what it had seen.
    kube.pods = ['b', 'c', 'd'].map((name) => pod(name, 'ReplicaSet/web'));
    const { seen: _, ...older } = last;
    assert.equal((await drain(kube, older).work()).evicted.length, 4);
  });

  it('counts none that was never asked for', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    kube.onEvict = () => ({ kind: 'BudgetRefused', message: 'no' });
    const last = await diesIn(kube, 1);
    assert.equal(last.intended.length, 1);
    kube.onEvict = () => {
      kube.pods = [];
      return { kind: 'Gone' };
    };
    assert.deepEqual((await drain(kube, last).work()).evicted, []);
  });
});

describe('a worker that dies while pods are deleted by force', () => {
  it('leaves them their grace period', async () => {
    const kube = new FakeKube();
    const run = fakeDeps(kube, {});
    const start = run.deps.clock.now();
    const metadata = { deletionTimestamp: new Date() };
    kube.pods = [pod('web', 'ReplicaSet/web', { metadata })];
    const previous = {
      ...{ startedAtMs: start - 60_000, evictingSinceMs: start - 60_000 },
      ...{ forcingSinceMs: start, forceUntilMs: start + 630_000, evicted: ['shop/web'] },
    };
    const next = fakeDeps(kube, { previous });
    kube.onList = () => {
      if (next.deps.clock.now() - start >= 300_000) kube.pods = [];
    };
    const force = { ...policy, atTimeout: 'Force' as const };
    const { drain: activity } = drainActivities(next.deps);
    assert.deepEqual((await activity({ ...ref, policy: force })).evicted, ['shop/web']);
    assert.ok(next.deps.clock.now() - start >= 300_000);
  });
});

describe('an answer that gets lost', () => {
  it('is no failure: the pod that went is counted', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const accept = kube.onEvict;
    kube.onEvict = (which) => {
      accept(which);
      return unreachable();
    };
    assert.deepEqual((await drain(kube).work()).evicted, ['shop/web']);
  });

  it('of an eviction that did not happen is asked for again', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const accept = kube.onEvict;
    kube.onEvict = (which) => (kube.evictions.length < 3 ? unreachable() : accept(which));
    assert.deepEqual((await drain(kube).work()).evicted, ['shop/web']);
    assert.equal(kube.evictions.length, 3);
  });

  it('of every list ends as DrainBlocked, not as silence', async () => {
    const kube = new FakeKube();
    kube.onList = unreachable;
    await assert.rejects(drain(kube).work(), {
      type: 'DrainBlocked',
      message: /the API server did not answer/,
    });
  });
});

describe('an eviction that is refused', () => {
  /** Milliseconds between the tries of one pod that is refused three times. */
  async function gaps(refusal: EvictionAnswer): Promise<number[]> {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const accept = kube.onEvict;
    const { run, work } = drain(kube);
    const times: number[] = [];
    kube.onEvict = (which) => {
      times.push(run.deps.clock.now());
      return times.length < 4 ? refusal : accept(which);
    };
    assert.deepEqual((await work()).evicted, ['shop/web']);
    return times.slice(1).map((time, index) => time - (times[index] ?? 0));
  }
  const message = 'no';
  const cases: [string, EvictionAnswer, number][] = [
    ['by a budget', { kind: 'BudgetRefused', message }, 1500],
    ['by a busy API server', { kind: 'TryLater', message }, 1500],
    ['by one that says for how long', { kind: 'TryLater', message, retryAfterSeconds: 4 }, 4000],
    ['by one that says less', { kind: 'TryLater', message, retryAfterSeconds: 1 }, 1500],
    ['by an error that names the pod', { kind: 'Failed', message }, 5000],
  ];
  for (const [title, refusal, ms] of cases) {
    it(`${title} is tried again every ${ms} ms`, async () =>
      assert.deepEqual(await gaps(refusal), [ms, ms, ms]));
  }

  it('in silence, by an API server that accepts it and keeps the pod, is no hot loop', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    kube.onEvict = () => ({ kind: 'Accepted' });
    await assert.rejects(drain(kube).work(), {
      message: /shop\/web .* was evicted but has not terminated/,
    });
    assert.equal(kube.evictions.length, 12, 'once in 5 s');
  });

  it('because another pod has the name by now is not repeated, nor counted', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('db-0', 'StatefulSet/db')];
    const uids: string[] = [];
    kube.onEvict = ({ uid }) => {
      uids.push(uid);
      // It runs on another node by now, under the same name.
      kube.pods = [];
      return { kind: 'Gone' };
    };
    assert.deepEqual((await drain(kube).work()).evicted, []);
    assert.deepEqual(uids, ['uid-db-0']);
  });

  it('by two budgets is named with what the API server said', async () => {
    const kube = new FakeKube();
    kube.pods = [pod('web', 'ReplicaSet/web')];
    const said = 'This pod has more than one PodDisruptionBudget';
    kube.onEvict = () => ({ kind: 'Failed', message: said });
    await assert.rejects(drain(kube).work(), { type: 'DrainBlocked', message: new RegExp(said) });
  });
});
