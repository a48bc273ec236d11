import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Node } from '../../activities/adapters/kube-adapter.ts';
import { kubernetesActivities } from '../../activities/kubernetes.ts';
import {
  ATTENTION_ANNOTATION,
  LEASE_ANNOTATION,
  QUARANTINE,
} from '../../workflows/domain/inventory.ts';
import { FakeKube, fakeDeps, ref } from './fakes.ts';

const refTo = (node: string) => ({ ...ref, node, holder: `node/east/${node}` });
const mine = refTo('east-1');
const reason = 'DrainBlocked: shop/db-0 is still there';
const theirs = { key: 'example.org/gpu', value: 'yes', effect: 'NoExecute' };

function setUp(spec: V1Node['spec'] = {}) {
  const kube = new FakeKube();
  for (const name of ['east-1', 'east-2', 'east-3']) {
    const copy = structuredClone(spec);
    kube.addNode(name, { spec: copy, metadata: { labels: { pool: 'a' } } });
  }
  const { deps } = fakeDeps(kube);
  const node = (name = 'east-1') => {
    const { metadata, spec: found } = kube.nodes.get(name) ?? {};
    const { resourceVersion: _, ...stable } = metadata ?? {};
    return { metadata: stable, spec: found };
  };
  const said = (name = 'east-1') =>
    JSON.parse(node(name).metadata.annotations?.[ATTENTION_ANNOTATION] ?? '{}');
  return { kube, deps, node, said, ...kubernetesActivities(deps) };
}

const isFull = (message: RegExp) => (error: Error & { type?: string }) => {
  assert.equal(error.type, 'QuarantineFull', error.message);
  assert.match(error.message, message);
  return true;
};

describe('quarantine', () => {
  it('cordons, labels and taints the node, says why, and gives the lease back', async () => {
    const { lease, quarantine, node, said } = setUp({ taints: [theirs] });
    await lease({ ...mine, for: 'x' });
    await quarantine({ ...mine, reason });
    const first = node();
    await quarantine({ ...mine, reason });
    assert.deepEqual(node(), first);
    const { metadata, spec } = first;
    assert.deepEqual(metadata.labels, { pool: 'a', [QUARANTINE]: 'drain-blocked' });
    const taint = { key: QUARANTINE, value: 'drain-blocked', effect: 'NoSchedule' };
    assert.deepEqual(spec, { unschedulable: true, taints: [theirs, taint] });
    assert.equal(metadata.annotations?.[LEASE_ANNOTATION], undefined);
    assert.match(said().reason, /db-0 is still there\. Once the node is right: kubectl uncordon/);
  });

  it('keeps the cordon of a node that was found cordoned, in what it tells to type', async () => {
    const { lease, quarantine, said } = setUp({ unschedulable: true });
    await lease({ ...mine, for: 'x' });
    await quarantine({ ...mine, reason });
    await quarantine({ ...mine, reason });
    assert.doesNotMatch(said().reason, /uncordon/);
  });

  it('loses no taint that somebody sets in the same moment', async () => {
    const { kube, quarantine, node } = setUp();
    kube.onPatch = (current) => {
      kube.onPatch = () => undefined;
      current.spec = { taints: [theirs] };
      current.metadata = { ...current.metadata, resourceVersion: 'moved' };
    };
    await quarantine({ ...mine, reason });
    assert.deepEqual(
      node().spec?.taints?.map(({ key }) => key),
      [theirs.key, QUARANTINE],
    );
  });

  it('is content with a node that is gone', async () => {
    const { kube, quarantine, release } = setUp();
    kube.nodes.clear();
    await quarantine({ ...mine, reason });
    await quarantine({ ...mine, reason, limit: 1 });
    await release(mine);
  });
});

