import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeAdapter } from '../../activities/adapters/kube-adapter.ts';
import { CommandLog, withCommandLog } from '../../activities/command-log.ts';
import { fail } from '../../activities/failure.ts';
import { loggedKube } from '../../activities/logged-kube.ts';
import { FakeKube, pod } from './fakes.ts';

const evicted = { namespace: 'shop', name: 'web-1', uid: 'uid-web-1' };
const lease = { holder: 'rollout/patch', acquiredAtMs: 0, renewedAtMs: 0 };

/** Returns a fake as the real adapter is: an object of functions. */
function plain(fake: FakeKube): KubeAdapter {
  const names = Object.getOwnPropertyNames(FakeKube.prototype) as (keyof FakeKube)[];
  const bound = names.map((name) => [name, (fake[name] as () => unknown).bind(fake)] as const);
  return Object.fromEntries(bound) as unknown as KubeAdapter;
}

/** Runs work with a logged cluster; returns what was changed in it. */
async function changes(
  work: (kube: KubeAdapter) => Promise<unknown>,
  fake = new FakeKube(),
): Promise<readonly string[]> {
  fake.addNode('east-1');
  const log = new CommandLog();
  await withCommandLog(log, () => work(loggedKube(plain(fake))));
  return log.changes;
}

describe('what is changed in a cluster', () => {
  it('is named: which object, and which fields of a node, never their values', async () => {
    const patch = {
      metadata: { resourceVersion: '1', annotations: { 'tidegate.dev/lease': '{"secret":1}' } },
      spec: { unschedulable: true },
    };
    assert.deepEqual(
      await changes(async (kube) => {
        await kube.patchNode('east-1', patch);
        await kube.createPod('tidegate', pod('probe-east-1'));
        await kube.deletePod('tidegate', 'probe-east-1');
        await kube.evict(evicted);
        const target = { namespace: 'shop', pod: 'web-1', container: 'web' };
        await kube.exec({ ...target, command: ['/tool', 'true'] });
        await kube.putLease('tidegate', 'tidegate', lease);
        const held = await kube.getLease('tidegate', 'tidegate');
        await kube.deleteLease('tidegate', 'tidegate', held ?? lease);
      }),
      [
        'patch node east-1: metadata.annotations.tidegate.dev/lease, spec.unschedulable',
        'create pod tidegate/probe-east-1',
        'delete pod tidegate/probe-east-1',
        'evict shop/web-1',
        'exec in shop/web-1 (web): /tool true',
        'put lease tidegate/tidegate, holder "rollout/patch"',
        'delete lease tidegate/tidegate',
      ],
    );
  });

  it('is nothing where the API server said no', async () => {
    const fake = new FakeKube();
    fake.onEvict = () => ({ kind: 'BudgetRefused', message: 'no' });
    fake.pods.push(pod('probe-east-1', undefined, { metadata: { namespace: 'tidegate' } }));
    const said = await changes(async (kube) => {
      await kube.evict(evicted);
      await kube.patchNode('east-1', { metadata: { resourceVersion: '999' } });
      await kube.createPod('tidegate', pod('probe-east-1'));
      await kube.putLease('tidegate', 'tidegate', { ...lease, version: '7' });
      await kube.deleteLease('tidegate', 'tidegate', { ...lease, version: '7' });
    }, fake);
    assert.deepEqual(said, []);
  });

  it('may have happened where a call failed: that is said, and the failure is the same', async () => {
    const fake = new FakeKube();
    fake.onDelete = () => fail('KubernetesUnreachable', 'no answer');
    const said = await changes(async (kube) => {
      await assert.rejects(kube.deletePod('shop', 'web-1'), { type: 'KubernetesUnreachable' });
    }, fake);
    assert.deepEqual(said, ['delete pod shop/web-1 (failed)']);
  });

  it('is not kept where nobody keeps a log, and reading never is', async () => {
    const fake = new FakeKube();
    fake.addNode('east-1');
    await loggedKube(plain(fake)).evict(evicted);
    assert.deepEqual(fake.evictions, ['web-1']);
    const read = await changes(async (kube) => {
      assert.equal((await kube.listNodes()).length, 1);
      await kube.podsOn('east-1');
    });
    assert.deepEqual(read, []);
  });
});
