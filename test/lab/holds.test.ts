/** What holds nodes back, as real objects of the API server, read by the worker's own account. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kubectl as kubectlWords } from '../../lab/control-plane.ts';
import { paths } from '../../lab/paths.ts';
import { run, sleep, waitFor } from '../../lab/run.ts';
import type { PlannedNode } from '../../workflows/domain/plan-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { access, activities } from './activity-kit.ts';
import { kubectl } from './rollout-kit.ts';

const NAMESPACE = 'tidegate-holds-test';
const LEASES = 'medik8s-leases';
const { spec } = policySchema.parse({
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'p' },
  // The lab's own CronJob fires each minute; what it holds is another test's affair.
  spec: { holds: { cronJobs: 'Ignore' } },
});
const waiting = ['east-4', 'east-5'].map((node) => ({ node, disruption: 'Drain' }) as PlannedNode);

const look = (more: object = {}) =>
  activities().lookBeforeStart({
    ...{ access, rollout: 'r', waiting, inWork: [], policy: spec, expectedMs: 60_000 },
    ...more,
  });

async function apply(...objects: object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await run(kubectlWords('apply', '-f', '-'), { input });
}

/** A workload whose pods no node of the lab can take. */
function workload(kind: 'Deployment' | 'DaemonSet', name: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: NAMESPACE },
    spec: {
      ...(kind === 'Deployment' ? { replicas: 2 } : {}),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { 'tidegate.dev/no-such-node': 'true' },
          containers: [{ name: 'c', image: 'tidegate.lab/tool:1', imagePullPolicy: 'Never' }],
        },
      },
    },
  };
}

before(async () => {
  await kubectl('apply', '-f', paths.workerRbac);
  await apply(
    ...[NAMESPACE, LEASES].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })),
  );
});
after(async () => {
  await kubectl('delete', 'namespace', NAMESPACE, LEASES, '--ignore-not-found', '--wait=true');
  await kubectl('taint', 'node', 'east-5', 'karpenter.sh/disrupted-').catch(() => undefined);
});

describe('nothing', () => {
  it('holds a node of a quiet cluster', async () => {
    const { holds, unavailable } = await look({ unhealthyBefore: [] });
    assert.deepEqual({ holds, unavailable }, { holds: [], unavailable: [] });
  });
});

describe("kured's lock", () => {
  const annotate = (value: string) =>
    kubectl('-n', NAMESPACE, 'annotate', '--overwrite', 'daemonset', 'kured', value);
  const lock = (node: string, more: object = {}) => ({
    ...{ nodeID: node, metadata: { unschedulable: false }, created: new Date().toISOString() },
    ...{ TTL: 0, ...more },
  });
  const KEY = 'weave.works/kured-node-lock';
  before(() => apply(workload('DaemonSet', 'kured')));

  it('holds exactly its node, until it is given back', async () => {
    await annotate(`${KEY}=${JSON.stringify(lock('east-5'))}`);
    const { holds } = await look();
    assert.deepEqual(
      holds.map(({ node }) => node),
      ['east-5'],
    );
    assert.match(
      holds[0]?.reason ?? '',
      /^kured works on it since 20.* of DaemonSet tidegate-holds-test\/kured\)$/,
    );
    process.stdout.write(`    ${JSON.stringify(holds)}\n`);
    await annotate(`${KEY}-`);
    assert.deepEqual((await look()).holds, []);
  });

  it('of several nodes holds each, and runs out by its TTL', async () => {
    const locks = [lock('east-4', { TTL: 3e9 }), lock('east-5')];
    await annotate(`${KEY}=${JSON.stringify({ maxOwners: 2, locks })}`);
    const nodes = async () => (await look()).holds.map(({ node }) => node).sort();
    assert.deepEqual(await nodes(), ['east-4', 'east-5']);
    await sleep(3200);
    assert.deepEqual(await nodes(), ['east-5']);
    await annotate(`${KEY}-`);
  });
});

