import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { firingsBetween } from '../../activities/adapters/cron-schedule.ts';
import {
  firingOf,
  scheduledWorkflowId,
  scheduleId,
  scheduleNameOf,
} from '../../workflows/contract.ts';
import { parseDocument } from '../../workflows/domain/documents.ts';
import { versionDifferences } from '../../workflows/domain/inventory-summary.ts';
import { rolloutSummary } from '../../workflows/domain/rollout-summary.ts';
import {
  calendarRule,
  type FiringRule,
  firingRules,
  type Range,
  readCron,
} from '../../workflows/domain/schedule-times.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { windowAnnouncement } from '../../workflows/domain/window-announcement.ts';
import { factsOf, rolloutOf } from '../workflows/fixtures.ts';

const apiVersion = 'tidegate.dev/v1alpha1';
const ROLLOUT = { rollout: 'patch' };
const CRON = { cron: ['30 21 * * Tue'] };
const ZONE = { timeZone: 'Europe/Berlin' };

function problems(spec: object): string[] {
  const document = { apiVersion, kind: 'Schedule', metadata: { name: 's' }, spec };
  const answer = parseDocument('Schedule', document);
  if (answer.kind === 'Valid') return [];
  return answer.problems.map(({ path, message }) => `${path}: ${message}`);
}

const cases: [string, object, string[]][] = [
  ['a weekly rollout', { ...ROLLOUT, ...CRON, ...ZONE }, []],
  [
    'a nightly inventory of an inline calendar',
    { inventory: { fleet: 'lab' }, calendars: [{ at: '02:00' }], ...ZONE },
    [],
  ],
  ['an announcement', { announce: { policy: 'standard' }, ...CRON, ...ZONE }, []],
  [
    'nothing at all',
    ZONE,
    ['spec: say one of rollout, inventory and announce', 'spec: say one of cron and calendars'],
  ],
  [
    'two things to do, in two ways',
    { ...ROLLOUT, inventory: { fleet: 'lab' }, ...CRON, calendars: [{ at: '02:00' }], ...ZONE },
    [
      'spec.inventory: rollout is there already; say one of rollout, inventory and announce',
      'spec.calendars: cron is there already; say one of cron and calendars',
    ],
  ],
  ['no zone', { ...ROLLOUT, ...CRON }, ['spec.timeZone: is missing; expected text']],
  [
    'a zone that is none',
    { ...ROLLOUT, ...CRON, timeZone: 'Europe/Berln' },
    ['spec.timeZone: an IANA time zone such as "Europe/Berlin"'],
  ],
  [
    'a policy of Temporal that ends what runs',
    { ...ROLLOUT, ...CRON, ...ZONE, overlap: 'CancelOther' },
    ['spec.overlap: expected "Skip" or "BufferOne" or "AllowAll", found "CancelOther"'],
  ],
  [
    'less than Temporal catches up',
    { ...ROLLOUT, ...CRON, ...ZONE, catchUpSeconds: 9 },
    ['spec.catchUpSeconds: expected at least 10, found 9'],
  ],
  [
    'a time that no clock shows',
    { ...ROLLOUT, calendars: [{ days: ['Tues'], at: '24:00' }], ...ZONE },
    [
      'spec.calendars[0].days[0]: expected "Sun" or "Mon" or "Tue" or "Wed" or "Thu" or "Fri" or "Sat", found "Tues"; did you mean "Tue"?',
      'spec.calendars[0].at: expected a time such as "22:00", found "24:00"',
    ],
  ],
  [
    'a rollout that is not valid itself',
    {
      rollout: { apiVersion, kind: 'Rollout', metadata: { name: 'r' }, spec: {} },
      ...CRON,
      ...ZONE,
    },
    [
      'spec.rollout.spec.requestedBy: is missing; expected text',
      'spec.rollout.spec.reason: is missing; expected text',
      'spec.rollout.spec.fleet: is missing; expected the name of a Fleet or a Fleet document',
      'spec.rollout.spec.bundle: is missing; expected the name of a Bundle or a Bundle document',
      'spec.rollout.spec.policy: is missing; expected the name of a Policy or a Policy document',
    ],
  ],
];

describe('a Schedule document', () => {
  for (const [what, spec, expected] of cases) {
    it(what, () => assert.deepEqual(problems(spec), expected));
  }
});

