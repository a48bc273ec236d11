/** When nodes may start: windows, freezes and hours on call over changing clocks, midnight, leap days and regions. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { WindowLook, WindowQuestion } from '../../workflows/contract.ts';
import { type Policy, policySchema } from '../../workflows/domain/spec.ts';
import { lookAtWindow } from '../../workflows/domain/window.ts';

type Calendar = WindowQuestion['policy'];

const MINUTE = 60_000;
const BERLIN = 'Europe/Berlin';
const EVERY_DAY = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const WEEKDAYS = EVERY_DAY.slice(0, 5);

const hours = (days: string[], start: string, durationMinutes: number, timeZone = BERLIN) => ({
  ...{ days, start, durationMinutes, timeZone },
});
const window = (name: string, ...rest: Parameters<typeof hours>) => ({ name, ...hours(...rest) });
const freeze = (from: string, to: string, more: object = {}) => ({
  ...{ name: 'year-end', reason: 'Christmas trade', from, to, timeZone: BERLIN, ...more },
});
const NIGHTLY = window('nightly', EVERY_DAY, '22:00', 480);

function calendar(spec: object): Calendar {
  const parsed = policySchema.parse({
    ...{ apiVersion: 'tidegate.dev/v1alpha1', kind: 'Policy', metadata: { name: 'p' }, spec },
  }).spec;
  const { windows, onCall, freezes, regionsTogether }: Policy['spec'] = parsed;
  return { windows, onCall, freezes, regionsTogether };
}

function ask(at: string, spec: object, more: Partial<WindowQuestion> = {}): WindowLook {
  const policy = calendar(spec);
  const expectedMs = 10 * MINUTE;
  const rest = { region: 'east', lifted: [], taken: [], expectedMs };
  return lookAtWindow(Date.parse(at), { policy, ...rest, ...more });
}

/** "open until X", "closed until X" or "never". */
function short(look: WindowLook): string {
  if (look.kind === 'Open') return `open${look.closesAt ? ` until ${look.closesAt}` : ''}`;
  return look.until ? `closed until ${look.until}` : 'never';
}

type Row = [what: string, at: string, expected: string, more?: Partial<WindowQuestion>];

function table(title: string, spec: object, rows: Row[]) {
  describe(title, () => {
    for (const [what, at, expected, more] of rows) {
      it(`${what}: ${at}`, () => assert.equal(short(ask(at, spec, more)), expected));
    }
  });
}

table('a policy without windows', {}, [['is always open', '2026-11-25T12:00:00Z', 'open']]);

table(
  'a window over midnight belongs to the day on which it opens',
  {
    windows: [window('weekdays', WEEKDAYS, '22:00', 480)],
  },
  [
    ['Friday night', '2026-11-27T22:30:00+01:00', 'open until 2026-11-28T06:00:00+01:00'],
    ['Saturday morning', '2026-11-28T05:30:00+01:00', 'open until 2026-11-28T06:00:00+01:00'],
    ['at its end', '2026-11-28T06:00:00+01:00', 'closed until 2026-11-30T22:00:00+01:00'],
    ['Saturday night', '2026-11-28T23:00:00+01:00', 'closed until 2026-11-30T22:00:00+01:00'],
    ['Monday morning', '2026-11-30T05:00:00+01:00', 'closed until 2026-11-30T22:00:00+01:00'],
    ['the moment it opens', '2026-11-30T22:00:00+01:00', 'open until 2026-12-01T06:00:00+01:00'],
  ],
);

table('a node has to fit into what is left', { windows: [NIGHTLY] }, [
  ['just so', '2026-11-28T05:50:00+01:00', 'open until 2026-11-28T06:00:00+01:00'],
  ['a second too late', '2026-11-28T05:50:01+01:00', 'closed until 2026-11-28T22:00:00+01:00'],
  ['never', '2026-11-28T23:00:00+01:00', 'never', { expectedMs: 481 * MINUTE }],
  [
    'only from its beginning',
    '2026-11-28T23:00:00+01:00',
    'closed until 2026-11-29T22:00:00+01:00',
    { expectedMs: 480 * MINUTE },
  ],
]);

