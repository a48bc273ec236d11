/** Schedules by the command line, on a real Temporal server. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ScheduleHandle } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import type { ScheduleView } from '../../client/schedule-view.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { planOf, rolloutOf } from '../workflows/fixtures.ts';
import { type Ran, type RunOptions, run } from './kit.ts';
import { type RealServer, startRealServer } from './real-server.ts';

let server: RealServer;
/** Names of this test's Schedules. */
const made: string[] = [];
before(async () => {
  server = await startRealServer();
  server.fleet.planned = { plan: planOf({ count: 1 }), impact: [] };
  server.fleet.standing.set('patch', rolloutOf());
});
after(() => server.close());
afterEach(async () => {
  for (const name of made.splice(0)) {
    const gone = (error: unknown) => assert.match(String(error), /There is no Schedule named/);
    await server.client.schedules.delete(name).catch(gone);
  }
});

/** Fires on one day of the year, which is none of those on which tests run for long. */
const YEARLY = { cron: ['30 21 25 12 *'], timeZone: 'Europe/Berlin' };

function documentOf(name: string, spec: object = {}): string {
  made.push(name);
  return JSON.stringify({
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Schedule',
    metadata: { name },
    spec: { rollout: 'patch', ...YEARLY, ...spec },
  });
}

const tidegate = (argv: string[], options: RunOptions = {}): Promise<Ran> =>
  run(['schedule', ...argv], { client: server.client, ...options });
const apply = (name: string, spec: object = {}, ...more: string[]) =>
  tidegate(['apply', '-', ...more], { stdin: documentOf(name, spec) });
const show = (name: string): Promise<ScheduleView> => server.client.schedules.show(name);
const handleOf = (name: string): ScheduleHandle =>
  server.env.client.schedule.getHandle(scheduleId(name));

/** The list of Schedules is a moment behind. */
async function untilListed(...names: string[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const listed = (await server.client.schedules.list()).map(({ schedule }) => schedule);
    if (names.every((name) => listed.includes(name))) return;
    await delay(50);
  }
  assert.fail(`${names} were never listed`);
}

async function end(rollout: string): Promise<void> {
  await server.env.client.workflow.getHandle(`rollout/${rollout}`).terminate();
}

