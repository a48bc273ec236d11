import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod } from '../../activities/adapters/kube-adapter.ts';
import { daemonSetProblems } from '../../activities/checks/daemonset-check.ts';
import { checkExec, chooseTargets, execInProbe } from '../../activities/checks/exec-check.ts';
import { judgeHost } from '../../activities/checks/host-check.ts';
import {
  type Check,
  type CheckAnswer,
  pollChecks,
  TIME_IS_UP,
} from '../../activities/checks/poll.ts';
import { checkProbe, type ProbeInput, probeName } from '../../activities/checks/probe.ts';
import { failure } from '../../activities/failure.ts';
import type { HostInspection } from '../../activities/host-facts.ts';
import { FakeClock, FakeKube, fakeDeps, pod } from './fakes.ts';

/** A check that gives these answers, the last one for ever. */
function scripted(name: string, ...answers: (CheckAnswer<unknown> | Error)[]): Check {
  let asked = 0;
  return {
    name,
    ask: async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error || !answer) throw answer;
      return answer;
    },
  };
}
const passed = { kind: 'Passed', value: 1 } as const;
const waiting = (reason: string) => ({ kind: 'Waiting', reasons: [reason] }) as const;

function poll(...checks: Check[]) {
  const { deps, cancel } = fakeDeps(new FakeKube());
  const result = pollChecks(checks, {
    clock: deps.clock,
    context: deps.context(),
    timeoutMs: 10_000,
  });
  return { result, cancel };
}

describe('pollChecks', () => {
  it('asks until all pass', async () => {
    const { values, failed } = await poll(
      scripted('a', waiting('not yet'), waiting('not yet'), passed),
      scripted('b', failure('HostUnreachable', 'lost'), passed),
    ).result;
    assert.deepEqual(failed, []);
    assert.deepEqual(values, { a: 1, b: 1 });
  });

  it('reports every check that did not pass in time', async () => {
    const { failed } = await poll(
      scripted('a', waiting('first'), waiting('last')),
      scripted('b', waiting('never')),
      scripted('c', passed),
    ).result;
    assert.deepEqual(failed, ['a: last', 'b: never']);
  });

  it('ends early where waiting cannot help', async () => {
    let asked = 0;
    const slow: Check = {
      name: 'slow',
      ask: async () => {
        asked += 1;
        return waiting('slow');
      },
    };
    const broken = scripted('broken', { kind: 'Failed', reasons: ['for good'] });
    const { failed } = await poll(broken, slow).result;
    assert.ok(failed.includes('broken: for good'));
    assert.ok(asked < 3);
  });

  it('passes on what no retry can cure, and cancellation', async () => {
    await assert.rejects(poll(scripted('a', failure('NodeGone', 'gone'))).result, /gone/);
    const { result, cancel } = poll(scripted('a', waiting('x')));
    cancel.abort(new Error('cancelled'));
    await assert.rejects(result, /cancelled/);
  });
});

const running = (name: string, more: object = {}) =>
  pod(name, 'ReplicaSet/web', {
    spec: { containers: [{ name: 'main' }], ...more },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'main', state: { running: {} } }] as never,
    },
  });

describe('the exec check', () => {
  const input = { node: 'east-1', command: ['true'], containersBefore: [] };

  it('prefers what ran before, then what is not of the system', () => {
    const pods = [
      running('host', { hostNetwork: true }),
      running('new'),
      running('old'),
      pod('pending', 'ReplicaSet/web', { status: { phase: 'Pending' } }),
    ];
    const before = [{ id: 'x', namespace: 'shop', pod: 'old', name: 'main', startedAt: '' }];
    const names = chooseTargets(pods, before).map((target) => target.pod);
    assert.deepEqual(names, ['old', 'new', 'host']);
  });

  it('passes at the first success, skips an empty node, and tells every failure', async () => {
    const kube = new FakeKube();
    assert.deepEqual(await checkExec(kube, input), {
      kind: 'Passed',
      value: 'skipped: no running container',
    });
    kube.pods = [running('a'), running('b')];
    assert.equal((await checkExec(kube, input)).kind, 'Passed');
    kube.exec = async () => ({ ok: false, message: 'exec failed' });
    const answer = await checkExec(kube, input);
    assert.equal(answer.kind === 'Waiting' && answer.reasons.length, 2);
  });
});

describe('the pods of DaemonSets', () => {
  const agent = (id: string, more: object = {}) =>
    pod('agent', 'DaemonSet/agent', {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [
          { name: 'agent', containerID: `containerd://${id}`, state: { running: {} } },
        ] as never,
        ...more,
      },
    });
  const deleted = pod('old', 'DaemonSet/agent', { metadata: { deletionTimestamp: new Date() } });
  const cases: [string, V1Pod[], { id: string }[] | undefined, RegExp | undefined][] = [
    ['Ready, and its container runs', [agent('c1')], [{ id: 'c1' }, { id: 'x' }], undefined],
    ['Ready, by a status of before the reboot', [agent('c1')], [{ id: 'c2' }], /of before/],
    ['Ready, on a host that tells nothing of containers', [agent('c1')], undefined, undefined],
    ['not Ready', [agent('c1', { conditions: [] })], [{ id: 'c1' }], /shop\/agent is not Ready/],
    ['on its way out', [deleted], [], undefined],
    ['of another controller', [pod('web', 'ReplicaSet/web')], [], undefined],
  ];
  for (const [title, pods, onHost, expected] of cases) {
    it(`${title}: ${expected ? 'a problem' : 'fine'}`, () => {
      const problems = daemonSetProblems(pods, onHost);
      if (expected) assert.match(problems.join(), expected);
      else assert.deepEqual(problems, []);
    });
  }
});