table('clocks that go forward in Berlin', { windows: [window('early', EVERY_DAY, '02:30', 60)] }, [
  [
    'opens where 02:30 is skipped',
    '2026-03-28T12:00:00+01:00',
    'closed until 2026-03-29T03:00:00+02:00',
  ],
  ['is as long as ever', '2026-03-29T03:30:00+02:00', 'open until 2026-03-29T04:00:00+02:00'],
]);
table('clocks that go back in Berlin', { windows: [window('early', EVERY_DAY, '02:30', 60)] }, [
  [
    'opens at the first 02:30',
    '2026-10-25T00:00:00+02:00',
    'closed until 2026-10-25T02:30:00+02:00',
  ],
  [
    'closes an hour later, at the second one',
    '2026-10-25T02:15:00+01:00',
    'open until 2026-10-25T02:30:00+01:00',
  ],
  ['does not open again', '2026-10-25T02:30:00+01:00', 'closed until 2026-10-26T02:30:00+01:00'],
]);
table(
  'a night in which clocks change in New York',
  {
    windows: [window('nightly', EVERY_DAY, '22:00', 480, 'America/New_York')],
  },
  [
    ['spring', '2026-03-07T23:00:00-05:00', 'open until 2026-03-08T07:00:00-04:00'],
    ['autumn', '2026-10-31T23:00:00-04:00', 'open until 2026-11-01T05:00:00-05:00'],
  ],
);
table(
  'half an hour on Lord Howe Island',
  {
    windows: [window('early', EVERY_DAY, '02:10', 60, 'Australia/Lord_Howe')],
  },
  [
    ['forward', '2026-10-03T20:00:00+10:30', 'closed until 2026-10-04T02:30:00+11:00'],
    ['as long as ever', '2026-10-04T03:00:00+11:00', 'open until 2026-10-04T03:30:00+11:00'],
  ],
);
table(
  'half an hour on Lord Howe Island, back',
  {
    windows: [window('early', EVERY_DAY, '01:40', 60, 'Australia/Lord_Howe')],
  },
  [
    [
      'opens at the first 01:40',
      '2026-04-04T22:00:00+11:00',
      'closed until 2026-04-05T01:40:00+11:00',
    ],
    [
      'closes when clocks show 02:10',
      '2026-04-05T01:59:00+10:30',
      'open until 2026-04-05T02:10:00+10:30',
    ],
  ],
);

const YEAR_END = {
  windows: [NIGHTLY],
  freezes: [freeze('2026-12-20', '2027-01-03', { every: 'Year' })],
};
table('a freeze over New Year, each year', YEAR_END, [
  ['the night before it', '2026-12-19T23:00:00+01:00', 'open until 2026-12-20T00:00:00+01:00'],
  [
    'nothing that would run into it',
    '2026-12-19T23:55:00+01:00',
    'closed until 2027-01-04T00:00:00+01:00',
  ],
  ['its first moment', '2026-12-20T00:00:00+01:00', 'closed until 2027-01-04T00:00:00+01:00'],
  ['New Year', '2027-01-01T00:00:00+01:00', 'closed until 2027-01-04T00:00:00+01:00'],
  [
    'the rest of the night after its last day',
    '2027-01-04T00:00:00+01:00',
    'open until 2027-01-04T06:00:00+01:00',
  ],
  ['five years later', '2031-12-31T23:00:00+01:00', 'closed until 2032-01-04T00:00:00+01:00'],
  [
    'lifted',
    '2026-12-24T23:00:00+01:00',
    'open until 2026-12-25T06:00:00+01:00',
    { lifted: ['year-end'] },
  ],
  [
    'another one lifted',
    '2026-12-24T23:00:00+01:00',
    'closed until 2027-01-04T00:00:00+01:00',
    { lifted: ['spring'] },
  ],
]);
table('a freeze that counts once', { freezes: [freeze('2026-12-20', '2027-01-03')] }, [
  ['before', '2026-12-19T23:00:00+01:00', 'open until 2026-12-20T00:00:00+01:00'],
  ['in it', '2026-12-24T23:00:00+01:00', 'closed until 2027-01-04T00:00:00+01:00'],
  ['a year later', '2027-12-24T23:00:00+01:00', 'open'],
]);
table(
  'a freeze on the leap day of each year',
  {
    freezes: [freeze('2028-02-29', '2028-02-29', { every: 'Year' })],
  },
  [
    ['in a leap year', '2028-02-29T12:00:00+01:00', 'closed until 2028-03-01T00:00:00+01:00'],
    [
      'in a year without one, February 28',
      '2027-02-28T12:00:00+01:00',
      'open until 2028-02-29T00:00:00+01:00',
    ],
    [
      'in a year without one, March 1',
      '2027-03-01T12:00:00+01:00',
      'open until 2028-02-29T00:00:00+01:00',
    ],
  ],
);
table(
  'a freeze up to the leap day',
  {
    freezes: [freeze('2028-02-20', '2028-02-29', { every: 'Year' })],
  },
  [
    ['in a leap year', '2028-02-29T12:00:00+01:00', 'closed until 2028-03-01T00:00:00+01:00'],
    ['in another', '2027-02-28T12:00:00+01:00', 'closed until 2027-03-01T00:00:00+01:00'],
  ],
);
table('a window that opens on a leap day', { windows: [window('tue', ['Tue'], '23:00', 120)] }, [
  ['2028-02-29 is a Tuesday', '2028-03-01T00:30:00+01:00', 'open until 2028-03-01T01:00:00+01:00'],
]);
table(
  'a freeze without an end',
  {
    windows: [NIGHTLY],
    freezes: [freeze('2026-01-01', '2029-12-31')],
  },
  [['nothing is in sight', '2026-06-01T12:00:00Z', 'never']],
);