describe('the limit of quarantine', () => {
  it('leaves a node as it was where another is in quarantine', async () => {
    const { lease, cordon, quarantine, node } = setUp({ taints: [theirs] });
    await quarantine({ ...refTo('east-2'), reason, limit: 1 });
    await lease({ ...mine, for: 'x' });
    await cordon(mine);
    const before = node();
    await assert.rejects(
      quarantine({ ...mine, reason, limit: 1 }),
      isFull(/east-1 of east.*allows 1.*east-2 is there already.*kubectl describe node east-2/),
    );
    assert.deepEqual(node(), before);
    await quarantine({ ...mine, reason, limit: 2 });
    assert.equal(node().metadata.labels?.[QUARANTINE], 'drain-blocked');
    assert.equal(node().metadata.annotations?.[LEASE_ANNOTATION], undefined);
  });

  it('of none refuses the first', async () => {
    const { quarantine, node } = setUp();
    const before = node();
    await assert.rejects(quarantine({ ...mine, reason, limit: 0 }), isFull(/allows 0/));
    assert.deepEqual(node(), before);
  });

  for (const found of [{}, { unschedulable: true, taints: [theirs] }]) {
    it(`takes the later of two at once back to ${JSON.stringify(found)}`, async () => {
      const { kube, lease, quarantine, node, deps } = setUp(found);
      await lease({ ...mine, for: 'x' });
      const before = node();
      // The other one comes between this one's first look and its patch, and is earlier.
      kube.onPatch = () => {
        kube.onPatch = () => undefined;
        const since = new Date(deps.clock.now() - 1000).toISOString();
        const text = JSON.stringify({ holder: 'h', since, reason: 'r' });
        const labels = { [QUARANTINE]: 'attention' };
        const annotations = { [ATTENTION_ANNOTATION]: text };
        kube.addNode('east-2', { metadata: { labels, annotations } });
      };
      await assert.rejects(quarantine({ ...mine, reason, limit: 1 }), isFull(/east-2 is there/));
      assert.deepEqual(withoutEmpty(node()), withoutEmpty(before));
    });
  }

  it('lets the earlier of two stay once the other has gone back', async () => {
    const { kube, quarantine, node, deps } = setUp();
    const later = () => {
      const since = new Date(deps.clock.now() + 60_000).toISOString();
      const text = JSON.stringify({ holder: 'h', since, reason: 'r' });
      kube.addNode('east-2', {
        metadata: {
          labels: { [QUARANTINE]: 'attention' },
          annotations: { [ATTENTION_ANNOTATION]: text },
        },
      });
    };
    kube.onPatch = () => {
      kube.onPatch = () => undefined;
      later();
    };
    const { sleep } = deps.clock;
    let waits = 0;
    deps.clock.sleep = async (ms, signal) => {
      waits += 1;
      if (waits === 3) kube.addNode('east-2');
      await sleep.call(deps.clock, ms, signal);
    };
    await quarantine({ ...mine, reason, limit: 1 });
    assert.equal(waits, 3);
    assert.equal(node().metadata.labels?.[QUARANTINE], 'drain-blocked');
  });

  it('is kept even if the later one does not go back', async () => {
    const { kube, quarantine, node } = setUp();
    kube.onPatch = () => {
      kube.onPatch = () => undefined;
      const text = JSON.stringify({ holder: 'h', since: '2099-01-01T00:00:00Z', reason: 'r' });
      const annotations = { [ATTENTION_ANNOTATION]: text };
      kube.addNode('east-2', { metadata: { labels: { [QUARANTINE]: 'x' }, annotations } });
    };
    await assert.rejects(quarantine({ ...mine, reason, limit: 1 }), isFull(/east-2 is there/));
    assert.equal(node().metadata.labels?.[QUARANTINE], undefined);
  });
});

/** A merge patch in memory leaves an empty object where the API server leaves nothing. */
function withoutEmpty(value: object): object {
  return JSON.parse(
    JSON.stringify(value, (_key, entry: unknown) =>
      typeof entry === 'object' && entry !== null && Object.keys(entry).length === 0
        ? undefined
        : entry,
    ),
  );
}
