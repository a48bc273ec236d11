/** Attempts run in Temporal's own activity environment, through the interceptor that workers use. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, mock } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { CommandResult } from '../../activities/adapters/host-adapter.ts';
import { type LoggedCommand, logChange, loggedCommand } from '../../activities/command-log.ts';
import { systemClock } from '../../activities/context.ts';
import type { LedgerPort } from '../../activities/deps.ts';
import { failure } from '../../activities/failure.ts';
import { stepRecorder } from '../../worker/step-recorder.ts';
import type { EntryOf, LedgerEntry } from '../../workflows/contract.ts';
import { isEntry } from '../../workflows/domain/report-entries.ts';
import { access } from './fakes.ts';

const ref = { access, cluster: 'east', node: 'east-1', address: '192.0.2.1', rollout: 'patch' };
const logger = new DefaultLogger('ERROR');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const ok = (stdout = '', stderr = ''): CommandResult => {
  return { code: 0, stdout, stderr, truncated: false };
};
const on = (line: string, result: CommandResult, more: Partial<LoggedCommand> = {}) =>
  loggedCommand({ node: 'east-1', line, ...more }, async () => result);

interface Kit {
  readonly taken: LedgerEntry[];
  readonly warnings: string[];
  readonly env: MockActivityEnvironment;
}

/** An environment whose ledger keeps what it is given, or does what is asked instead. */
function kit(
  options: { activity?: string; attempt?: number; submit?: LedgerPort['submit'] } = {},
): Kit {
  const taken: LedgerEntry[] = [];
  const warnings: string[] = [];
  const submit: LedgerPort['submit'] = async (rollout, entries) => {
    assert.ok(entries.every((entry) => entry.rollout === rollout));
    await options.submit?.(rollout, entries);
    taken.push(...entries);
  };
  const ledger: LedgerPort = {
    submit,
    append: async () => ({ added: 0 }),
    anchor: async () => undefined,
    validationsOf: async () => [],
  };
  const log = {
    info: () => undefined,
    warn: (details: object, message: string) =>
      void warnings.push(`${message} ${JSON.stringify(details)}`),
  };
  const info = {
    activityType: options.activity ?? 'apply',
    activityId: '5',
    attempt: options.attempt ?? 1,
    workflowExecution: { workflowId: 'node/east/east-1', runId: 'run' },
  };
  const interceptors = stepRecorder({ ledger, clock: systemClock, log }, '1@worker');
  return { taken, warnings, env: new MockActivityEnvironment(info, { interceptors, logger }) };
}

/** Returns the only step that was taken. */
function only({ taken }: Kit): EntryOf<'Step'> {
  assert.equal(taken.length, 1);
  const [entry] = taken;
  assert.ok(isEntry(entry) && entry.kind === 'Step');
  return entry;
}

describe('an attempt that ran commands', () => {
  it('is kept with each of them, and proof of what they printed', async () => {
    const made = kit({ attempt: 3 });
    const answer = await made.env.run(async (_: object) => {
      await on('dpkg --audit', ok());
      await on('sh -s -- a b', ok('out\n', 'err ü\n'), { stdin: '\nset -u\nexit 0\n' });
      await on('false', { ...ok(), code: 1 });
      logChange('patch node east-1: spec.unschedulable');
      return 'done';
    }, ref);
    assert.equal(answer, 'done');
    const { body, ...entry } = only(made);
    assert.equal(entry.id, 'node/east/east-1/run/5/3');
    assert.deepEqual([entry.rollout, entry.subject], ['patch', 'east/east-1']);
    assert.deepEqual(
      [body.activity, body.attempt, body.ended, body.worker, body.workflowId],
      ['apply', 3, 'Completed', '1@worker', 'node/east/east-1'],
    );
    const [audit, script, wrong] = body.commands;
    assert.deepEqual([audit?.command, audit?.exitCode, audit?.outputBytes], ['dpkg --audit', 0, 0]);
    assert.equal(audit?.outputSha256, sha256(''));
    const digest = sha256('\nset -u\nexit 0\n');
    assert.equal(script?.command, `sh -s -- a b < "set -u" (sha256:${digest})`);
    assert.equal(script?.outputSha256, sha256('out\nerr ü\n'));
    assert.equal(script?.outputBytes, 11);
    assert.equal(wrong?.exitCode, 1);
    assert.deepEqual(body.changes, ['patch node east-1: spec.unschedulable']);
    assert.equal('leftOut' in body, false);
  });

  it('is kept before it has ended for Temporal', async () => {
    const order: string[] = [];
    const made = kit({
      submit: async () => {
        await delay(20);
        order.push('kept');
      },
    });
    await made.env.run(async (_: object) => void (await on('true', ok())), ref);
    order.push('ended');
    assert.deepEqual(order, ['kept', 'ended']);
  });

  it('has an end: what repeats is one with a number, and the middle of many is counted', async () => {
    const made = kit();
    await made.env.run(async (_: object) => {
      for (let i = 0; i < 50; i++) await on('systemctl is-active containerd', ok('activating\n'));
      for (let i = 0; i < 200; i++) await on(`echo ${i}`, ok(`${i}\n`));
      await on(`echo ${'x'.repeat(2000)}`, ok());
      for (let i = 0; i < 3; i++) logChange('exec in shop/web-1 (web): true');
    }, ref);
    const { body } = only(made);
    assert.equal(body.commands.length, 80);
    assert.equal(body.commands[0]?.times, 50);
    assert.equal(body.leftOut, 202 - 80);
    assert.equal(body.commands.at(-2)?.command, 'echo 199');
    assert.ok((body.commands.at(-1)?.command.length ?? 0) <= 500);
    assert.deepEqual(body.changes, ['exec in shop/web-1 (web): true (3 times)']);
    assert.ok(JSON.stringify(body).length < 50_000);
  });

  it('beside others keeps its own commands', async () => {
    const [one, other] = [kit(), kit({ attempt: 2 })];
    const work = (line: string) => async (_: object) => {
      for (let i = 0; i < 3; i++) {
        await on(`${line} ${i}`, ok());
        await delay(2);
      }
    };
    await Promise.all([one.env.run(work('one'), ref), other.env.run(work('other'), ref)]);
    assert.deepEqual(
      [one, other].map((each) => only(each).body.commands.map(({ command }) => command)),
      [
        ['one 0', 'one 1', 'one 2'],
        ['other 0', 'other 1', 'other 2'],
      ],
    );
  });
});

