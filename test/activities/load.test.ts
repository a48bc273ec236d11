/** Load on nodes: it runs on the right ones, ends by itself, and a repeat makes no second one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadActivities } from '../../activities/load.ts';
import { loadPodName } from '../../activities/load-pods.ts';
import { analysisSchema, type Load } from '../../workflows/domain/analysis-spec.ts';
import { access, FakeKube, fakeDeps } from './fakes.ts';

const load = analysisSchema.parse({ load: { image: 'busybox', churnPods: 3 } }).load as Load;
const NODES = ['east-1', 'east-2'];

function bed() {
  const kube = new FakeKube();
  const { deps } = fakeDeps(kube);
  return { kube, activities: loadActivities(deps) };
}

const namesOf = (kube: FakeKube) => kube.pods.map(({ metadata }) => metadata?.name).sort();

describe('load', () => {
  it('writes, serves and reads on each node, with an end of its own', async () => {
    const { kube, activities } = bed();
    await activities.startLoad({ access, nodes: NODES, load, limitSeconds: 600 });
    assert.deepEqual(
      namesOf(kube),
      NODES.flatMap((node) =>
        ['client', 'io', 'server'].map((what) => `probe-load-${what}-${node}`),
      ).sort(),
    );
    for (const { spec } of kube.pods) {
      assert.equal(spec?.activeDeadlineSeconds, 600);
      assert.equal(spec.containers[0]?.securityContext?.allowPrivilegeEscalation, false);
    }
    const client = kube.pods.find(({ metadata }) => metadata?.name === 'probe-load-client-east-2');
    assert.equal(client?.spec?.nodeName, 'east-2');
    assert.deepEqual(client.spec.containers[0]?.env, [
      { name: 'TIDEGATE_PEER', value: kube.createdAddress },
    ]);
  });

  it('is started once, however often that is asked, and stopped as often', async () => {
    const { kube, activities } = bed();
    const input = { access, nodes: NODES, load, limitSeconds: 600 };
    await activities.startLoad(input);
    await activities.startLoad(input);
    assert.equal(kube.pods.length, 6);
    await activities.stopLoad(input);
    await activities.stopLoad(input);
    assert.deepEqual(kube.pods, []);
  });

  it('leaves pods of others alone when it stops', async () => {
    const { kube, activities } = bed();
    kube.pods.push({ metadata: { name: 'web', namespace: 'tidegate' } });
    await activities.stopLoad({ access, nodes: NODES });
    assert.deepEqual(namesOf(kube), ['web']);
  });

  it('names the pod that does not run, and where to look', async () => {
    const { kube, activities } = bed();
    kube.createdPhase = 'Failed';
    await assert.rejects(
      activities.startLoad({ access, nodes: ['east-1'], load, limitSeconds: 600 }),
      /probe-load-server-east-1 of the load is Failed.*analysis\.load/,
    );
  });
});

describe('churn', () => {
  it('starts pods on each node, waits for their end and leaves none', async () => {
    const { kube, activities } = bed();
    kube.createdPhase = 'Succeeded';
    const deleted: string[] = [];
    kube.onDelete = ({ name }) => deleted.push(name);
    const { ended } = await activities.churn({ access, nodes: NODES, load });
    assert.equal(ended, 6);
    assert.equal(new Set(deleted).size, 6);
    assert.deepEqual(kube.pods, []);
  });

  it('takes its pods away where one does not come to its end', async () => {
    const { kube, activities } = bed();
    await assert.rejects(
      activities.churn({ access, nodes: ['east-1'], load }),
      /of the load is Running/,
    );
    assert.deepEqual(kube.pods, []);
  });
});

describe('names of its pods', () => {
  it('fit into a DNS label and stay apart', () => {
    const long = 'a'.repeat(60);
    const names = [long, `${long}b`].map((node) => loadPodName(node, 'io'));
    assert.equal(new Set(names).size, 2);
    assert.ok(names.every((name) => name.length <= 63));
  });
});