table(
  'somebody has to be on call as well',
  {
    windows: [NIGHTLY],
    onCall: [hours(WEEKDAYS, '20:00', 240), hours(['Sat'], '23:00', 300)],
  },
  [
    ['in both', '2026-11-25T22:30:00+01:00', 'open until 2026-11-26T00:00:00+01:00'],
    ['on call, no window', '2026-11-25T21:00:00+01:00', 'closed until 2026-11-25T22:00:00+01:00'],
    [
      'a window, nobody on call',
      '2026-11-26T01:00:00+01:00',
      'closed until 2026-11-26T22:00:00+01:00',
    ],
    ['from a shift on', '2026-11-28T22:30:00+01:00', 'closed until 2026-11-28T23:00:00+01:00'],
    ['no shift on Sunday', '2026-11-29T22:30:00+01:00', 'closed until 2026-11-30T22:00:00+01:00'],
  ],
);
table(
  'shifts that follow each other are one, as far as was looked',
  {
    onCall: [hours(EVERY_DAY, '08:00', 720), hours(EVERY_DAY, '20:00', 720)],
  },
  [['a node may outlast one', '2026-11-25T19:59:00+01:00', 'open until 2026-12-12T08:00:00+01:00']],
);
table(
  'shifts of several zones',
  {
    onCall: [hours(WEEKDAYS, '09:00', 480), hours(WEEKDAYS, '09:00', 480, 'America/New_York')],
  },
  [
    ['both', '2026-11-25T16:00:00+01:00', 'open until 2026-11-25T23:00:00+01:00'],
    ['neither', '2026-11-25T23:00:00+01:00', 'closed until 2026-11-26T09:00:00+01:00'],
  ],
);

table(
  'windows that overlap',
  {
    windows: [NIGHTLY, window('long', ['Sat'], '20:00', 720)],
  },
  [
    ['the later end counts', '2026-11-29T05:55:00+01:00', 'open until 2026-11-29T08:00:00+01:00'],
    [
      'the earlier beginning counts',
      '2026-11-28T12:00:00+01:00',
      'closed until 2026-11-28T20:00:00+01:00',
    ],
  ],
);

