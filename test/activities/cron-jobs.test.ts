/** Schedules as Kubernetes reads them, and what is foretold of a cluster's CronJobs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firingsBetween } from '../../activities/adapters/cron-schedule.ts';
import type { V1CronJob, V1Job } from '../../activities/adapters/kube-adapter.ts';
import { upcomingFirings } from '../../activities/cron-jobs.ts';
import { access, FakeKube, fakeDeps } from './fakes.ts';

describe('a schedule', () => {
  const MINUTES = 60_000;
  /** Firings from a moment on for some hours, without seconds. */
  function firings(schedule: string, from: string, hours: number, timeZone?: string): string[] {
    const fromMs = Date.parse(`${from}:00Z`);
    const answer = firingsBetween({
      schedule,
      ...(timeZone ? { timeZone } : {}),
      fromMs,
      toMs: fromMs + hours * 60 * MINUTES,
      lastMs: fromMs - 10 * MINUTES,
      limit: 1500,
    });
    assert.equal(answer.kind, 'Firings', JSON.stringify(answer));
    return answer.firings.map((ms) => new Date(ms).toISOString().slice(0, 16));
  }

  const rows: [string, string, string, number, string | undefined, string[]][] = [
    [
      'from its first moment on',
      '0 0 * * *',
      '2026-11-25T00:00',
      24,
      undefined,
      ['2026-11-25T00:00'],
    ],
    [
      'in a zone ahead of UTC',
      '30 0 * * *',
      '2026-11-25T00:00',
      24,
      'Asia/Kolkata',
      ['2026-11-25T19:00'],
    ],
    [
      'in a zone behind UTC, on its weekdays',
      '0 23 ? * FRI',
      '2026-11-27T00:00',
      48,
      'America/New_York',
      ['2026-11-28T04:00'],
    ],
    [
      'not in the hour that is left out in spring',
      '30 2 * * *',
      '2026-03-28T00:00',
      56,
      'Europe/Berlin',
      ['2026-03-28T01:30', '2026-03-30T00:30'],
    ],
    [
      'every half hour across that',
      '*/30 * * * *',
      '2026-03-29T00:30',
      1.5,
      'Europe/Berlin',
      ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
    ],
    [
      'twice in the hour that is repeated in autumn',
      '30 2 * * *',
      '2026-10-24T12:00',
      48,
      'Europe/Berlin',
      ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-26T01:30'],
    ],
    [
      'at the time of the wall after that',
      '0 12 * * *',
      '2026-10-24T00:00',
      48,
      'Europe/Berlin',
      ['2026-10-24T10:00', '2026-10-25T11:00'],
    ],
    [
      'by a nickname',
      '@hourly',
      '2026-11-25T00:30',
      2,
      undefined,
      ['2026-11-25T01:00', '2026-11-25T02:00'],
    ],
    [
      'counted from the firing before',
      '@every 1h30m',
      '2026-11-25T00:00',
      4,
      undefined,
      ['2026-11-25T01:20', '2026-11-25T02:50'],
    ],
    [
      'in the zone it names itself',
      'TZ=Asia/Tokyo 0 0 * * *',
      '2026-11-25T00:00',
      24,
      undefined,
      ['2026-11-25T15:00'],
    ],
    [
      'from a minute on, in steps',
      '5/20 3 * * *',
      '2026-11-25T00:00',
      24,
      undefined,
      ['2026-11-25T03:05', '2026-11-25T03:25', '2026-11-25T03:45'],
    ],
    [
      'once where the step leads out of the hour',
      '*/90 * * * *',
      '2026-11-25T00:30',
      1,
      undefined,
      ['2026-11-25T01:00'],
    ],
    ['on a day that does not come', '0 0 31 2 *', '2026-11-25T00:00', 24, undefined, []],
  ];
  for (const [name, schedule, from, hours, zone, expected] of rows) {
    it(`fires ${name}`, () => assert.deepEqual(firings(schedule, from, hours, zone), expected));
  }

  it('fires for a day of minutes', () =>
    assert.equal(firings('* * * * *', '2026-11-25T00:00', 24).length, 1440));

  it('that cannot be read is said to be so', () => {
    const asked = { fromMs: 0, toMs: 60_000, lastMs: 0, limit: 9 };
    for (const question of [
      { ...asked, schedule: 'whenever' },
      { ...asked, schedule: '@every now' },
      { ...asked, schedule: '0 0 * * *', timeZone: 'Mars/Olympus' },
    ]) {
      assert.equal(firingsBetween(question).kind, 'Unreadable');
    }
  });
});