describe('schedule apply', () => {
  it('makes a Schedule, knows it again, and changes it in place', async () => {
    const made = await apply('weekly');
    assert.equal(made.err, '');
    assert.match(made.out, /\nweekly\tcreated\t-\t20\d\d-12-25T21:30:00\+01:00\n$/);
    const { raw: _raw, ...before } = await handleOf('weekly').describe();
    assert.match((await apply('weekly')).out, /\nweekly\tunchanged\t-\t/);
    const { raw: _same, ...same } = await handleOf('weekly').describe();
    assert.equal(same.info.lastUpdatedAt?.getTime(), before.info.lastUpdatedAt?.getTime());

    const changed = await apply('weekly', { cron: ['0 4 24 12 *'], jitterSeconds: 60 });
    assert.match(changed.out, /\nweekly\tupdated\tcron, jitterSeconds\t20\d\d-12-24T04:00:\d\d/);
    const after = await handleOf('weekly').describe();
    assert.equal(after.info.createdAt.getTime(), before.info.createdAt.getTime(), 'the same one');
    assert.equal(after.spec.jitter, 60_000);
    assert.deepEqual(after.policies, {
      overlap: 'SKIP',
      catchupWindow: 600_000,
      pauseOnFailure: false,
    });
  });

  it('changes nothing in a dry run', async () => {
    const made = await apply('weekly', {}, '--dry-run');
    assert.match(made.out, /\nweekly\twould be created\t-\t-\n/);
    assert.equal((await tidegate(['show', 'weekly'])).code, 3);
    await apply('weekly');
    const changed = await apply('weekly', { overlap: 'BufferOne' }, '--dry-run');
    assert.match(changed.out, /\nweekly\twould be updated\toverlap\t/);
    assert.equal((await handleOf('weekly').describe()).policies.overlap, 'SKIP');
  });

  it('removes what is in no file, where it is told to, and nothing that is not its own', async () => {
    await apply('old');
    await server.env.client.schedule.create({
      scheduleId: 'backup',
      spec: { calendars: [{ month: 'JANUARY', dayOfMonth: 1 }] },
      action: { type: 'startWorkflow', workflowType: 'backup', taskQueue: 'other' },
    });
    await untilListed('old');
    const files = { 'a.yaml': documentOf('a'), 'b.yaml': documentOf('b') };
    const dry = await tidegate(['apply', 'a.yaml', 'b.yaml', '--prune', '--dry-run'], { files });
    assert.match(dry.out, /\nold\twould be removed\t-\t-\n/);
    const pruned = await tidegate(['apply', 'a.yaml', 'b.yaml', '--prune'], { files });
    assert.match(pruned.out, /\na\tcreated\t.*\nb\tcreated\t.*\nold\tremoved\t-\t-\n/);
    assert.match((await tidegate(['show', 'old'])).err, /There is no Schedule named old/);
    assert.equal(
      (await server.env.client.schedule.getHandle('backup').describe()).scheduleId,
      'backup',
    );
    await server.env.client.schedule.getHandle('backup').delete();
  });

  it('keeps the pause of a person, with the reason, unless the document says otherwise', async () => {
    await apply('weekly', { note: 'owned by platform' });
    assert.equal((await show('weekly')).note, 'owned by platform');
    const paused = await tidegate(['pause', 'weekly', '--as', 'ada', '--reason', 'release week']);
    assert.equal(paused.code, 0, paused.err);
    const kept = await apply('weekly', { jitterSeconds: 5, note: 'owned by platform' });
    assert.match(kept.out, /\nweekly\tupdated\tjitterSeconds\tpaused\n/);
    assert.equal((await show('weekly')).note, 'paused by ada: release week');
    const ended = await apply('weekly', { jitterSeconds: 5, paused: false });
    assert.match(ended.out, /\nweekly\tupdated\tnote, paused, resumed\t20/);
    assert.equal((await show('weekly')).paused, false);
  });

  it('ends a pause that came from the document with the line that made it', async () => {
    assert.match((await apply('weekly', { paused: true })).out, /\nweekly\tcreated\t-\tpaused\n/);
    assert.equal((await show('weekly')).note, 'paused by its document');
    assert.match((await apply('weekly')).out, /\nweekly\tupdated\tpaused, resumed\t20/);
  });

  it('puts right what somebody has changed in Temporal', async () => {
    await apply('weekly');
    await handleOf('weekly').update((there) => ({
      ...there,
      policies: { ...there.policies, catchupWindow: '1 day' },
    }));
    const again = await apply('weekly');
    assert.match(again.out, /\nweekly\tupdated\twhat somebody else has changed in Temporal\t/);
    assert.equal((await handleOf('weekly').describe()).policies.catchupWindow, 600_000);
  });

  it('does not lose a pause that comes while it writes', async () => {
    await apply('weekly');
    const { connection } = server.env;
    const { updateSchedule } = connection.workflowService;
    let beaten = false;
    connection.workflowService.updateSchedule = Object.assign(
      async (request: Parameters<typeof updateSchedule>[0]) => {
        if (!beaten) await handleOf('weekly').pause('paused by ada: right now');
        beaten = true;
        return await updateSchedule.call(connection.workflowService, request);
      },
      updateSchedule,
    );
    try {
      const changed = await apply('weekly', { jitterSeconds: 5 });
      assert.match(changed.out, /\nweekly\tupdated\tjitterSeconds\tpaused\n/);
    } finally {
      connection.workflowService.updateSchedule = updateSchedule;
    }
    const { paused, note, document } = await show('weekly');
    assert.deepEqual([paused, note], [true, 'paused by ada: right now']);
    assert.equal(document.spec.jitterSeconds, 5);
  });

  it('refuses documents that are wrong or twice there, before it changes anything', async () => {
    const files = { 'a.yaml': documentOf('a'), 'b.yaml': documentOf('a') };
    const twice = await tidegate(['apply', 'a.yaml', 'b.yaml'], { files });
    assert.equal(twice.code, 3);
    assert.match(twice.err, /Schedule a is in both a\.yaml and b\.yaml/);
    const wrong = await apply('weekly', { cron: ['30 21 * * Tuesday'] });
    assert.equal(wrong.code, 3);
    assert.match(wrong.err, /spec\.cron\[0\]: day of the week "Tuesday": expected "\*"/);
    for (const name of ['a', 'weekly']) assert.equal((await tidegate(['show', name])).code, 3);
  });

  it('says so where no day will ever match', async () => {
    const calendars = [{ daysOfMonth: [30], months: ['Feb'], at: '21:30' }];
    const { cron: _cron, ...zone } = YEARLY;
    const document = JSON.parse(documentOf('never'));
    document.spec = { rollout: 'patch', ...zone, calendars };
    const made = await tidegate(['apply', '-'], { stdin: JSON.stringify(document) });
    assert.match(made.out, /\nnever\tcreated\t-\tnever\n/);
    assert.match((await tidegate(['show', 'never'])).out, /It never fires again: day 30 Feb 21:30/);
  });
});

