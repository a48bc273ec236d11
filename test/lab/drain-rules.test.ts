/** Drains on the lab: rules and their order, storage last, volumes detached, pods that do not end. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ref } from './activity-kit.ts';
import {
  apply,
  aroundNode,
  barePod,
  deployment,
  drain,
  failing,
  NAMESPACE,
  ownNotes,
  removeWorkloads,
  runOnNode,
  workloadNames,
} from './drain-kit.ts';
import { kubectl } from './rollout-kit.ts';
import { Sampler } from './sampler.ts';

const VOLUME = 'drain-test';
const volume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: VOLUME },
  spec: {
    capacity: { storage: '1Mi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
    hostPath: { path: '/tmp/drain-test', type: 'DirectoryOrCreate' },
  },
};
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: NAMESPACE },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
    volumeName: VOLUME,
    resources: { requests: { storage: '1Mi' } },
  },
};
/** What a storage driver's attacher would make; here a hand does, and takes it away. */
const attachment = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttachment',
  metadata: { name: 'drain-test' },
  spec: {
    attacher: 'disk.example.com',
    nodeName: ref.node,
    source: { persistentVolumeName: VOLUME },
  },
};
const withData = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };
const detach = () => kubectl('delete', 'volumeattachment', 'drain-test');

aroundNode();
afterEach(async () => {
  await removeWorkloads();
  await kubectl('delete', 'volumeattachment', 'drain-test', '--ignore-not-found');
  await kubectl('delete', 'pv', VOLUME, '--ignore-not-found');
});

/** Returns which pods are on the node, and which of them are going. */
async function podsOnNode(): Promise<{ there: string[]; going: string[] }> {
  const template =
    '{range .items[*]}{.metadata.labels.app}{" "}{.spec.nodeName}{" "}{.metadata.deletionTimestamp}{"\\n"}{end}';
  const list = await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', `jsonpath=${template}`);
  const pods = list.split('\n').map((line) => line.split(' '));
  const here = pods.filter(([, node]) => node === ref.node);
  return {
    there: here.map(([app = '']) => app),
    going: here.filter(([, , since]) => since).map(([app = '']) => app),
  };
}

describe('a drain', () => {
  it('keeps to rules and order, and takes storage last', async () => {
    await apply(volume);
    await runOnNode(
      ['first', 'plain', 'data', 'cache'],
      claim,
      deployment('data', withData),
      deployment('plain', { volumes: [{ name: 'scratch', emptyDir: {} }] }),
      barePod('first'),
      deployment('cache'),
    );
    const rules = [
      { name: 'keep-caches', match: { selector: 'app in (cache)' }, action: 'Skip' },
      { name: 'bare-first', match: { owners: ['none'] }, action: 'Evict', order: -1 },
    ];
    const watch = new Sampler(podsOnNode, 50);
    const result = await drain({ timeoutSeconds: 40, rules });
    await watch.stop();
    assert.deepEqual(workloadNames(result.evicted), ['first', 'plain', 'data']);
    const [bare, kept, lost] = [
      /^drain-test\/first \(owner none\) was evicted, as rule "bare-first" says/,
      /^drain-test\/cache-\S+ \(owner ReplicaSet\/cache-\S+\) is left on the node by rule "keep-caches"/,
      /^evicted with local data, which is gone: drain-test\/plain-\S+ \(emptyDir scratch\)$/,
    ];
    for (const note of [bare, kept, lost]) {
      assert.equal(ownNotes(result).filter((said) => note.test(said)).length, 1, String(note));
    }
    const seen = (app: string) => watch.samples.filter(({ going }) => going.includes(app));
    assert.ok(seen('plain').length > 0 && seen('data').length > 0, 'pods were seen going');
    assert.ok(!seen('plain').some(({ there }) => there.includes('first')));
    assert.ok(!seen('data').some(({ there }) => there.includes('plain')));
    assert.deepEqual(seen('cache'), []);
  });

  it('is not over while a volume of a pod that went is attached', async () => {
    await apply(volume, attachment);
    await runOnNode(['data'], claim, deployment('data', withData));
    let detachedAt = 0;
    let detaching = 0;
    const result = await drain(
      { timeoutSeconds: 30 },
      {
        onHeartbeat: (details) => {
          if ((details as { phase: string }).phase !== 'Detaching') return;
          detaching += 1;
          if (detaching === 2) void detach().then(() => (detachedAt = Date.now()));
        },
      },
    );
    assert.ok(detachedAt > 0, 'it waited until the volume was detached');
    assert.deepEqual(workloadNames(result.evicted), ['data']);
  });

  it('names a volume that stays attached', async () => {
    await apply(volume, attachment);
    await runOnNode(['data'], claim, deployment('data', withData));
    const said = await failing(drain({ timeoutSeconds: 6 }), 'DrainBlocked');
    assert.match(
      said,
      /volume drain-test of drain-test\/data-\S+ is still attached \(VolumeAttachment drain-test; look at the driver disk\.example\.com\)/,
    );
  });

  it('names the finalizers of a pod that does not end, or goes on without it', async () => {
    const rules = [{ name: 'bare', match: { owners: ['none'] }, action: 'Evict' }];
    await runOnNode(['held'], barePod('held', { finalizers: ['example.com/hold'] }));
    const said = await failing(drain({ timeoutSeconds: 8, rules }), 'DrainBlocked');
    assert.match(
      said,
      /drain-test\/held \(owner none\) was evicted but has not terminated, \d+ s after its grace period: it is held by the finalizer\(s\) example\.com\/hold/,
    );
    const policy = { timeoutSeconds: 20, skipTerminatingAfterSeconds: 10, rules };
    const result = await drain(policy);
    assert.match(
      ownNotes(result).join(),
      /drain-test\/held \(owner none\) is still terminating \d+ s after its grace period and is not waited for \(finalizers: example\.com\/hold\)/,
    );
  });
});