const EAST_HAD_IT = ['nightly 2026-11-25T22:00:00+01:00'];
const west = { region: 'west', taken: EAST_HAD_IT };
table('two regions', { windows: [NIGHTLY] }, [
  [
    'not in an opening that another has had',
    '2026-11-26T01:00:00+01:00',
    'closed until 2026-11-26T22:00:00+01:00',
    west,
  ],
  ['in the next one', '2026-11-26T22:00:00+01:00', 'open until 2026-11-27T06:00:00+01:00', west],
]);
table('two regions together', { windows: [NIGHTLY], regionsTogether: true }, [
  [
    'where the policy says so',
    '2026-11-26T01:00:00+01:00',
    'open until 2026-11-26T06:00:00+01:00',
    west,
  ],
]);
table(
  'a window and a freeze of one region',
  {
    windows: [{ ...NIGHTLY, regions: ['east'] }, window('noon', EVERY_DAY, '12:00', 60)],
    freezes: [freeze('2026-11-24', '2026-11-26', { regions: ['west'] })],
  },
  [
    ['its own', '2026-11-25T23:00:00+01:00', 'open until 2026-11-26T06:00:00+01:00'],
    ['that of others', '2026-11-26T12:10:00+01:00', 'open until 2026-11-26T13:00:00+01:00'],
    [
      "the other one's freeze",
      '2026-11-25T23:00:00+01:00',
      'closed until 2026-11-27T12:00:00+01:00',
      { region: 'west' },
    ],
  ],
);

describe('what the night shift reads', () => {
  const rows: [
    what: string,
    at: string,
    spec: object,
    reason: string,
    more?: Partial<WindowQuestion>,
  ][] = [
    [
      'outside of the window',
      '2026-11-26T12:00:00+01:00',
      { windows: [NIGHTLY] },
      'window "nightly" opens at 2026-11-26T22:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'in a freeze',
      '2026-12-24T23:00:00+01:00',
      YEAR_END,
      'freeze "year-end" (Christmas trade) lasts until 2027-01-04T00:00:00+01:00 (Europe/Berlin); window "nightly" may be used from 2027-01-04T00:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'before a window in a freeze',
      '2026-12-20T12:00:00+01:00',
      { windows: [NIGHTLY], freezes: [freeze('2026-12-20', '2026-12-21')] },
      'freeze "year-end" (Christmas trade) lasts until 2026-12-22T00:00:00+01:00 (Europe/Berlin); window "nightly" may be used from 2026-12-22T00:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'close to a freeze',
      '2026-12-19T23:55:00+01:00',
      YEAR_END,
      'freeze "year-end" (Christmas trade) begins at 2026-12-20T00:00:00+01:00 (Europe/Berlin): 5 min is too short for a node, which is expected to take 10 min; window "nightly" may be used from 2027-01-04T00:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'at the end of a window',
      '2026-11-26T05:55:00+01:00',
      { windows: [NIGHTLY] },
      'window "nightly" closes at 2026-11-26T06:00:00+01:00 (Europe/Berlin): 5 min is too short for a node, which is expected to take 10 min; window "nightly" opens at 2026-11-26T22:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'nobody on call',
      '2026-11-25T21:00:00+01:00',
      { onCall: [hours(['Thu'], '09:00', 480)] },
      'nobody is on call now; nodes may start at 2026-11-26T09:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'nobody on call when it opens',
      '2026-11-25T21:00:00+01:00',
      { windows: [NIGHTLY], onCall: [hours(['Thu'], '20:00', 480)] },
      'nobody is on call when window "nightly" opens at 2026-11-25T22:00:00+01:00 (Europe/Berlin); window "nightly" opens at 2026-11-26T22:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'the end of a shift',
      '2026-11-26T16:55:00+01:00',
      { onCall: [hours(['Thu'], '09:00', 480)] },
      'the time on call ends at 2026-11-26T17:00:00+01:00 (Europe/Berlin): 5 min is too short for a node, which is expected to take 10 min; nodes may start at 2026-12-03T09:00:00+01:00 (Europe/Berlin)',
    ],
    [
      'another region',
      '2026-11-26T01:00:00+01:00',
      { windows: [NIGHTLY] },
      'nodes of another region have started in the opening of window "nightly" at 2026-11-25T22:00:00+01:00 (Europe/Berlin), and regions do not share one; window "nightly" opens at 2026-11-26T22:00:00+01:00 (Europe/Berlin)',
      west,
    ],
    [
      'a node that never fits',
      '2026-11-26T01:00:00+01:00',
      { windows: [NIGHTLY] },
      'a node is expected to take 8 h 1 min, and the longest time for one within 400 days is 8 h (window "nightly"): it never fits',
      { expectedMs: 481 * MINUTE },
    ],
    [
      'a region without a window',
      '2026-11-26T01:00:00+01:00',
      { windows: [{ ...NIGHTLY, regions: ['east'] }] },
      'no window is for region west, of "nightly"',
      { region: 'west' },
    ],
    [
      'a freeze without an end',
      '2026-06-01T12:00:00Z',
      { freezes: [freeze('2026-01-01', '2029-12-31')] },
      'nothing opens within 400 days; freeze "year-end" (Christmas trade) lasts until 2030-01-01T00:00:00+01:00 (Europe/Berlin)',
    ],
  ];
  for (const [what, at, spec, reason, more] of rows) {
    it(what, () => {
      const look = ask(at, spec, more);
      assert.equal(look.kind === 'Closed' ? look.reason : 'open', reason);
    });
  }

  it('names the freeze that could be lifted', () => {
    for (const at of ['2026-12-24T23:00:00+01:00', '2026-12-19T23:55:00+01:00']) {
      const look = ask(at, YEAR_END);
      assert.equal(look.kind === 'Closed' && look.freeze, 'year-end');
    }
    const look = ask('2026-11-26T12:00:00+01:00', YEAR_END);
    assert.equal('freeze' in look, false);
  });

  it('names the opening, so that other regions can be kept out of it', () => {
    const look = ask('2026-11-26T01:00:00+01:00', { windows: [NIGHTLY] });
    assert.equal(look.kind === 'Open' && look.opening, EAST_HAD_IT[0]);
  });
});

