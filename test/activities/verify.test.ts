import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { failureType } from '../../activities/failure.ts';
import { verifyActivities } from '../../activities/verify.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

const OLD = '1.6.20';
const NEW = '1.7.24';
const startedAt = '1970-01-01T00:16:42.500Z';
const before = [
  { id: 'c1', namespace: 'shop', pod: 'web-1', name: 'web', startedAt },
  { id: 'c2', namespace: 'shop', pod: 'web-2', name: 'web', startedAt },
];

/** What the inspection prints of a host that runs a version, and only the first of the containers. */
const printed = (version: string) => `os	debian-12
osPrettyName	Debian GNU/Linux 12 (bookworm)
architecture	amd64
kernel	6.1.0
bootId	b3f0
cgroupVersion	1
diskFreeBytes	1000
dpkgInterrupted	no
package	containerd	${version}	install ok installed
daemon	containerd	${version}
pluginsRead	yes
plugin	io.containerd.grpc.v1/cri	linux/amd64 ok
clockTicks	100
bootSeconds	1000
task	c1	250
label	c1	container-type	container
label	c1	container-name	web
label	c1	sandbox-name	web-1
label	c1	sandbox-namespace	shop
end
`;

/** Pods whose second one was killed and has been started anew. */
const pods = () => {
  const ended = { terminated: { containerID: 'containerd://c2', exitCode: 137 } };
  return ['web-1', 'web-2'].map((name) =>
    pod(name, 'ReplicaSet/web', {
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'web',
            state: { running: {} },
            ...(name === 'web-2' ? { lastState: ended } : {}),
          },
        ] as never,
      },
    }),
  );
};

function scene(version: string) {
  const kube = new FakeKube();
  kube.addNode(ref.node);
  kube.pods = pods();
  const host: HostAdapter = {
    exec: async () => assert.fail('only scripts'),
    run: async () => ({ code: 0, stdout: printed(version), stderr: '', truncated: false }),
    connect: async () => assert.fail('no port is asked for'),
    close: () => undefined,
  };
  const { deps } = fakeDeps(kube);
  const { verify } = verifyActivities({ ...deps, host: () => host });
  const end = (of: string) => ({ version: of, sha256: '', daemonVersion: of });
  const work = (expect: 'From' | 'To', more: object = {}) =>
    verify({
      ...ref,
      packages: [{ name: 'containerd', daemon: 'containerd', from: end(OLD), to: end(NEW) }],
      expect,
      containersBefore: before,
      containersMustSurvive: true,
      verification: { timeoutSeconds: 5, probeCommand: [], execCommand: ['true'] },
      ...more,
    });
  return { kube, work };
}

async function fails(work: Promise<unknown>, type: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error) => {
    assert.equal(failureType(error), type, error.message);
    assert.match(error.message, message);
    return true;
  });
}

describe('verify', () => {
  it('fails for a container that an update has killed', async () => {
    await fails(scene(NEW).work('To'), 'VerificationFailed', /did not survive: shop\/web-2\/web/);
  });

  it('tells of the same container after an undo, and is content', async () => {
    const proof = await scene(OLD).work('From');
    assert.equal(proof.containersSurvived, 1);
    assert.match(proof.containersLost.join(), /^shop\/web-2\/web .*ended with 137$/);
  });

  it('still wants the old version after an undo', async () => {
    await fails(scene(NEW).work('From'), 'VerificationFailed', /containerd is 1\.7\.24/);
  });

  describe('in the light of the baseline', () => {
    const clean = { alreadyFailing: {}, unwellPods: [] };
    const agent = pod('agent-new', 'DaemonSet/agent', { status: { conditions: [] } });
    const quiet = { containersMustSurvive: false };
    for (const expect of ['To', 'From'] as const) {
      const version = expect === 'To' ? NEW : OLD;

      it(`${expect}: a DaemonSet that was not Ready before is a note, one that was fails`, async () => {
        const { kube, work } = scene(version);
        kube.pods.push(agent);
        const baseline = { ...clean, alreadyFailing: { DaemonSets: ['shop/agent'] } };
        const proof = await work(expect, { ...quiet, baseline });
        assert.deepEqual(proof.notes, ['was not Ready before: shop/agent']);
        const news = work(expect, { ...quiet, baseline: clean });
        await fails(news, 'VerificationFailed', /DaemonSet pod shop\/agent-new is not Ready/);
      });

      it(`${expect}: a condition of before is a note, a node that is not Ready still fails`, async () => {
        const { kube, work } = scene(version);
        const conditions = (ready: string) => [
          { type: 'Ready', status: ready },
          { type: 'DiskPressure', status: 'True', reason: 'Odd' },
        ];
        kube.addNode(ref.node, { status: { conditions: conditions('True') } });
        const baseline = { ...clean, alreadyFailing: { node: ['DiskPressure', 'Ready'] } };
        const proof = await work(expect, { ...quiet, baseline });
        assert.deepEqual(proof.notes, ['was so before: DiskPressure=True (Odd)']);
        kube.addNode(ref.node, { status: { conditions: conditions('False') } });
        const down = work(expect, { ...quiet, baseline });
        await fails(down, 'VerificationFailed', /node: Ready=False/);
      });

      it(`${expect}: exec that was impossible before is a note, one that was not fails`, async () => {
        const { kube, work } = scene(version);
        kube.exec = async () => ({ ok: false, message: 'error dialing backend' });
        const baseline = { ...clean, alreadyFailing: { exec: ['refused'] } };
        const proof = await work(expect, { ...quiet, baseline });
        assert.deepEqual(proof.notes, ['no command was run in a container: refused']);
        const news = work(expect, { ...quiet, baseline: clean });
        await fails(news, 'VerificationFailed', /exec: "true" in shop\/web-1.*error dialing/);
      });
    }

    it('a full node is a note, and a container of a pod that was unwell none', async () => {
      const { kube, work } = scene(NEW);
      kube.createdStatus = { phase: 'Failed', reason: 'OutOfpods' };
      const verification = {
        ...{ timeoutSeconds: 5, probeImage: 'probe', probeCommand: [], execCommand: ['true'] },
      };
      const baseline = { ...clean, unwellPods: ['shop/web-2'] };
      const proof = await work('To', { verification, baseline });
      assert.match(proof.notes?.join() ?? '', /^no probe was started: is Failed \(OutOfpods\)$/);
      assert.equal(proof.probeMs, undefined);
    });
  });

  it('takes a missing Node object for final, but not after a reboot', async () => {
    const { kube, work } = scene(OLD);
    const node = kube.nodes.get(ref.node);
    kube.nodes.clear();
    await fails(work('From'), 'NodeGone', /gone/);
    const joining = work('From', { mayRejoin: true });
    let looks = 0;
    kube.getNode = async (name) => {
      looks += 1;
      if (looks === 3 && node) kube.nodes.set(name, node);
      return await FakeKube.prototype.getNode.call(kube, name);
    };
    assert.equal((await joining).packages[0]?.after, OLD);
    assert.ok(looks >= 3);
  });
});