describe('the clocks of Berlin', () => {
  const matching = async (from: string, to: string): Promise<string[]> => {
    const at = (text: string) => msToTs(Date.parse(text));
    const { startTime } = await server.env.connection.workflowService.listScheduleMatchingTimes({
      namespace: 'default',
      scheduleId: scheduleId('early'),
      startTime: at(from),
      endTime: at(to),
    });
    return startTime.map((time) => new Date(tsToMs(time)).toISOString());
  };

  it('show a time twice in autumn, and Temporal fires at the second; in spring they leave it out', async () => {
    await apply('early', { cron: ['30 2 * * *'] });
    assert.deepEqual(await matching('2027-10-30T12:00:00Z', '2027-10-31T12:00:00Z'), [
      '2027-10-31T01:30:00.000Z',
    ]);
    assert.deepEqual(await matching('2027-03-27T12:00:00Z', '2027-03-29T12:00:00Z'), [
      '2027-03-29T00:30:00.000Z',
    ]);
  });
});

describe('a Schedule', () => {
  it('is listed and shown', async () => {
    await apply('weekly');
    await untilListed('weekly');
    const line =
      /^weekly\trollout patch\t30 21 25 12 \* \(Europe\/Berlin\)\t20\d\d-12-25T21:30:00\+01:00\t-$/m;
    assert.match((await tidegate(['list'])).out, line);
    const { out } = await tidegate(['show', 'weekly']);
    assert.match(out, /Starts +rollout patch\nWhen +30 21 25 12 \* \(Europe\/Berlin\)\nPaused +no/);
    assert.equal(out.match(/-12-25T21:30:00\+01:00/g)?.length, 10);
    assert.match(out, /It has not fired yet/);
  });

  it('fires by hand: starts the rollout, and does not while it runs', async () => {
    await apply('weekly');
    const first = await tidegate(['run', 'weekly']);
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /^schedule\/weekly-20\S+Z: started rollout\/patch\n$/);
    const rollout = await server.client.status('patch');
    assert.equal(rollout.state, 'Running');
    const info = await server.env.client.workflow.getHandle('rollout/patch').describe();
    assert.equal(
      await info.staticSummary(),
      'patch: bundle containerd-deb12u3, requested by platform-oncall',
    );
    assert.match((await info.staticDetails()) ?? '', /^Reason: CVE-2025-64329/);
    const timeout = info.raw.executionConfig?.workflowExecutionTimeout;
    assert.equal(Number(timeout?.seconds ?? 0), 0, 'a rollout has no time limit');
    const second = await tidegate(['run', 'weekly']);
    assert.match(second.out, /: nothing: rollout patch runs already\n$/);
    const { out } = await tidegate(['show', 'weekly']);
    assert.match(out, /nothing: rollout patch runs already\n.*started rollout\/patch/);
    await end('patch');
  });

  it('fires for a past span of time, once for one rollout', async () => {
    await apply('daily', { cron: ['0 3 * * *'], overlap: 'AllowAll' });
    const day = (daysAgo: number) =>
      new Date(Date.now() - daysAgo * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const none = await tidegate(['backfill', 'daily', '--from', day(1), '--to', day(1)]);
    assert.equal(none.code, 3);
    assert.match(none.err, /has no firing between/);
    const filled = await tidegate(['backfill', 'daily', '--from', day(3), '--to', day(1)]);
    assert.equal(filled.code, 0, filled.err);
    const lines = filled.out.trim().split('\n');
    assert.equal(lines.length, 2, filled.out);
    assert.equal(lines.filter((line) => line.endsWith('started rollout/patch')).length, 1);
    assert.equal(lines.filter((line) => line.endsWith('patch runs already')).length, 1);
    await end('patch');

    for (const [from, to, words] of [
      ['yesterday', day(0), /--from: expected a time such as/],
      [day(1), '2026-11-24T00:00', /--to: expected a time such as/],
      [day(1), '2999-01-01T00:00:00Z', /--to lies in the future/],
      [day(1), day(2), /--from is later than --to/],
    ] as const) {
      const refused = await tidegate(['backfill', 'daily', '--from', from, '--to', to]);
      assert.equal(refused.code, 3);
      assert.match(refused.err, words);
    }
  });

  it('tells why a firing has failed, and pauses where its document says so', async () => {
    await apply('weekly', { rollout: 'gone', pauseOnFailure: true });
    const failed = await tidegate(['run', 'weekly']);
    assert.equal(failed.code, 1);
    assert.match(failed.out, /: UnknownDocument: no Rollout "gone"/);
    for (let i = 0; i < 100 && !(await show('weekly')).paused; i++) await delay(50);
    const { paused, note } = await show('weekly');
    assert.ok(paused);
    assert.match(note, /failure/);
  });

  it('is paused and resumed by people, in words', async () => {
    await apply('weekly');
    const paused = await tidegate(['pause', 'weekly', '--as', 'ada', '--reason', 'audit']);
    assert.match(paused.out, /^weekly: it fires no more until it is resumed/);
    const twice = await tidegate(['pause', 'weekly', '--as', 'bob', '--reason', 'x']);
    assert.equal(twice.code, 3);
    assert.match(twice.err, /is paused already \(paused by ada: audit\)/);
    assert.match((await tidegate(['show', 'weekly'])).out, /Paused +yes: paused by ada: audit/);
    const resumed = await tidegate(['resume', 'weekly', '--as', 'ada']);
    assert.match(resumed.out, /^weekly: it fires again, next at 20\d\d-12-25T21:30:00\+01:00\n/);
    assert.equal((await tidegate(['resume', 'weekly', '--as', 'ada'])).code, 3);
  });

  it('is removed, and its rollout goes on', async () => {
    await apply('weekly');
    await tidegate(['run', 'weekly']);
    const removed = await tidegate(['delete', 'weekly']);
    assert.equal(removed.out, 'weekly: removed; what it has started goes on\n');
    for (const words of [['show'], ['run'], ['delete'], ['resume', '--as', 'ada']]) {
      const [name = '', ...rest] = words;
      const gone = await tidegate([name, 'weekly', ...rest]);
      assert.equal(gone.code, 3);
      assert.match(gone.err, /There is no Schedule named weekly/);
    }
    assert.equal((await server.client.status('patch')).state, 'Running');
    await end('patch');
  });
});