describe('whatever the calendar', () => {
  const ZONES = [BERLIN, 'America/New_York', 'Australia/Lord_Howe', 'UTC'];
  const formats = new Map(
    ZONES.map((timeZone) => [
      timeZone,
      new Intl.DateTimeFormat('en-CA', {
        ...{ timeZone, weekday: 'short', hourCycle: 'h23', year: 'numeric', month: '2-digit' },
        ...{ day: '2-digit', hour: '2-digit', minute: '2-digit' },
      }),
    ]),
  );
  const zone = fc.constantFrom(...ZONES);
  const time = fc.record({
    days: fc.subarray(EVERY_DAY, { minLength: 1 }),
    start: fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30'))
      .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`),
    durationMinutes: fc.integer({ min: 1, max: 1440 }),
    timeZone: zone,
  });
  const date = fc.integer({ min: 0, max: 700 });
  const dayText = (days: number) =>
    new Date(Date.parse('2026-01-01') + days * 24 * 60 * MINUTE).toISOString().slice(0, 10);
  const frozen = fc
    .tuple(date, fc.integer({ min: 0, max: 30 }), fc.constantFrom('Once', 'Year'), zone)
    .map(([from, length, every, timeZone]) => {
      return freeze(dayText(from), dayText(from + length), { every, timeZone });
    });
  const spec = fc
    .record({
      windows: fc.array(time, { maxLength: 3 }),
      onCall: fc.array(time, { maxLength: 2 }),
      freezes: fc.array(frozen, { maxLength: 2 }),
    })
    .map(({ windows, onCall, freezes }) => ({
      windows: windows.map((entry, index) => ({ name: `w${index}`, ...entry })),
      onCall,
      freezes: freezes.map((entry, index) => ({ ...entry, name: `f${index}` })),
      regionsTogether: false,
    }));
  const nowMs = fc.integer({ min: 0, max: 700 * 24 * 60 }).map((m) => {
    return Date.parse('2026-01-01') + m * MINUTE;
  });
  const expectedMs = fc.integer({ min: 1, max: 600 }).map((minutes) => minutes * MINUTE);
  const situation = fc.record({ spec, nowMs, expectedMs });
  const question = (given: { spec: object; expectedMs: number }): WindowQuestion => ({
    policy: given.spec as Calendar,
    ...{ region: 'east', lifted: [], taken: [], expectedMs: given.expectedMs },
  });

  /** What Intl itself says of a moment: local weekday, minute of the day and date. */
  function local(ms: number, timeZone: string) {
    const parts = formats.get(timeZone)?.formatToParts(ms) ?? [];
    const part = (type: string) => parts.find((entry) => entry.type === type)?.value ?? '';
    const date = `${part('year')}-${part('month')}-${part('day')}`;
    return { date, day: part('weekday').slice(0, 3), time: `${part('hour')}:${part('minute')}` };
  }

  const opensAt = (ms: number, { days, start, timeZone }: Calendar['onCall'][number]) => {
    const { day, time } = local(ms, timeZone);
    return time === start && days.includes(day as 'Mon');
  };

  /** Whether the clocks jumped over the start in this minute. */
  const jumpsTo = (ms: number, { days, start, timeZone }: Calendar['onCall'][number]) => {
    const [before, after] = [local(ms - MINUTE, timeZone), local(ms, timeZone)];
    return days.includes(after.day as 'Mon') && before.time < start && after.time > start;
  };

  /** A slow second opinion: walks back minute by minute to where the hours have opened. */
  function inHours(ms: number, hours: Calendar['onCall'][number]): boolean {
    const { durationMinutes } = hours;
    for (let minutes = 0; minutes < durationMinutes; minutes++) {
      const at = ms - minutes * MINUTE;
      const again = opensAt(at - 60 * MINUTE, hours) || opensAt(at - 30 * MINUTE, hours);
      if ((opensAt(at, hours) && !again) || jumpsTo(at, hours)) return true;
    }
    return false;
  }

  function inFreeze(ms: number, { from, to, every, timeZone }: Calendar['freezes'][number]) {
    const { date } = local(ms, timeZone);
    if (every === 'Once') return from <= date && date <= to;
    const [first, last, day] = [from, to, date].map((text) => text.slice(5)) as [
      string,
      string,
      string,
    ];
    return first <= last ? first <= day && day <= last : day >= first || day <= last;
  }

  function mayWork(ms: number, { windows, onCall, freezes }: Calendar): boolean {
    return (
      (windows.length === 0 || windows.some((entry) => inHours(ms, entry))) &&
      (onCall.length === 0 || onCall.some((entry) => inHours(ms, entry))) &&
      !freezes.some((entry) => inFreeze(ms, entry))
    );
  }

  it('a node that starts when told so is within it from its first minute to its last', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const asked = question(given);
        const look = lookAtWindow(given.nowMs, asked);
        if (look.kind === 'Closed') return;
        const last = given.nowMs + given.expectedMs;
        for (const at of [given.nowMs, (given.nowMs + last) / 2, last - MINUTE]) {
          const minute = Math.floor(at / MINUTE) * MINUTE;
          assert.ok(mayWork(minute, asked.policy), new Date(minute).toISOString());
        }
        if (look.closesAt) assert.ok(last <= Date.parse(look.closesAt));
      }),
      { numRuns: 60 },
    );
  });

  it('`until` is open, and no moment before is', () => {
    fc.assert(
      fc.property(situation, fc.double({ min: 0, max: 0.999, noNaN: true }), (given, part) => {
        const asked = question(given);
        const look = lookAtWindow(given.nowMs, asked);
        if (look.kind === 'Open' || !look.until) return;
        const until = Date.parse(look.until);
        assert.ok(until > given.nowMs);
        assert.equal(lookAtWindow(until, asked).kind, 'Open');
        const between = given.nowMs + Math.floor((until - given.nowMs) * part);
        for (const at of [between, until - 1]) {
          const again = lookAtWindow(at, asked);
          assert.equal(again.kind === 'Closed' && again.until, look.until);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('it opens whenever a node would fit, says the second opinion', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const asked = question({ ...given, expectedMs: MINUTE });
        const look = lookAtWindow(given.nowMs, asked);
        assert.equal(look.kind === 'Open', mayWork(given.nowMs, asked.policy));
      }),
      { numRuns: 60 },
    );
  });

  it('no opening that another region has had is named', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const asked = question(given);
        const look = lookAtWindow(given.nowMs, asked);
        if (look.kind === 'Closed' || !look.opening) return;
        const again = lookAtWindow(given.nowMs, { ...asked, taken: [look.opening] });
        assert.ok(again.kind === 'Closed' || again.opening !== look.opening);
      }),
      { numRuns: 60 },
    );
  });
});
