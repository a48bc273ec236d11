import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fail } from '../../activities/failure.ts';
import { lookActivities } from '../../activities/look-before-start.ts';
import type { PlannedNode } from '../../workflows/domain/plan-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { access, FakeKube, fakeDeps, pod } from './fakes.ts';

const { spec: policy } = policySchema.parse({
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'p' },
  spec: {},
});
const ignoring = {
  ...policy,
  holds: { ...policy.holds, cronJobs: 'Ignore', otherTools: 'Ignore', recovery: 'Ignore' },
} as const;
const { holds: _, ...ofBefore } = policy;

const planned = (node: string) => ({ node, disruption: 'Drain' }) as PlannedNode;

function setUp() {
  const kube = new FakeKube();
  for (const name of ['east-1', 'east-2', 'east-3']) kube.addNode(name);
  const warnings: string[] = [];
  const { deps } = fakeDeps(kube, { warnings });
  const { lookBeforeStart } = lookActivities(deps);
  const look = (more: Partial<Parameters<typeof lookBeforeStart>[0]> = {}) =>
    lookBeforeStart({
      access,
      rollout: 'r',
      waiting: [planned('east-1'), planned('east-2')],
      inWork: ['east-3'],
      policy,
      expectedMs: 60_000,
      ...more,
    });
  return { kube, look, warnings };
}

const named = { namespace: 'shop', annotations: {} };
const web = { ...named, kind: 'Deployment', name: 'web', wanted: 6, ready: 5 } as const;
const agent = { ...named, kind: 'DaemonSet', name: 'agent', wanted: 3, ready: 2 } as const;

describe('the look before nodes start', () => {
  it('tells of a quiet cluster that nothing holds anything', async () => {
    const { look } = setUp();
    assert.deepEqual(await look(), { unavailable: [], holds: [], unhealthy: [] });
  });

  it('holds every node for what was healthy before, and not at the first look', async () => {
    const { kube, look } = setUp();
    kube.workloadsThere = [web];
    const first = await look();
    assert.deepEqual(first, { unavailable: [], holds: [], unhealthy: ['Deployment/shop/web'] });
    const { holds } = await look({ unhealthyBefore: [] });
    assert.deepEqual(holds, [{ reason: 'Deployment shop/web has 5 of 6 pods ready' }]);
    assert.deepEqual((await look({ unhealthyBefore: first.unhealthy })).holds, []);
  });

  it('excuses a DaemonSet for the node in work, but not for a pod that fails elsewhere', async () => {
    const { kube, look } = setUp();
    kube.workloadsThere = [agent];
    assert.deepEqual((await look({ unhealthyBefore: [] })).unhealthy, []);
    const conditions = [{ type: 'Ready', status: 'True' }];
    kube.pods = [pod('agent-3', 'DaemonSet/agent', { status: { conditions } })];
    const { holds } = await look({ unhealthyBefore: [] });
    assert.deepEqual(holds, [{ reason: 'DaemonSet shop/agent has 2 of 3 pods ready' }]);
  });

  it('holds a node that is about to be taken away', async () => {
    const { kube, look } = setUp();
    const taints = [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }];
    kube.addNode('east-2', { spec: { taints } });
    const { holds } = await look();
    assert.deepEqual(holds, [
      { node: 'east-2', reason: 'Karpenter works on it (taint karpenter.sh/disrupted)' },
    ]);
  });

  it("holds everything for a lock of kured's that nobody can read", async () => {
    const { kube, look } = setUp();
    const annotations = { 'weave.works/kured-node-lock': '{' };
    kube.workloadsThere = [{ ...agent, ready: 3, name: 'kured', annotations }];
    const { holds } = await look();
    assert.equal(holds.length, 1);
    assert.equal(holds[0]?.node, undefined);
    assert.match(holds[0]?.reason ?? '', /shop\/kured cannot be read.*annotate daemonset kured/);
  });

  it('costs one node seven calls at most, and five without a look at recovery', async () => {
    const { kube, look } = setUp();
    const spec = { schedule: '@yearly', jobTemplate: {} };
    kube.cronJobsThere = [{ metadata: { name: 'report' }, spec }];
    let calls = 0;
    for (const name of ['listNodes', 'maintenanceLeases', 'cronJobs', 'jobs', 'podsOn'] as const) {
      const read = kube[name].bind(kube) as () => Promise<never>;
      kube[name] = async () => {
        calls += 1;
        return await read();
      };
    }
    const workloads = kube.workloads.bind(kube);
    kube.workloads = async (kinds) => {
      calls += kinds?.length ?? 3;
      return await workloads(kinds);
    };
    const one = { waiting: [planned('east-1')], inWork: [], unhealthyBefore: [] };
    await look(one);
    assert.equal(calls, 7);
    calls = 0;
    await look({ ...one, policy: { ...policy, holds: { ...policy.holds, recovery: 'Ignore' } } });
    assert.equal(calls, 5);
  });

  it("still sees kured's lock where recovery is ignored", async () => {
    const { kube, look } = setUp();
    const lock = JSON.stringify({ nodeID: 'east-1', created: '2026-01-01T00:00:00Z' });
    kube.workloadsThere = [web, { ...agent, annotations: { 'weave.works/kured-node-lock': lock } }];
    const holds = { ...policy.holds, recovery: 'Ignore' as const };
    const answer = await look({ policy: { ...policy, holds }, unhealthyBefore: [] });
    assert.match(answer.holds.map((hold) => `${hold.node} ${hold.reason}`).join(), /^east-1 kured/);
  });

  it('goes on without a right to read Leases, and says so once', async () => {
    const { kube, look, warnings } = setUp();
    kube.maintenanceLeases = async () => fail('KubernetesForbidden', 'leases is forbidden');
    assert.deepEqual((await look()).holds, []);
    await look();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /Leases.*deploy\/rbac\.yaml/);
  });

  it('does not take an API server that is away for one without Leases', async () => {
    const { kube, look } = setUp();
    kube.maintenanceLeases = async () => fail('KubernetesUnreachable', 'away');
    await assert.rejects(look(), /away/);
  });

  for (const [name, chosen] of [
    ['ignores all', ignoring],
    ['is of before', ofBefore as typeof policy],
  ] as const) {
    it(`reads nothing but nodes for a policy that ${name}`, async () => {
      const { kube, look } = setUp();
      kube.addNode('east-2', { spec: { unschedulable: true } });
      kube.workloads = async () => fail('KubernetesForbidden', 'not asked for');
      kube.maintenanceLeases = async () => fail('KubernetesUnreachable', 'not asked for');
      kube.cronJobs = async () => fail('KubernetesForbidden', 'not asked for');
      assert.deepEqual(await look({ policy: chosen, unhealthyBefore: [] }), {
        unavailable: ['east-2'],
        holds: [],
        unhealthy: [],
      });
    });
  }
});
