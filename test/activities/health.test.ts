import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { fail, failureType } from '../../activities/failure.ts';
import { healthActivities } from '../../activities/health.ts';
import type { PlannedNode } from '../../workflows/domain/plan-types.ts';
import { access, FakeKube, fakeDeps, pod } from './fakes.ts';

const HOST = `os	debian-12
osPrettyName	Debian GNU/Linux 12 (bookworm)
architecture	amd64
kernel	6.1.0
bootId	b3f0
cgroupVersion	2
diskFreeBytes	1000
dpkgInterrupted	no
package	containerd	2	install ok installed
daemon	containerd	2
pluginsRead	yes
plugin	io.containerd.grpc.v1/cri	linux/amd64 ok
clockTicks	100
bootSeconds	1000
end
`;

const planned = (node: string): PlannedNode => ({
  ...{ cluster: 'east', node, uid: `uid-${node}`, address: '192.0.2.1', failureDomain: 'a' },
  ...{ cordoned: false, disruption: 'Restart' },
  packages: [
    {
      name: 'containerd',
      daemon: 'containerd',
      from: { version: '1', sha256: '', daemonVersion: '1' },
      to: { version: '2', sha256: '', daemonVersion: '2' },
    },
  ],
  expects: { os: 'debian-12', architecture: 'amd64', kernel: '6.1.0' },
});

/** Three nodes; `onLook` is called before each look at one of their hosts. */
function scene(onLook: (node: string, seconds: number) => void = () => undefined) {
  const kube = new FakeKube();
  const nodes = ['east-1', 'east-2', 'east-3'];
  for (const node of nodes) kube.addNode(node);
  const { deps, heartbeats } = fakeDeps(kube);
  const start = deps.clock.now();
  const looks: string[] = [];
  const host = (_access: unknown, { node }: { node: string }): HostAdapter => ({
    exec: async () => assert.fail('only scripts'),
    run: async () => {
      looks.push(node);
      onLook(node, (deps.clock.now() - start) / 1000);
      return { code: 0, stdout: HOST, stderr: '', truncated: false };
    },
    connect: async () => assert.fail('no port is asked for'),
    close: () => undefined,
  });
  const { checkHealth } = healthActivities({ ...deps, host });
  const check = (timeoutSeconds?: number, more: object = {}) =>
    checkHealth({
      ...more,
      ...{ access, nodes: nodes.map(planned) },
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    });
  return { kube, check, looks, heartbeats };
}

describe('checkHealth', () => {
  it('holds nothing against a node that failed there before its update', async () => {
    const { kube, check } = scene();
    kube.pods = [pod('agent-1', 'DaemonSet/agent', { status: { conditions: [] } })];
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'DiskPressure', status: 'True' },
    ];
    kube.addNode('east-1', { status: { conditions } });
    const before = { DaemonSets: ['shop/agent'], node: ['DiskPressure'] };
    const found = await check(0, { alreadyFailing: { 'east-1': before, 'east-2': before } });
    assert.deepEqual(found, ['east-3: DaemonSet pod shop/agent-1 is not Ready']);
    assert.equal((await check(0)).length, 4);
  });

  it('finds nothing wrong with healthy nodes, at one look', async () => {
    const { check, looks, heartbeats } = scene();
    assert.deepEqual(await check(60), []);
    assert.deepEqual(looks.sort(), ['east-1', 'east-2', 'east-3']);
    assert.deepEqual(heartbeats[0], { healthy: 0, of: 3 });
  });

  it('looks again at what could not be read for a moment, and at nothing else', async () => {
    const { check, looks } = scene((node, seconds) => {
      if (node === 'east-2' && seconds < 20) fail('HostUnreachable', 'no route');
    });
    assert.deepEqual(await check(60), []);
    assert.equal(looks.filter((node) => node === 'east-1').length, 1);
    assert.equal(looks.filter((node) => node === 'east-2').length, 5, 'every 5 s');
  });

  it('says what is still wrong when the time is up', async () => {
    const { kube, check } = scene((node) => {
      if (node === 'east-2') fail('HostUnreachable', 'no route');
    });
    const conditions = [{ type: 'Ready', status: 'False' }];
    kube.addNode('east-3', { status: { conditions } });
    const findings = await check(60);
    assert.equal(findings[0], 'east-2: HostUnreachable: no route');
    assert.match(findings[1] ?? '', /^east-3: .*Ready/);
    assert.equal(findings.length, 2);
  });

  it('is no verdict while the API server does not answer', async () => {
    const { kube, check } = scene();
    kube.onList = () => fail('KubernetesUnreachable', 'no answer');
    await assert.rejects(
      check(30),
      (error: Error) => failureType(error) === 'KubernetesUnreachable',
    );
  });

  it('looks once for a rollout that started under an older release', async () => {
    const { check, looks } = scene((node) => {
      if (node === 'east-2') fail('HostUnreachable', 'no route');
    });
    assert.equal((await check()).length, 1);
    assert.equal(looks.length, 3);
  });
});
