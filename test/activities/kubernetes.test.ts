import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterActivities } from '../../activities/cluster.ts';
import { kubernetesActivities } from '../../activities/kubernetes.ts';
import { ATTENTION_ANNOTATION, LEASE_ANNOTATION } from '../../workflows/domain/inventory.ts';
import { access, FakeKube, fakeDeps, ref } from './fakes.ts';

const holder = 'node/east/east-1';
const mine = { ...ref, holder };

function setUp(unschedulable = false) {
  const kube = new FakeKube();
  kube.addNode('east-1', unschedulable ? { spec: { unschedulable } } : {});
  const { deps } = fakeDeps(kube);
  const node = () => kube.nodes.get('east-1');
  return { kube, node, ...kubernetesActivities(deps), ...clusterActivities(deps) };
}
const rejectsWith = (work: Promise<unknown>, type: string, message: RegExp) =>
  assert.rejects(work, (error: Error & { type?: string }) => {
    assert.equal(error.type, type);
    assert.match(error.message, message);
    return true;
  });

describe('lease', () => {
  for (const found of [true, false]) {
    it(`remembers that the node was found ${found ? 'cordoned' : 'schedulable'}`, async () => {
      const { lease, cordon, uncordon, release, node } = setUp(found);
      assert.deepEqual(await lease({ ...mine, for: 'x' }), { cordonedBefore: found });
      await cordon(mine);
      assert.equal(node()?.spec?.unschedulable, true);
      // A later attempt must not take our own cordon for somebody else's.
      assert.deepEqual(await lease({ ...mine, for: 'x' }), { cordonedBefore: found });
      await uncordon({ ...mine, cordonedBefore: found });
      assert.equal(node()?.spec?.unschedulable ?? false, found);
      await release(mine);
      await release(mine);
      assert.equal(node()?.metadata?.annotations?.[LEASE_ANNOTATION], undefined);
    });
  }

  it('respects the holder that is there, and names it', async () => {
    const { lease, cordon, uncordon, release, node } = setUp();
    await lease({ ...mine, for: 'the first' });
    const other = { ...ref, holder: 'other' };
    await rejectsWith(lease({ ...other, for: 'x' }), 'LeaseHeld', /node\/east\/east-1.*the first/);
    await rejectsWith(cordon(other), 'LeaseHeld', /leased by/);
    await rejectsWith(uncordon({ ...other, cordonedBefore: false }), 'LeaseHeld', /leased by/);
    await release(other);
    assert.ok(node()?.metadata?.annotations?.[LEASE_ANNOTATION]);
  });

  it('takes an unreadable lease for one', async () => {
    const { kube, lease } = setUp();
    kube.addNode('east-1', { metadata: { annotations: { [LEASE_ANNOTATION]: 'what?' } } });
    await rejectsWith(
      lease({ ...mine, for: 'x' }),
      'LeaseHeld',
      /cannot be read.*kubectl annotate/,
    );
  });

  it('reads again when the node changes meanwhile', async () => {
    const { kube, lease, node } = setUp();
    let changes = 0;
    kube.onPatch = (current) => {
      if (changes++ > 1) return;
      current.spec = { unschedulable: true };
      current.metadata = { ...current.metadata, resourceVersion: `changed-${changes}` };
    };
    assert.deepEqual(await lease({ ...mine, for: 'x' }), { cordonedBefore: true });
    assert.equal(changes, 3);
    assert.ok(node()?.metadata?.annotations?.[LEASE_ANNOTATION]);
  });
});

describe('quarantine', () => {
  it('leaves the node cordoned, says why, and gives the lease back', async () => {
    const { lease, quarantine, node } = setUp();
    await lease({ ...mine, for: 'x' });
    await quarantine({ ...mine, reason: 'the undo failed' });
    await quarantine({ ...mine, reason: 'the undo failed' });
    const annotations = node()?.metadata?.annotations ?? {};
    assert.equal(node()?.spec?.unschedulable, true);
    assert.match(annotations[ATTENTION_ANNOTATION] ?? '', /the undo failed/);
    assert.equal(annotations[LEASE_ANNOTATION], undefined);
  });

  it('is content with a node that is gone', async () => {
    const { kube, quarantine, release } = setUp();
    kube.nodes.clear();
    await quarantine({ ...mine, reason: 'x' });
    await release(mine);
  });
});

describe('the lease of a cluster', () => {
  it('has one holder, who may take it again', async () => {
    const { kube, acquireClusterLease, releaseClusterLease } = setUp();
    await acquireClusterLease({ access, holder: 'rollout/a' });
    const { acquiredAtMs } = kube.lease ?? {};
    await acquireClusterLease({ access, holder: 'rollout/a' });
    assert.equal(kube.lease?.acquiredAtMs, acquiredAtMs);
    const second = acquireClusterLease({ access, holder: 'rollout/b' });
    await rejectsWith(second, 'LeaseHeld', /rollout\/a since 2026/);
    await releaseClusterLease({ access, holder: 'rollout/b' });
    assert.equal(kube.lease?.holder, 'rollout/a');
    await releaseClusterLease({ access, holder: 'rollout/a' });
    await releaseClusterLease({ access, holder: 'rollout/a' });
    assert.equal(kube.lease, undefined);
  });

  it('counts nodes as unavailable whoever made them so', async () => {
    const { kube, unavailableNodes } = setUp(true);
    kube.addNode('east-2', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    kube.addNode('east-3');
    assert.deepEqual(await unavailableNodes({ access }), ['east-1', 'east-2']);
  });
});