describe('what is foretold of a cluster', () => {
  /** The fakes' clock starts here. */
  const NOW = Date.parse('2026-01-01T00:00:00Z');
  const cronJob = (name: string, spec: object = {}, status: object = {}): V1CronJob => ({
    metadata: { namespace: 'shop', name, uid: `uid-${name}`, creationTimestamp: new Date(NOW) },
    spec: {
      schedule: '0 3 * * *',
      jobTemplate: { spec: { template: { spec: { containers: [] } } } },
      ...spec,
    },
    status,
  });
  const pinned = (nodeSelector: Record<string, string>) => ({
    jobTemplate: { spec: { template: { spec: { containers: [], nodeSelector } } } },
  });
  const job = (of: string, seconds: number | undefined): V1Job => ({
    metadata: {
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'CronJob', name: of, uid: `uid-${of}`, controller: true },
      ],
    },
    status: {
      startTime: new Date(NOW - 3_600_000),
      ...(seconds === undefined
        ? {}
        : { completionTime: new Date(NOW - 3_600_000 + seconds * 1000) }),
    },
  });

  async function foretold(cronJobs: V1CronJob[], jobs: V1Job[] = []) {
    const kube = new FakeKube();
    kube.addNode('n1', { metadata: { labels: { disk: 'fast' } } });
    kube.addNode('n2', { spec: { unschedulable: true } });
    kube.cronJobsThere = cronJobs;
    kube.jobsThere = jobs;
    const { deps } = fakeDeps(kube);
    const warnings: object[] = [];
    const log = { ...deps.log, warn: (details: object) => warnings.push(details) };
    const nodes = await kube.listNodes();
    return { found: await upcomingFirings({ ...deps, log }, access, nodes), warnings };
  }

  it('is its firings, usual duration, rules and places', async () => {
    const since = new Date(NOW - 60_000);
    const spec = { startingDeadlineSeconds: 90, concurrencyPolicy: 'Forbid' };
    const status = { active: [{ name: 'backup-1' }], lastScheduleTime: since };
    const { found } = await foretold(
      [cronJob('backup', { ...spec, ...pinned({ disk: 'fast' }) }, status)],
      [job('backup', 40), job('backup', 60), job('backup', undefined), job('other', 900)],
    );
    assert.deepEqual(found, [
      {
        cronJob: 'shop/backup',
        firings: [Date.parse('2026-01-01T03:00:00Z')],
        untilMs: NOW + 24 * 3_600_000,
        usualMs: 60_000,
        measured: true,
        runningSinceMs: since.getTime(),
        startingDeadlineMs: 90_000,
        concurrency: 'Forbid',
        labels: {},
        nodes: ['n1'],
      },
    ]);
  });

  it('leaves out what is suspended, and says what it cannot read', async () => {
    const { found, warnings } = await foretold([
      cronJob('paused', { suspend: true }),
      cronJob('odd', { schedule: 'whenever' }),
      cronJob('nightly'),
    ]);
    assert.deepEqual(
      found.map((entry) => [entry.cronJob, entry.measured, entry.nodes]),
      [['shop/nightly', false, ['n1', 'n2']]],
    );
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings[0]), /shop\/odd.*whenever/);
  });
});
