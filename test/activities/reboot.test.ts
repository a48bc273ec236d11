import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { failure, failureType } from '../../activities/failure.ts';
import { rebootActivities } from '../../activities/reboot.ts';
import { LEASE_ANNOTATION } from '../../workflows/domain/inventory.ts';
import { FakeKube, fakeDeps, ref } from './fakes.ts';

const OLD = '11111111-1111-1111-1111-111111111111';
const NEW = '22222222-2222-2222-2222-222222222222';

type Answer = readonly string[] | Error;
const up = (boot: string, system = 'running', ...more: string[]): Answer => [
  ...[`bootId\t${boot}`, `system\t${system}`, ...more],
  'end',
];
const asked = (count = 1, seconds = 0) => up(OLD, 'running', `asked\t${count}\t${seconds}`);
const away = failure('HostUnreachable', 'no SSH connection');

/** A host that gives these answers, the last one for ever; a look may change the cluster as well. */
function scene(
  answers: readonly (Answer | (() => Answer))[],
  options: { previous?: unknown } = {},
) {
  const kube = new FakeKube();
  const say = (boot: string, ready = 'True', uid = 'uid-east-1') =>
    kube.addNode(ref.node, {
      metadata: { uid, annotations: { [LEASE_ANNOTATION]: 'ours' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: ready }],
        nodeInfo: { bootID: boot } as never,
      },
    });
  say(OLD);
  let looks = 0;
  const host: HostAdapter = {
    exec: async () => assert.fail('only the script'),
    run: async (_script, args) => {
      assert.deepEqual(args, [OLD]);
      const next = answers[Math.min(looks++, answers.length - 1)] ?? [];
      const answer = typeof next === 'function' ? next() : next;
      if (answer instanceof Error) throw answer;
      return { code: 0, stdout: `${answer.join('\n')}\n`, stderr: '', truncated: false };
    },
    connect: async () => assert.fail('no port is asked for'),
    close: () => undefined,
  };
  const run = fakeDeps(kube, options);
  const { reboot } = rebootActivities({ ...run.deps, host: () => host });
  const work = () => reboot({ ...ref, bootId: OLD, timeoutSeconds: 20 });
  return { kube, say, work, looks: () => looks, ...run };
}

/** An answer at which something else happens as well. */
const when = (effect: () => unknown, answer: Answer) => () => {
  effect();
  return answer;
};

async function notBack(work: Promise<unknown>, message: RegExp): Promise<void> {
  await fails(work, 'NodeNotBack', /^east-1 did not come back from its reboot in 20 s: /, message);
}
async function kubeletAway(work: Promise<unknown>, message: RegExp): Promise<void> {
  const start = /^east-1 rebooted, but its kubelet did not come back in 20 s: /;
  await fails(work, 'VerificationFailed', start, message);
}
async function fails(work: Promise<unknown>, type: string, ...messages: RegExp[]): Promise<void> {
  await assert.rejects(work, (error: Error) => {
    assert.equal(failureType(error), type, error.message);
    for (const message of messages) assert.match(error.message, message);
    return true;
  });
}

