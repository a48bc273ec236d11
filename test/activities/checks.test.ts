import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkExec, chooseTargets } from '../../activities/checks/exec-check.ts';
import { type Check, type CheckAnswer, pollChecks } from '../../activities/checks/poll.ts';
import { checkProbe, probeName } from '../../activities/checks/probe.ts';
import { failure } from '../../activities/failure.ts';
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

describe('the probe', () => {
  const input = { node: 'east-1', image: 'probe', command: [], clock: new FakeClock() };
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

  it('has a name that Kubernetes takes, whatever the node is called', () => {
    const long = probeName(`${'x'.repeat(100)}.example`);
    assert.ok(long.length <= 63);
    assert.notEqual(long, probeName(`${'x'.repeat(101)}.example`));
  });
});