describe('an attempt that does not complete', () => {
  it('is kept with the type of its failure and the command that did not end, and fails as before', async () => {
    const made = kit();
    const lost = failure('HostUnreachable', 'east-1: the SSH connection was lost.');
    const work = async (_: object) => {
      await loggedCommand({ node: 'east-1', line: 'apt-get install' }, () => Promise.reject(lost));
    };
    await assert.rejects(made.env.run(work, ref), (error) => error === lost);
    const { body } = only(made);
    assert.deepEqual([body.ended, body.failureType], ['Failed', 'HostUnreachable']);
    assert.match(body.message ?? '', /connection was lost/);
    assert.deepEqual([body.commands.length, 'exitCode' in (body.commands[0] ?? {})], [1, false]);
  });

  it('is kept even if it could not begin anything on its node', async () => {
    const made = kit();
    const work = async (_: object) => {
      throw ApplicationFailure.retryable('no answer', 'HostUnreachable');
    };
    await assert.rejects(made.env.run(work, ref));
    assert.deepEqual([only(made).body.ended, only(made).body.commands], ['Failed', []]);
  });

  it('is told apart from one that was cancelled', async () => {
    const made = kit();
    const work = async (_: object) => {
      await on('sleep 60', ok());
      await Context.current().cancelled;
    };
    const running = made.env.run(work, ref);
    made.env.cancel('CANCELLED');
    await assert.rejects(running, { name: 'CancelledFailure' });
    const { body } = only(made);
    assert.deepEqual([body.ended, 'failureType' in body], ['Cancelled', false]);
  });

  it('with an error of no type is kept under its name', async () => {
    const made = kit();
    const work = async (_: object) => {
      await on('true', ok());
      throw new TypeError('a bug');
    };
    await assert.rejects(made.env.run(work, ref), TypeError);
    assert.deepEqual(
      [only(made).body.failureType, only(made).body.message],
      ['TypeError', 'a bug'],
    );
  });
});

describe('nothing is kept', () => {
  const cases: [
    name: string,
    options: Parameters<typeof kit>[0],
    input: object,
    work: () => void,
  ][] = [
    [
      'of an attempt that names no rollout',
      {},
      { ...ref, rollout: undefined },
      () => logChange('x'),
    ],
    ['of a look that touched no host', {}, { access, rollout: 'patch' }, () => undefined],
    ['of measuring that worked', { activity: 'measure' }, ref, () => logChange('create pod x/y')],
  ];
  for (const [name, options, input, work] of cases) {
    it(name, async () => {
      const made = kit(options);
      await made.env.run(async (_: object) => work(), input);
      assert.deepEqual(made.taken, []);
    });
  }

  it('where the worker keeps no ledger', () => {
    const log = { info: () => undefined, warn: () => undefined };
    assert.deepEqual(stepRecorder({ clock: systemClock, log }, '1@worker'), []);
  });
});

describe('a ledger that is in trouble', () => {
  it('delays an attempt by no more than three seconds where it does not answer', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const made = kit({ submit: () => new Promise(() => undefined) });
      const running = made.env.run(async (_: object) => {
        await on('true', ok());
        return 'done';
      }, ref);
      let ended = false;
      void running.then(() => {
        ended = true;
      });
      for (let i = 0; i < 20; i++) await Promise.resolve();
      mock.timers.tick(2900);
      for (let i = 0; i < 20; i++) await Promise.resolve();
      assert.equal(ended, false);
      mock.timers.tick(200);
      assert.equal(await running, 'done');
      assert.match(
        made.warnings.join(),
        /not handed to the ledger.*node\/east\/east-1\/run\/5\/1.*3000/,
      );
    } finally {
      mock.timers.reset();
    }
  });

  it('costs the attempt nothing else: its result and its failure are its own', async () => {
    const submit = () => Promise.reject(new Error('Temporal is away'));
    const good = kit({ submit });
    const useful = async (_: object) => {
      logChange('x');
      return 7;
    };
    assert.equal(await good.env.run(useful, ref), 7);
    assert.match(good.warnings.join(), /Temporal is away/);
    const bad = kit({ submit });
    const work = async (_: object) => {
      throw failure('ApplyFailed', 'east-1: no');
    };
    await assert.rejects(bad.env.run(work, ref), { type: 'ApplyFailed' });
  });
});