describe('reboot', () => {
  it('goes through a lost connection to a node that is Ready as another boot', async () => {
    const answers: (Answer | (() => Answer))[] = [
      asked(),
      away,
      away,
      up(NEW, 'starting'),
      up(NEW),
    ];
    const s = scene(answers);
    answers.push(when(() => s.say(NEW), up(NEW)));
    assert.deepEqual(await s.work(), { bootId: NEW, notes: [] });
    assert.equal(s.looks(), 6);
  });

  it('asks nothing of a host that has rebooted', async () => {
    const s = scene([up(NEW)]);
    s.say(NEW);
    assert.deepEqual(await s.work(), { bootId: NEW, notes: [] });
  });

  const states: [string, Answer[], RegExp][] = [
    ['could not be asked', [away], /could not be asked: no SSH connection/],
    ['does not go down', [asked(3, 9)], /asked for the reboot 3 times, at last with --force, 9 s/],
    [
      'says why it stays',
      [up(OLD, 'running', 'asked\t1\t0', 'refused\tmasked')],
      /it said: masked/,
    ],
    ['stays away', [asked(), away], /went down for the reboot.*no SSH connection/],
    [
      'does not finish its boot',
      [asked(), up(NEW, 'starting', 'jobs\tnfs.mount')],
      /waiting for nfs/,
    ],
  ];
  for (const [title, answers, message] of states) {
    it(`tells how far a node came that ${title}`, async () => {
      await notBack(scene(answers).work(), message);
    });
  }

  it('leaves it to an undo to put back a host that is up without its kubelet', async () => {
    await kubeletAway(scene([asked(), up(NEW)]).work(), /Node object still tells of boot 1111/);
    const s = scene([up(NEW)]);
    s.say(NEW, 'False');
    await kubeletAway(s.work(), /runs boot 2222.*Ready=False/);
    const gone = scene([asked(), when(() => gone.kube.nodes.delete(ref.node), up(NEW)), up(NEW)]);
    await kubeletAway(gone.work(), /its Node object is gone/);
    const silent = scene([asked(), up(NEW)]);
    const getNode = silent.kube.getNode.bind(silent.kube);
    silent.kube.getNode = async (node) => {
      if (silent.looks() === 0) return await getNode(node);
      throw failure('KubernetesUnreachable', 'the API server is away');
    };
    await kubeletAway(silent.work(), /API server is away/);
  });

  it('restores cordon and lease on a Node object that has joined anew, and says so', async () => {
    const s = scene([
      asked(),
      when(() => s.kube.nodes.delete(ref.node), up(NEW)),
      () => {
        s.kube.addNode(ref.node, {
          metadata: { uid: 'another' },
          status: { nodeInfo: { bootID: NEW } as never },
        });
        return up(NEW);
      },
    ]);
    const { notes } = await s.work();
    assert.match(notes?.join() ?? '', /deleted and joined again/);
    const node = s.kube.nodes.get(ref.node);
    assert.equal(node?.spec?.unschedulable, true);
    assert.equal(node?.metadata?.annotations?.[LEASE_ANNOTATION], 'ours');
  });

  it('keeps the start, and what the Node object was, from attempt to attempt', async () => {
    const first = scene([asked(), away]);
    const work = first.work();
    await assert.rejects(work);
    const left = first.heartbeats[0] as { startedAtMs: number };
    const previous = { ...left, asked: 1, startedAtMs: left.startedAtMs - 15_000 };
    const second = scene([away], { previous });
    await notBack(second.work(), /went down for the reboot/);
    assert.ok(second.looks() <= 6, `${second.looks()} looks in the 5 s that were left`);
  });

  it('says what was odd on the way', async () => {
    const s = scene([asked(2), when(() => s.say(NEW), up(NEW, 'degraded', 'failed\tfoo.service'))]);
    assert.deepEqual((await s.work()).notes, [
      'the reboot was asked for 2 times',
      'systemd is degraded since the reboot: foo.service',
    ]);
  });

  it('takes a refused login for weather only while the host reboots', async () => {
    const refused = failure('HostAuthRefused', 'refused');
    await assert.rejects(scene([refused]).work(), /refused/);
    const s = scene([asked(), refused, when(() => s.say(NEW), up(NEW))]);
    assert.equal((await s.work()).bootId, NEW);
  });

  it('never accepts another host key', async () => {
    const other = failure('HostKeyMismatch', 'another key');
    await assert.rejects(scene([asked(), away, other]).work(), /another key/);
  });

  it('asks only once it knows what is on the Node object', async () => {
    const s = scene([asked(), when(() => s.say(NEW), up(NEW))]);
    const getNode = s.kube.getNode.bind(s.kube);
    let calls = 0;
    s.kube.getNode = async (node) => {
      calls += 1;
      if (calls > 2) return await getNode(node);
      assert.equal(s.looks(), 0);
      throw failure('KubernetesUnreachable', 'the API server is away');
    };
    assert.equal((await s.work()).bootId, NEW);
  });
});
