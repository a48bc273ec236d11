import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod } from '../../activities/adapters/kube-adapter.ts';
import { judgeDaemonSets, unreadyDaemonSets } from '../../activities/checks/daemonset-check.ts';
import { chooseTargets, execProof } from '../../activities/checks/exec-check.ts';
import { judgeHost } from '../../activities/checks/host-check.ts';
import {
  type Check,
  type CheckAnswer,
  pollChecks,
  TIME_IS_UP,
} from '../../activities/checks/poll.ts';
import { checkProbe, type ProbeInput, probeName, probePod } from '../../activities/checks/probe.ts';
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
  const input = { node: 'east-1', command: ['true'], containersBefore: [], withProbe: false };
  const probe = { namespace: 'tidegate', pod: probeName('east-1'), container: 'probe' };
  const web = { namespace: 'shop', pod: 'web', container: 'main' };
  /** What runtimes say of a container without the command. */
  const DISTROLESS =
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "true": executable file not found in $PATH: unknown';

  /** A cluster where the command fails with these messages, by pod; "*" for all others. */
  function failing(messages: Readonly<Record<string, string>>, ...pods: string[]) {
    const kube = new FakeKube();
    kube.pods = pods.map((name) => running(name));
    const asked: string[] = [];
    kube.exec = async (target?: { pod: string }) => {
      asked.push(target?.pod ?? '');
      const message = messages[target?.pod ?? ''] ?? messages['*'];
      return { ok: message === undefined, message: message ?? '' };
    };
    return { kube, asked };
  }

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

  it('passes at the first success, and tells every failure', async () => {
    const { kube, asked } = failing({ a: 'exec failed' }, 'a', 'b', 'c');
    assert.deepEqual(await execProof(kube, input).ask(), { kind: 'Passed', value: [] });
    assert.deepEqual(asked, ['a', 'b']);
    const answer = await execProof(failing({ '*': 'exec failed' }, 'a', 'b').kube, input).ask();
    assert.equal(answer.kind === 'Waiting' && answer.reasons.length, 2);
  });

  it('takes a node without containers, or only with such that lack the command, for no failure, and tells', async () => {
    for (const [kube, why] of [
      [new FakeKube(), /no command was run in a container: no running container/],
      [failing({ '*': DISTROLESS }, 'a').kube, /"true" in shop\/a\/main: .*executable file not/],
      [failing({ '*': 'Unexpected server response: 403' }, 'a').kube, /response: 403/],
    ] as const) {
      const answer = await execProof(kube, input).ask();
      assert.match(answer.kind === 'Passed' ? String(answer.value) : 'Waiting', why);
    }
  });

  describe('in the probe', () => {
    const inProbe = async (messages: Readonly<Record<string, string>>, ...pods: string[]) => {
      const { kube, asked } = failing(messages, ...pods);
      const proof = execProof(kube, { ...input, withProbe: true });
      assert.deepEqual(await proof.ask(), { kind: 'Passed', value: [] });
      return { finding: await proof.inProbe(probe), asked };
    };
    it('is where nothing else runs, or has the command', async () => {
      const alone = await inProbe({ '*': 'exec failed' });
      assert.match(alone.finding.problem ?? '', /"true" in .*exec failed/);
      const beside = await inProbe({ web: DISTROLESS }, 'web');
      assert.deepEqual(beside, { finding: {}, asked: ['web', probe.pod] });
    });
    it('is not where a container has shown it', async () => {
      assert.deepEqual(await inProbe({}, 'web'), { finding: {}, asked: ['web'] });
    });
    it('is told of where the probe lacks the command as well', async () => {
      const { finding } = await inProbe({ '*': DISTROLESS }, 'web');
      assert.match(finding.note ?? '', /no command was run in a container: "true" in tidegate/);
    });
  });

  describe('knows of before', () => {
    const known = (execContainer?: typeof web, exec?: string[]) => ({
      ...{ unwellPods: [], alreadyFailing: exec ? { exec } : {} },
      ...(execContainer ? { execContainer } : {}),
    });
    it('where the command was found: there it must be found again', async () => {
      const { kube, asked } = failing({ '*': DISTROLESS }, 'a', 'b', 'c', 'web');
      const answer = await execProof(kube, { ...input, baseline: known(web) }).ask();
      assert.match(answer.kind === 'Waiting' ? answer.reasons.join() : '', /shop\/web\/main/);
      assert.equal(asked[0], 'web');
    });
    it('that it was the probe', async () => {
      const { kube, asked } = failing({ '*': 'exec failed' }, 'web');
      const proof = execProof(kube, { ...input, baseline: known(probe), withProbe: true });
      assert.equal((await proof.ask()).kind, 'Passed');
      assert.match((await proof.inProbe(probe)).problem ?? '', /exec failed/);
      assert.deepEqual(asked, [probe.pod]);
    });
    it('that it was possible nowhere: it is left out, with a note', async () => {
      const { kube, asked } = failing({ '*': 'exec failed' }, 'web');
      const answer = await execProof(kube, { ...input, baseline: known(undefined, ['x']) }).ask();
      const value = ['no command was run in a container: x'];
      assert.deepEqual(answer, { kind: 'Passed', value });
      assert.deepEqual(asked, []);
    });
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
      const answer = judgeDaemonSets(unreadyDaemonSets(pods, onHost));
      if (expected) assert.match(answer.kind === 'Waiting' ? answer.reasons.join() : '', expected);
      else assert.deepEqual(answer, { kind: 'Passed', value: [] });
    });
  }

  it('of one that was not Ready before are told, under whatever name; others still count', () => {
    const sick = pod('agent-new', 'DaemonSet/agent', { status: { conditions: [] } });
    const value = ['was not Ready before: shop/agent'];
    const answer = judgeDaemonSets(unreadyDaemonSets([sick]), ['shop/agent']);
    assert.deepEqual(answer, { kind: 'Passed', value });
    const other = pod('proxy-1', 'DaemonSet/proxy', { status: { conditions: [] } });
    const both = judgeDaemonSets(unreadyDaemonSets([sick, other]), ['shop/agent']);
    assert.deepEqual(both, {
      kind: 'Waiting',
      reasons: ['DaemonSet pod shop/proxy-1 is not Ready'],
    });
  });
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

  it('is used while it runs: what is wrong in it is wrong with it, what is told is told', async () => {
    const kube = new FakeKube();
    const asked: (string | undefined)[] = [];
    const proved = async (finding: object) => {
      const whileItRuns: ProbeInput['whileItRuns'] = async (container) => {
        asked.push(container?.pod);
        return finding;
      };
      return await checkProbe(kube, { ...input, whileItRuns }, signal);
    };
    assert.deepEqual(await proved({ problem: 'x' }), { kind: 'Waiting', reasons: ['x'] });
    const answer = await proved({ note: 'y' });
    assert.deepEqual(answer, { kind: 'Passed', value: { tookMs: 0, notes: ['y'] } });
    kube.createdPhase = 'Succeeded';
    assert.equal((await proved({})).kind, 'Passed');
    assert.deepEqual(asked, [probeName('east-1'), probeName('east-1'), undefined]);
  });

  it('that a full node has no place for is told: no update has filled it', async () => {
    const kube = new FakeKube();
    kube.createdStatus = { phase: 'Failed', reason: 'OutOfpods', message: 'used: 110' };
    const notes = ['no probe was started: is Failed (OutOfpods: used: 110)'];
    assert.deepEqual(await checkProbe(kube, input, signal), { kind: 'Passed', value: { notes } });
    kube.createdStatus = { phase: 'Failed', reason: 'UnexpectedAdmissionError' };
    const answer = await checkProbe(kube, input, signal);
    assert.match(answer.kind === 'Waiting' ? answer.reasons.join() : '', /Failed \(UnexpectedAd/);
  });

  it('is admitted by the strictest standard, with nothing requested, and ends by itself', () => {
    const { spec } = probePod('probe-east-1', input);
    const [container] = spec?.containers ?? [];
    assert.deepEqual(container?.resources?.requests, { cpu: '0', memory: '0' });
    const { allowPrivilegeEscalation, capabilities } = container?.securityContext ?? {};
    assert.deepEqual([allowPrivilegeEscalation, capabilities], [false, { drop: ['ALL'] }]);
    assert.equal(spec?.securityContext?.runAsNonRoot, true);
    assert.deepEqual(spec?.securityContext?.seccompProfile, { type: 'RuntimeDefault' });
    assert.equal(spec?.automountServiceAccountToken, false);
    assert.ok((spec?.activeDeadlineSeconds ?? 0) > 30);
    assert.equal(spec?.nodeName, 'east-1');
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