const one = (value: number): Range => ({ start: value, end: value, step: 1 });
const ALL = {
  minute: [{ start: 0, end: 59, step: 1 }],
  hour: [{ start: 0, end: 23, step: 1 }],
  dayOfMonth: [{ start: 1, end: 31, step: 1 }],
  month: [{ start: 1, end: 12, step: 1 }],
  dayOfWeek: [{ start: 0, end: 6, step: 1 }],
};

describe('a cron line', () => {
  const readable: [string, Partial<FiringRule>][] = [
    ['* * * * *', {}],
    ['30 21 * * Tue', { minute: [one(30)], hour: [one(21)], dayOfWeek: [one(2)] }],
    [
      '*/15 8-18/2 * * *',
      { minute: [{ start: 0, end: 59, step: 15 }], hour: [{ start: 8, end: 18, step: 2 }] },
    ],
    ['5/20 * * * *', { minute: [{ start: 5, end: 59, step: 20 }] }],
    [
      '0 0 1,15 jan-mar *',
      {
        minute: [one(0)],
        hour: [one(0)],
        dayOfMonth: [one(1), one(15)],
        month: [{ start: 1, end: 3, step: 1 }],
      },
    ],
    ['0 0 * * 7', { minute: [one(0)], hour: [one(0)], dayOfWeek: [one(0)] }],
    [
      '0 0 * * 5-7',
      { minute: [one(0)], hour: [one(0)], dayOfWeek: [{ start: 5, end: 6, step: 1 }, one(0)] },
    ],
  ];
  for (const [line, rule] of readable) {
    it(`"${line}" is read`, () => {
      assert.deepEqual(readCron(line), { kind: 'Rule', rule: { ...ALL, ...rule, comment: line } });
    });
  }

  const unreadable: [string, RegExp][] = [
    ['30 21 * *', /expected five fields .* found "30 21 \* \*"/],
    ['@weekly', /expected five fields/],
    ['0 30 21 * * Tue', /expected five fields/],
    ['60 * * * *', /^minute "60": expected "\*" or a number from 0 to 59/],
    ['* 24 * * *', /^hour "24"/],
    ['* * 0 * *', /^day of the month "0"/],
    ['* * * 13 *', /^month "13"/],
    ['* * * * Tues', /^day of the week "Tues": .* or a name such as "Tue"/],
    ['5-1 * * * *', /^minute "5-1"/],
    ['*/0 * * * *', /^minute "\*\/0"/],
    ['1,,2 * * * *', /^minute ""/],
    ['0 3 1 * Mon', /cron fires on either, Temporal where both match/],
  ];
  for (const [line, words] of unreadable) {
    it(`"${line}" is refused`, () => {
      const answer = readCron(line);
      assert.match(answer.kind === 'Unreadable' ? answer.reason : '', words);
    });
  }

  it('means to Temporal what it means to Kubernetes', () => {
    const field = (from: number, to: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: from, max: to }).map(String),
        fc.integer({ min: 1, max: to }).map((step) => `*/${step}`),
        fc
          .tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to }))
          .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      );
    const line = fc
      .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6), fc.boolean())
      .map(([minute, hour, day, month, weekday, byDay]) =>
        [minute, hour, byDay ? day : '*', month, byDay ? '*' : weekday].join(' '),
      );
    const fromMs = Date.UTC(2027, 1, 26);
    fc.assert(
      fc.property(line, fc.integer({ min: 0, max: 300 * 24 * 60 }), (schedule, minutes) => {
        const at = fromMs + minutes * 60_000;
        const [rule] = firingRules({ cron: [schedule] });
        const answer = firingsBetween({
          ...{ schedule, timeZone: 'UTC', fromMs: at, toMs: at + 60_000, lastMs: at, limit: 1 },
        });
        assert.equal(answer.kind, 'Firings');
        assert.equal(matches(rule, at), answer.kind === 'Firings' && answer.firings.length === 1);
      }),
    );
  });
});

/** As Temporal matches a rule, in UTC. */
function matches(rule: FiringRule | undefined, ms: number): boolean {
  const at = new Date(ms);
  const within = (ranges: readonly Range[] | undefined, value: number) =>
    ranges?.some(
      ({ start, end, step }) => value >= start && value <= end && (value - start) % step === 0,
    ) === true;
  return (
    within(rule?.minute, at.getUTCMinutes()) &&
    within(rule?.hour, at.getUTCHours()) &&
    within(rule?.dayOfMonth, at.getUTCDate()) &&
    within(rule?.month, at.getUTCMonth() + 1) &&
    within(rule?.dayOfWeek, at.getUTCDay())
  );
}

