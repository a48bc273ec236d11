/** Owners of pods as a plan reads them: of the pod, of its namespace, and where that may not be read. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { fail } from '../../activities/failure.ts';
import { drainsOf, readOccupancy } from '../../activities/wave-drains.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { planOf } from '../workflows/fixtures.ts';
import { FakeKube, fakeDeps, pod } from './fakes.ts';

const OWNER = 'tidegate.dev/owner';

class Cluster extends FakeKube {
  namespacesRead = 0;
  forbidden = false;
  override async listNamespaces() {
    this.namespacesRead += 1;
    return this.forbidden
      ? fail('KubernetesForbidden', 'The API server refuses to list the namespaces of east')
      : await super.listNamespaces();
  }
}

function cluster(ownerOfNamespace?: string): Cluster {
  const kube = new Cluster();
  kube.addNode('east-1');
  const named = { labels: { app: 'web', [OWNER]: 'team-web' } };
  kube.pods = [pod('web-1', 'ReplicaSet/web', { metadata: named }), pod('db-1', 'StatefulSet/db')];
  for (const one of kube.pods) one.metadata = { ...one.metadata, namespace: 'shop' };
  const annotations = ownerOfNamespace ? { [OWNER]: ownerOfNamespace } : {};
  kube.namespaces = [{ metadata: { name: 'shop', annotations } }];
  return kube;
}

async function read(kube: Cluster, disruption: Disruption = 'Drain') {
  const { deps } = fakeDeps(kube);
  const plan = planOf({ count: 1, disruption });
  const occupancy = await readOccupancy(deps, plan);
  const [node] = plan.waves.flatMap((wave) => wave.nodes);
  assert.ok(node);
  return { deps, plan, occupancy, owners: occupancy.podsOf(node).map(({ contact }) => contact) };
}

describe('the owner of a pod', () => {
  it('is its own, else that of its namespace, which is read once', async () => {
    const kube = cluster('team-shop');
    const { owners, occupancy } = await read(kube);
    assert.deepEqual(owners, ['team-web', 'team-shop']);
    assert.equal(kube.namespacesRead, 1);
    assert.deepEqual(occupancy.warnings, []);
  });

  it('may be nobody', async () => {
    assert.deepEqual((await read(cluster())).owners, ['team-web', undefined]);
  });

  it('is a warning where namespaces may not be read, and no failure', async () => {
    const kube = cluster('team-shop');
    kube.forbidden = true;
    const { owners, occupancy } = await read(kube);
    assert.deepEqual(owners, ['team-web', undefined]);
    assert.match(occupancy.warnings.join(), /^cluster east: only owners that pods name themselves/);
    assert.equal(kube.namespacesRead, 1);
  });

  it('is not asked for where nothing is disturbed', async () => {
    const kube = cluster('team-shop');
    assert.deepEqual((await read(kube, 'Restart')).owners, [undefined, undefined]);
    assert.equal(kube.namespacesRead, 0);
  });

  it('is named beside what blocks the drain', async () => {
    const kube = cluster('team-shop');
    kube.pods = kube.pods.map((one) => ({
      ...one,
      metadata: { ...one.metadata, ownerReferences: [] },
    }));
    const { deps, plan, occupancy } = await read(kube);
    const [drain] = await drainsOf(deps, plan, occupancy);
    assert.deepEqual(
      drain?.blockers.map(({ pod: name, contact }) => [name, contact]),
      [
        ['shop/web-1', 'team-web'],
        ['shop/db-1', 'team-shop'],
      ],
    );
  });
});

describe('deploy/rbac.yaml', () => {
  it('lets the worker list namespaces, and nothing more of them', async () => {
    const file = fileURLToPath(new URL('../../deploy/rbac.yaml', import.meta.url));
    const documents = parseAllDocuments(await readFile(file, 'utf8')).map((one) => one.toJS());
    const verbs = documents.flatMap(({ kind, rules = [] }) =>
      rules
        .filter(({ resources }: { resources: string[] }) => resources.includes('namespaces'))
        .map(({ verbs }: { verbs: string[] }) => `${kind} ${verbs}`),
    );
    assert.deepEqual(verbs, ['ClusterRole list']);
  });
});
