import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterActivities } from '../../activities/cluster.ts';
import { kubernetesActivities } from '../../activities/kubernetes.ts';
import { LEASE_ANNOTATION } from '../../workflows/domain/inventory.ts';
import { access, FakeKube, fakeDeps, ref } from './fakes.ts';

const holder = 'node/east/east-1';
const mine = { ...ref, holder };

function setUp(unschedulable = false, world: Parameters<typeof fakeDeps>[1] = {}) {
  const kube = new FakeKube();
  kube.addNode('east-1', unschedulable ? { spec: { unschedulable } } : {});
  const { deps } = fakeDeps(kube, world);
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

describe('an attempt that was given up while it read', () => {
  const gone = new Error('given up');

  it('writes nothing to the node, whatever it was about to do', async () => {
    for (const step of ['lease', 'cordon', 'uncordon', 'release', 'quarantine'] as const) {
      const kube = new FakeKube();
      const lease = JSON.stringify({ holder, since: 'x', for: 'x', cordonedBefore: false });
      const unschedulable = step !== 'cordon';
      kube.addNode('east-1', {
        metadata: step === 'lease' ? {} : { annotations: { [LEASE_ANNOTATION]: lease } },
        spec: { unschedulable },
      });
      const { deps, cancel, heartbeats } = fakeDeps(kube);
      const before = structuredClone(kube.nodes.get('east-1'));
      const read = kube.getNode.bind(kube);
      kube.getNode = async (node) => {
        cancel.abort(gone);
        return await read(node);
      };
      const activity = kubernetesActivities(deps)[step];
      const input = { ...mine, for: 'x', cordonedBefore: false, reason: 'x' };
      await assert.rejects(activity(input), gone, step);
      assert.deepEqual(kube.nodes.get('east-1'), before, step);
      assert.ok(heartbeats.length > 0, step);
    }
  });

  it('takes and gives back no Lease of a cluster', async () => {
    const kube = new FakeKube();
    const { deps, cancel } = fakeDeps(kube);
    cancel.abort(gone);
    const { acquireClusterLease, releaseClusterLease } = clusterActivities(deps);
    await assert.rejects(acquireClusterLease({ access, holder }), gone);
    assert.equal(kube.lease, undefined);
    await kube.putLease('tidegate', 'tidegate', { holder, acquiredAtMs: 0, renewedAtMs: 0 });
    await assert.rejects(releaseClusterLease({ access, holder }), gone);
    assert.equal((await kube.getLease())?.holder, holder);
  });

  it('takes no Lease over that it was asking Temporal about', async () => {
    const kube = new FakeKube();
    const theirs = { holder: 'rollout/ended', acquiredAtMs: 0, renewedAtMs: 0 };
    await kube.putLease('tidegate', 'tidegate', theirs);
    const { deps, cancel } = fakeDeps(kube);
    const workflows = {
      ...deps.workflows,
      workflowState: async () => {
        cancel.abort(gone);
        return 'Ended' as const;
      },
    };
    const { acquireClusterLease } = clusterActivities({ ...deps, workflows });
    await assert.rejects(acquireClusterLease({ access, holder }), gone);
    assert.equal(kube.lease?.holder, 'rollout/ended');
  });
});

describe('a lease that an earlier run of the node left behind', () => {
  const leftBehind = { run: 'first', states: {} };
  const again = (kube: FakeKube, run: string) => kubernetesActivities(fakeDeps(kube, { run }).deps);

  for (const found of [true, false]) {
    it(`is taken over, ${found ? 'cordoned' : 'schedulable'} as that run found the node`, async () => {
      const { kube, lease, cordon } = setUp(found, leftBehind);
      await lease({ ...mine, for: 'update a' });
      await cordon(mine);
      const second = again(kube, 'second');
      const taken = await second.lease({ ...mine, for: 'update b' });
      assert.equal(taken.cordonedBefore, found);
      assert.match(taken.notes?.join() ?? '', /earlier run left behind.*2026.*"update a"/);
      // A retry of the same run tells the same, and takes nothing over from itself.
      assert.deepEqual(await second.lease({ ...mine, for: 'update b' }), taken);
    });
  }

  it('is no reason to cordon a node again that somebody has uncordoned since', async () => {
    const { kube, lease } = setUp(true, leftBehind);
    await lease({ ...mine, for: 'x' });
    await kube.patchNode('east-1', { spec: { unschedulable: null } });
    assert.equal((await again(kube, 'second').lease({ ...mine, for: 'x' })).cordonedBefore, false);
  });

  it('says nothing to a retry of the same run', async () => {
    const { lease } = setUp(false, leftBehind);
    const first = await lease({ ...mine, for: 'x' });
    assert.deepEqual(first, { cordonedBefore: false });
    assert.deepEqual(await lease({ ...mine, for: 'x' }), first);
  });
});

describe('a node that has rejoined after its reboot', () => {
  const rejoined = (cordonedBefore: boolean) => {
    const world = setUp(false);
    return { ...world, uncordon: () => world.uncordon({ ...mine, cordonedBefore }) };
  };

  it('is cordoned again if it was found so', async () => {
    const { uncordon, node } = rejoined(true);
    await uncordon();
    await uncordon();
    assert.equal(node()?.spec?.unschedulable, true);
  });

  it('is waited for while there is no Node object', async () => {
    const { kube, uncordon, node } = rejoined(true);
    const there = kube.nodes.get('east-1');
    kube.nodes.clear();
    let asked = 0;
    const getNode = kube.getNode.bind(kube);
    kube.getNode = async (name) => {
      asked += 1;
      if (asked === 5 && there) kube.nodes.set(name, there);
      return await getNode(name);
    };
    await uncordon();
    assert.equal(node()?.spec?.unschedulable, true);
    assert.equal(asked, 5);
  });

  it('is given up after a minute', async () => {
    const { kube, uncordon } = rejoined(false);
    kube.nodes.clear();
    await rejectsWith(uncordon(), 'NodeGone', /gone/);
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

describe('the lease of a cluster that a rollout left behind', () => {
  const gone = 'rollout/gone';
  const held = { holder: gone, acquiredAtMs: 0, renewedAtMs: 0 };
  const rows: [
    name: string,
    world: Parameters<typeof fakeDeps>[1],
    lease: object,
    refusal: RegExp | undefined,
  ][] = [
    ['ended', { states: { [gone]: 'Ended' } }, {}, undefined],
    [
      'still runs',
      { states: { [gone]: 'Running' } },
      {},
      /since 1970.*still runs.*tidegate stop gone/,
    ],
    ['is not told of', { states: {} }, {}, /does not say.*delete lease tidegate/],
    ['was deleted here', { states: { [gone]: 'Absent' }, home: 'A' }, { home: 'A' }, undefined],
    ['may be elsewhere', { states: { [gone]: 'Absent' }, home: 'A' }, {}, /another one may/],
    [
      'is elsewhere',
      { states: { [gone]: 'Ended' }, home: 'A' },
      { home: 'B' },
      /another Temporal namespace \(id B\)/,
    ],
    ['is no rollout', { states: { [gone]: 'Ended' } }, { holder: 'somebody' }, /by somebody since/],
    [
      'has our name elsewhere',
      { states: {}, home: 'A' },
      { holder: 'rollout/next', home: 'B' },
      /another Temporal namespace/,
    ],
  ];
  for (const [name, world, lease, refusal] of rows) {
    it(`is ${refusal ? 'respected' : 'taken over'} if it ${name}`, async () => {
      const { kube, acquireClusterLease } = setUp(false, world);
      await kube.putLease('tidegate', 'tidegate', { ...held, ...lease });
      const work = acquireClusterLease({ access, holder: 'rollout/next' });
      if (refusal) await rejectsWith(work, 'LeaseHeld', refusal);
      else {
        await work;
        assert.equal(kube.lease?.holder, 'rollout/next');
        assert.equal(kube.lease.home, world?.home);
        assert.ok(kube.lease.acquiredAtMs > 0);
      }
    });
  }

  it('is not taken from a holder that came back in between', async () => {
    const states = { [gone]: 'Ended' as const, 'rollout/quick': 'Running' as const };
    const { kube, acquireClusterLease } = setUp(false, { states });
    await kube.putLease('tidegate', 'tidegate', held);
    const getLease = kube.getLease.bind(kube);
    let reads = 0;
    kube.getLease = async () => {
      const found = await getLease();
      reads += 1;
      if (reads === 1 && found) {
        await kube.putLease('tidegate', 'tidegate', { ...found, holder: 'rollout/quick' });
      }
      return found;
    };
    const work = acquireClusterLease({ access, holder: 'rollout/next' });
    await rejectsWith(work, 'LeaseHeld', /rollout\/quick.*still runs/);
  });
});
