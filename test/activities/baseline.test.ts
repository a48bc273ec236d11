import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baselineActivities } from '../../activities/baseline.ts';
import { probeName } from '../../activities/checks/probe.ts';
import { fail, failureType } from '../../activities/failure.ts';
import { judgeBaseline } from '../../workflows/domain/baseline.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

const DISTROLESS = 'exec failed: exec: "true": executable file not found in $PATH: unknown';
const now = new Date('2026-01-01T00:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

/** A pod whose one container runs; `more` is what else its container's status says. */
const running = (name: string, owner: string, ready = true, more: object = {}) =>
  pod(name, owner, {
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'main', state: { running: {} }, ...more }] as never,
    },
  });

function scene(image: string | undefined = 'probe') {
  const kube = new FakeKube();
  kube.addNode(ref.node);
  kube.pods = [running('web', 'ReplicaSet/web')];
  const { deps, cancel } = fakeDeps(kube);
  const { baseline, clearProbe } = baselineActivities(deps);
  const verification = {
    ...{ timeoutSeconds: 120, probeCommand: [], execCommand: ['true'] },
    ...(image ? { probeImage: image } : {}),
  };
  const take = () => baseline({ ...ref, containersBefore: [], verification });
  return { kube, take, cancel, clearProbe: () => clearProbe(ref) };
}

describe('the baseline', () => {
  it('of a node on which all is well has nothing to tell, and leaves nothing behind', async () => {
    const { kube, take } = scene();
    assert.deepEqual(await take(), {
      alreadyFailing: {},
      unwellPods: [],
      probeMs: 0,
      execContainer: { namespace: 'shop', pod: 'web', container: 'main' },
    });
    assert.equal(kube.pods.length, 1);
    assert.deepEqual(judgeBaseline(await take()), []);
  });

  it('starts no probe where the policy has no image for one', async () => {
    const { kube, take } = scene('');
    kube.createPod = async () => assert.fail('a probe');
    const { probeMs, alreadyFailing } = await take();
    assert.deepEqual([probeMs, alreadyFailing], [undefined, {}]);
  });

  it('names DaemonSets that are not Ready, or only until their next crash, and odd conditions', async () => {
    const { kube, take } = scene();
    const crash = (exitCode: number, restartCount: number, endedAgo = 60) => ({
      restartCount,
      lastState: {
        terminated: { exitCode, startedAt: ago(endedAgo + 9), finishedAt: ago(endedAgo) },
      },
    });
    kube.pods.push(
      running('agent-1', 'DaemonSet/agent', false),
      running('loop-1', 'DaemonSet/loop', true, crash(1, 7)),
      running('rebooted-1', 'DaemonSet/rebooted', true, crash(255, 7)),
      running('once-1', 'DaemonSet/once', true, crash(1, 1)),
      running('recovered-1', 'DaemonSet/recovered', true, crash(1, 7, 3600)),
      pod('done', 'Job/done', { status: { phase: 'Succeeded' } }),
    );
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'DiskPressure', status: 'True' },
    ];
    kube.addNode(ref.node, { status: { conditions } });
    const { alreadyFailing, unwellPods } = await take();
    assert.deepEqual(alreadyFailing, {
      node: ['DiskPressure'],
      DaemonSets: ['shop/agent', 'shop/loop'],
    });
    assert.deepEqual(unwellPods, ['shop/agent-1', 'shop/loop-1']);
  });

  describe('of exec', () => {
    const taken = async (messages: Readonly<Record<string, string>>, image?: string) => {
      const { kube, take } = scene(image);
      kube.exec = async (target?: { pod: string }) => {
        const message = messages[target?.pod ?? ''];
        return { ok: message === undefined, message: message ?? '' };
      };
      return await take();
    };
    const probe = probeName(ref.node);
    it('goes to the probe where the container cannot tell, or fails', async () => {
      for (const message of [DISTROLESS, 'error dialing backend']) {
        const { execContainer, alreadyFailing } = await taken({ web: message });
        assert.deepEqual([execContainer?.pod, alreadyFailing], [probe, {}]);
      }
    });
    it('tells where it works in neither', async () => {
      const message = 'error dialing backend';
      const { execContainer, alreadyFailing } = await taken({ web: message, [probe]: DISTROLESS });
      assert.equal(execContainer, undefined);
      assert.match(alreadyFailing.exec?.join() ?? '', /web\/main: error.*probe-.*not found/);
    });
    it('has nothing to tell where no container has the command: another one may have it', async () => {
      const { alreadyFailing } = await taken({ web: DISTROLESS }, '');
      assert.deepEqual(alreadyFailing, {});
    });
  });

  describe('of a probe that cannot run', () => {
    const reasonOf = async (arrange: (kube: FakeKube) => void) => {
      const { kube, take } = scene();
      arrange(kube);
      const baseline = await take();
      assert.equal(kube.pods.length, 1, 'no probe is left');
      const [reason = '', ...more] = judgeBaseline(baseline);
      assert.deepEqual(more, []);
      assert.match(reason, /^the probe could not run before anything was changed: .*; set verif/);
      return reason;
    };
    it('names the image that cannot be pulled', async () => {
      const reason = await reasonOf((kube) => {
        kube.createdPhase = 'Pending';
        const state = { waiting: { reason: 'ImagePullBackOff', message: 'back-off "probe:1"' } };
        kube.createdStatus = { containerStatuses: [{ name: 'probe', state }] as never };
      });
      assert.match(reason, /is Pending \(ImagePullBackOff: back-off "probe:1"\)/);
    });
    it('tells who refused it, at once', async () => {
      const reason = await reasonOf((kube) => {
        kube.createPod = async () => fail('KubernetesForbidden', 'violates PodSecurity "x".');
      });
      assert.match(reason, /changed: violates PodSecurity "x"; set/);
    });
  });

  it('of a node that has no place for one more pod has nothing to tell', async () => {
    const { kube, take } = scene();
    kube.createdStatus = { phase: 'Failed', reason: 'OutOfpods' };
    const { probeMs, alreadyFailing } = await take();
    assert.deepEqual([probeMs, alreadyFailing], [undefined, {}]);
  });

  it('of a node that is not Ready any more leaves it alone', async () => {
    const { kube, take } = scene();
    kube.addNode(ref.node, { status: { conditions: [] } });
    assert.deepEqual(judgeBaseline(await take()), ['the node is not Ready any more']);
  });

  it('fails where the cluster does not answer: nothing is known then', async () => {
    const { kube, take } = scene();
    kube.podsOn = async () => fail('KubernetesUnreachable', 'no answer');
    await assert.rejects(take(), (error) => {
      assert.equal(failureType(error), 'KubernetesUnreachable');
      return true;
    });
  });

  it('takes its probe away when it is cancelled, and one that was left behind', async () => {
    const { kube, take, cancel, clearProbe } = scene();
    kube.createdPhase = 'Pending';
    const taking = take();
    cancel.abort(new Error('cancelled'));
    await assert.rejects(taking, /cancelled/);
    assert.equal(kube.pods.length, 1);
    await kube.createPod('tidegate', { metadata: { name: probeName(ref.node) } });
    await clearProbe();
    await clearProbe();
    assert.equal(kube.pods.length, 1);
  });
});