describe('a maintenance Lease', () => {
  it('holds its node, and no longer than it lasts', async () => {
    const now = new Date().toISOString().replace('Z', '000Z');
    await apply({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'node-east-4', namespace: LEASES },
      spec: {
        ...{ holderIdentity: 'node-maintenance', leaseDurationSeconds: 4 },
        ...{ acquireTime: now, renewTime: now },
      },
    });
    const { holds } = await look();
    process.stdout.write(`    ${JSON.stringify(holds)}\n`);
    assert.deepEqual(
      holds.map(({ node }) => node),
      ['east-4'],
    );
    const [hold] = holds;
    assert.match(hold?.reason ?? '', /node-maintenance works on it.*Lease medik8s-leases\/node-/);
    await sleep(Math.max(0, Date.parse(hold?.until ?? '') - Date.now()) + 100);
    assert.deepEqual((await look()).holds, []);
  });
});

describe('a node that an autoscaler takes away', () => {
  it('is held until its taint is gone', async () => {
    await kubectl('taint', 'node', 'east-5', 'karpenter.sh/disrupted:NoSchedule');
    const { holds } = await look();
    assert.deepEqual(holds, [
      { node: 'east-5', reason: 'Karpenter works on it (taint karpenter.sh/disrupted)' },
    ]);
    await kubectl('taint', 'node', 'east-5', 'karpenter.sh/disrupted-');
    assert.deepEqual((await look()).holds, []);
  });
});

describe('a workload that is not healthy', () => {
  it('holds every node if it was healthy before, and none at the first look', async () => {
    const { unhealthy: before } = await look();
    await apply(workload('Deployment', 'broken'));
    const key = `Deployment/${NAMESPACE}/broken`;
    await waitFor({
      what: 'the Deployment to be counted',
      timeoutMs: 10_000,
      until: async () => (await look()).unhealthy.includes(key),
    });
    assert.deepEqual((await look()).holds, []);
    const { holds } = await look({ unhealthyBefore: before });
    process.stdout.write(`    ${JSON.stringify(holds)}\n`);
    assert.deepEqual(holds, [{ reason: `Deployment ${NAMESPACE}/broken has 0 of 2 pods ready` }]);
    assert.deepEqual((await look({ unhealthyBefore: [...before, key] })).holds, []);
    await kubectl('-n', NAMESPACE, 'scale', 'deployment', 'broken', '--replicas=0');
    assert.deepEqual((await look({ unhealthyBefore: before })).holds, []);
  });
});

describe('a firing of a CronJob', () => {
  it('holds the one node where its pods can run', async () => {
    // Further ahead than a minute, so that the look does not meet the firing itself.
    const at = new Date(Date.now() + 150_000);
    const schedule = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
    await apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly', namespace: NAMESPACE },
      spec: {
        ...{ schedule, timeZone: 'Etc/UTC' },
        jobTemplate: {
          spec: {
            template: {
              spec: {
                restartPolicy: 'Never',
                nodeSelector: { 'kubernetes.io/hostname': 'east-5' },
                containers: [{ name: 'c', image: 'tidegate.lab/tool:1' }],
              },
            },
          },
        },
      },
    });
    const policy = { ...spec, holds: { ...spec.holds, cronJobs: 'Wait' } };
    const firing = ({ reason }: { readonly reason: string }) => reason.includes('nightly');
    const { holds } = await look({ policy, expectedMs: 300_000 });
    process.stdout.write(`    ${JSON.stringify(holds.filter(firing))}\n`);
    assert.deepEqual(
      holds.filter(firing).map(({ node }) => node),
      ['east-5'],
    );
    const restart = waiting.map((entry) => ({ ...entry, disruption: 'Restart' as const }));
    const calm = await look({ policy, expectedMs: 300_000, waiting: restart });
    assert.deepEqual(calm.holds.filter(firing), []);
  });
});
