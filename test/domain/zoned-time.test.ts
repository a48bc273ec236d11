/** Wall times of three zones whose clocks change by an hour or by half of one, and back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clockOf, isTimeZone, offsetsOf } from '../../workflows/domain/zoned-time.ts';

const wall = (text: string) => Date.parse(`${text}:00Z`);
const utc = (ms: number) => new Date(ms).toISOString().replace(':00.000Z', 'Z');

describe('the moment of a wall time', () => {
  const rows: [zone: string, what: string, wall: string, instant: string, stamp: string][] = [
    ['UTC', 'any', '2026-11-25T22:00', '2026-11-25T22:00Z', '2026-11-25T22:00:00+00:00'],
    [
      'Europe/Berlin',
      'winter',
      '2026-11-25T22:00',
      '2026-11-25T21:00Z',
      '2026-11-25T22:00:00+01:00',
    ],
    [
      'Europe/Berlin',
      'summer',
      '2026-07-01T22:00',
      '2026-07-01T20:00Z',
      '2026-07-01T22:00:00+02:00',
    ],
    [
      'Europe/Berlin',
      'before the gap',
      '2026-03-29T01:59',
      '2026-03-29T00:59Z',
      '2026-03-29T01:59:00+01:00',
    ],
    [
      'Europe/Berlin',
      'gap begins',
      '2026-03-29T02:00',
      '2026-03-29T01:00Z',
      '2026-03-29T03:00:00+02:00',
    ],
    [
      'Europe/Berlin',
      'in the gap',
      '2026-03-29T02:30',
      '2026-03-29T01:00Z',
      '2026-03-29T03:00:00+02:00',
    ],
    [
      'Europe/Berlin',
      'gap ends',
      '2026-03-29T03:00',
      '2026-03-29T01:00Z',
      '2026-03-29T03:00:00+02:00',
    ],
    [
      'Europe/Berlin',
      'twice: the first',
      '2026-10-25T02:30',
      '2026-10-25T00:30Z',
      '2026-10-25T02:30:00+02:00',
    ],
    [
      'Europe/Berlin',
      'after both',
      '2026-10-25T03:00',
      '2026-10-25T02:00Z',
      '2026-10-25T03:00:00+01:00',
    ],
    [
      'America/New_York',
      'in the gap',
      '2026-03-08T02:15',
      '2026-03-08T07:00Z',
      '2026-03-08T03:00:00-04:00',
    ],
    [
      'America/New_York',
      'twice: the first',
      '2026-11-01T01:30',
      '2026-11-01T05:30Z',
      '2026-11-01T01:30:00-04:00',
    ],
    [
      'America/New_York',
      'after both',
      '2026-11-01T02:00',
      '2026-11-01T07:00Z',
      '2026-11-01T02:00:00-05:00',
    ],
    [
      'Australia/Lord_Howe',
      'winter',
      '2026-07-01T22:00',
      '2026-07-01T11:30Z',
      '2026-07-01T22:00:00+10:30',
    ],
    [
      'Australia/Lord_Howe',
      'in the half hour',
      '2026-10-04T02:15',
      '2026-10-03T15:30Z',
      '2026-10-04T02:30:00+11:00',
    ],
    [
      'Australia/Lord_Howe',
      'twice: the first',
      '2026-04-05T01:45',
      '2026-04-04T14:45Z',
      '2026-04-05T01:45:00+11:00',
    ],
    [
      'Australia/Lord_Howe',
      'after both',
      '2026-04-05T02:00',
      '2026-04-04T15:30Z',
      '2026-04-05T02:00:00+10:30',
    ],
    [
      'Asia/Kolkata',
      'half an hour off',
      '2026-11-25T22:00',
      '2026-11-25T16:30Z',
      '2026-11-25T22:00:00+05:30',
    ],
    [
      'Pacific/Apia',
      'a day that was left out',
      '2011-12-30T12:00',
      '2011-12-30T10:00Z',
      '2011-12-31T00:00:00+14:00',
    ],
    [
      'Africa/Cairo',
      'midnight in the gap',
      '2026-04-24T00:00',
      '2026-04-23T22:00Z',
      '2026-04-24T01:00:00+03:00',
    ],
  ];
  for (const [zone, what, given, instant, stamp] of rows) {
    it(`${zone}, ${what}: ${given}`, () => {
      const clock = clockOf(zone);
      const at = clock.instantOf(wall(given));
      assert.equal(utc(at), instant);
      assert.equal(clock.stamp(at), stamp);
      assert.equal(Date.parse(stamp), at);
    });
  }

  const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Chatham'];
  const at = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2035-01-01') });

  it('is shown by the clocks then, and never before', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), at, (zone, ms) => {
        const clock = clockOf(zone);
        const shown = clock.wallAt(ms);
        const first = clock.instantOf(shown);
        assert.equal(clock.wallAt(first), shown);
        assert.ok(first <= ms);
      }),
    );
  });

  it('of a skipped time is where the clocks jump past it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), at, (zone, given) => {
        const clock = clockOf(zone);
        const first = clock.instantOf(given);
        if (clock.wallAt(first) === given) return;
        assert.ok(clock.wallAt(first) > given && clock.wallAt(first - 1) < given);
      }),
    );
  });
});

describe('zones', () => {
  it('are names of the tz database', () => {
    const rows: [string, boolean][] = [
      ['Europe/Berlin', true],
      ['UTC', true],
      ['Mars/Olympus', false],
      ['+02:00', false],
      ['', false],
    ];
    for (const [name, known] of rows) assert.equal(isTimeZone(name), known, name);
  });

  it('that do not exist have no clocks', () => {
    assert.throws(() => offsetsOf('Mars/Olympus'), RangeError);
    assert.throws(() => clockOf('Mars/Olympus'), RangeError);
  });
});