describe('a calendar', () => {
  it('is the first Tuesday of two months', () => {
    const times = {
      days: ['Tue'],
      daysOfMonth: [1, 2],
      months: ['Jan', 'Dec'],
      at: '21:30',
    } as const;
    assert.deepEqual(calendarRule(times), {
      minute: [one(30)],
      hour: [one(21)],
      dayOfMonth: [one(1), one(2)],
      month: [one(1), one(12)],
      dayOfWeek: [one(2)],
      comment: 'Tue day 1,2 Jan,Dec 21:30',
    });
  });

  it('without days is every day', () => {
    const rule = { ...ALL, minute: [one(0)], hour: [one(2)], comment: '02:00' };
    assert.deepEqual(calendarRule({ at: '02:00' }), rule);
  });
});

describe('ids', () => {
  it('lead back to names', () => {
    assert.equal(scheduleNameOf(scheduleId('weekly.x-1')), 'weekly.x-1');
    assert.equal(scheduleNameOf('backup'), undefined);
    assert.deepEqual(firingOf(`${scheduledWorkflowId('weekly-2')}-2026-11-24T20:30:00Z`), {
      schedule: 'weekly-2',
      at: '2026-11-24T20:30:00Z',
    });
    assert.equal(firingOf(scheduledWorkflowId('weekly-2')), undefined);
  });
});

describe('an inventory in short', () => {
  it('says what differs, most common first, and names few nodes', () => {
    const facts = (count: number, kernel: string) =>
      Array.from({ length: count }, (_, index) =>
        factsOf(`${kernel}-${index}`, 'a', { kernel, kubeletVersion: 'v1' }),
      ).map(({ host: _host, ...rest }) => rest);
    assert.deepEqual(versionDifferences([...facts(2, '6.1'), ...facts(6, '6.5')]), [
      'kernel: 6.5 on 6 nodes, 6.1 on 6.1-0, 6.1-1',
    ]);
    assert.deepEqual(versionDifferences([factsOf('a', 'a'), factsOf('b', 'b')]), []);
  });
});

describe('the summary of a rollout', () => {
  it('fits into what Temporal takes, and is cut between characters', () => {
    const requestedBy = '🌊ü'.repeat(200);
    const text = rolloutSummary(rolloutOf({}, { requestedBy }));
    const bytes = Buffer.byteLength(text);
    assert.ok(bytes <= 380 && bytes > 370, `${bytes}`);
    assert.ok(!text.includes('\uFFFD') && text.startsWith('patch: bundle containerd-deb12u3'));
  });
});

describe('an announcement of windows', () => {
  const nowMs = Date.parse('2026-11-25T12:00:00Z');
  const policyOf = (spec: object) =>
    policySchema.parse({ apiVersion, kind: 'Policy', metadata: { name: 'standard' }, spec });
  const nightly = {
    name: 'nightly',
    days: ['Wed', 'Thu'],
    start: '22:00',
    durationMinutes: 240,
    ...ZONE,
    regions: ['east'],
  };

  it('names the next openings, and the freezes in their way', () => {
    const freezes = [
      { name: 'audit', reason: 'books', from: '2026-11-26', to: '2026-11-26', ...ZONE },
    ];
    const policy = policyOf({ windows: [nightly], freezes });
    const [headline, first, second] = windowAnnouncement({ policy, nowMs });
    assert.equal(headline, 'Next windows of policy standard');
    const span = '2026-11-25T22:00:00+01:00 to 2026-11-26T02:00:00+01:00';
    assert.equal(first, `nightly: ${span} (Europe/Berlin), regions east; freeze audit (books)`);
    assert.match(second ?? '', /^nightly: 2026-11-26T22:00:00\+01:00 .*; freeze audit \(books\)$/);
  });

  it('says where nobody is on call', () => {
    const onCall = [{ days: ['Wed'], start: '20:00', durationMinutes: 180, ...ZONE }];
    const policy = policyOf({ windows: [nightly], onCall });
    const [, first, second] = windowAnnouncement({ policy, nowMs });
    assert.match(first ?? '', /regions east$/);
    assert.match(second ?? '', /regions east; nobody is on call$/);
  });

  it('says so where there are none, or none for a region', () => {
    const [always] = windowAnnouncement({ policy: policyOf({}), nowMs });
    assert.equal(always, 'Nodes may start at any time: policy standard has no windows');
    const policy = policyOf({ windows: [nightly] });
    const [none] = windowAnnouncement({ policy, regions: ['west'], nowMs });
    assert.equal(none, 'No window of policy standard, regions west opens within 60 days');
  });
});