describe('the host', () => {
  const end = (version: string, kernelRelease?: string) => ({
    ...{ version, sha256: '', daemonVersion: version },
    ...(kernelRelease ? { kernelRelease } : {}),
  });
  const host = (version: string, kernel: string) => ({
    containers: [],
    host: {
      kernel,
      daemons: {},
      packages: [{ name: 'linux', version, status: 'install ok installed', held: false }],
    },
  });
  const judged = (found: object, expect: 'From' | 'To', ...kernels: [string?, string?]) =>
    judgeHost(found as HostInspection, {
      packages: [{ name: 'linux', from: end('1', kernels[0]), to: end('2', kernels[1]) }],
      expect,
    });

  it('that is back on the old kernel has failed for good', () => {
    const answer = judged(host('2', '6.1.0-40'), 'To', '6.1.0-40', '6.1.0-41');
    assert.equal(answer.kind, 'Failed');
    assert.match(JSON.stringify(answer), /runs kernel 6\.1\.0-40 instead of 6\.1\.0-41 of linux 2/);
  });
  it('passes with the kernel of the end that is expected', () => {
    assert.equal(judged(host('2', 'b'), 'To', 'a', 'b').kind, 'Passed');
    assert.equal(judged(host('1', 'a'), 'From', 'a', 'b').kind, 'Passed');
    assert.equal(judged(host('1', 'b'), 'From', 'a', 'b').kind, 'Failed');
  });
  it('may run any kernel where the bundle names none', () => {
    assert.equal(judged(host('2', 'whatever'), 'To').kind, 'Passed');
  });
});

describe('the probe', () => {
  const input: ProbeInput = {
    ...{ node: 'east-1', image: 'probe', command: [], clock: new FakeClock() },
    cancelled: new AbortController().signal,
  };
  const { signal } = new AbortController();

  it('comes and goes', async () => {
    const kube = new FakeKube();
    assert.equal((await checkProbe(kube, input, signal)).kind, 'Passed');
    assert.deepEqual(kube.pods, []);
  });

  it('removes one that an earlier attempt left, and then tries again', async () => {
    const kube = new FakeKube();
    await kube.createPod('tidegate', { metadata: { name: probeName('east-1') } });
    assert.equal((await checkProbe(kube, input, signal)).kind, 'Waiting');
    assert.equal((await checkProbe(kube, input, signal)).kind, 'Passed');
  });

  it('is removed as well when it never runs', async () => {
    const kube = new FakeKube();
    kube.createdPhase = 'Pending';
    const answer = await checkProbe(kube, input, signal);
    assert.match(answer.kind === 'Waiting' ? answer.reasons.join() : '', /is Pending/);
    assert.deepEqual(kube.pods, []);
  });

  it('needs an address', async () => {
    const kube = new FakeKube();
    kube.createdAddress = '';
    const answer = await checkProbe(kube, input, signal);
    assert.match(answer.kind === 'Waiting' ? answer.reasons.join() : '', /has no address/);
  });

  it('takes the command where nothing else runs, and only there', async () => {
    const kube = new FakeKube();
    const asked: string[] = [];
    kube.exec = async (target?: { pod: string }) => {
      asked.push(target?.pod ?? '');
      return { ok: false, message: 'exec failed' };
    };
    const command = { node: 'east-1', command: ['true'] };
    const whileItRuns: ProbeInput['whileItRuns'] = (probe) => execInProbe(kube, command, probe);
    const alone = await checkProbe(kube, { ...input, whileItRuns }, signal);
    assert.match(alone.kind === 'Waiting' ? alone.reasons.join() : '', /"true" in .*exec failed/);
    assert.deepEqual(asked, [probeName('east-1')]);
    kube.pods = [running('web')];
    assert.equal((await checkProbe(kube, { ...input, whileItRuns }, signal)).kind, 'Passed');
  });

  describe('when time is up', () => {
    const begun = [{ name: 'probe', state: { waiting: { reason: 'ErrImagePull' } } }];
    const cases: [string, Error, object, 'Passed' | 'Waiting'][] = [
      ['goes on while no kubelet has seen it', TIME_IS_UP, {}, 'Passed'],
      ['ends where its kubelet has begun', TIME_IS_UP, { containerStatuses: begun }, 'Waiting'],
      ['ends where another check has failed for good', new Error('stop'), {}, 'Waiting'],
    ];
    for (const [title, reason, status, expected] of cases) {
      it(title, async () => {
        const kube = new FakeKube();
        const stop = new AbortController();
        kube.createdPhase = 'Pending';
        let looks = 0;
        const getPod = kube.getPod.bind(kube);
        kube.getPod = async (namespace, name) => {
          const found = await getPod(namespace, name);
          if (!found) return undefined;
          looks += 1;
          if (looks === 2) stop.abort(reason);
          const phase = looks < 5 ? 'Pending' : 'Running';
          return { ...found, status: { ...found.status, phase, ...status } };
        };
        assert.equal((await checkProbe(kube, input, stop.signal)).kind, expected);
        assert.deepEqual(kube.pods, []);
      });
    }
  });

  it('has a name that Kubernetes takes, whatever the node is called', () => {
    const long = probeName(`${'x'.repeat(100)}.example`);
    assert.ok(long.length <= 63);
    assert.notEqual(long, probeName(`${'x'.repeat(101)}.example`));
  });
});
