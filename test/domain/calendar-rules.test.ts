/** What is refused of a policy's calendar, and what a plan warns of. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDocument } from '../../workflows/domain/documents.ts';
import { type Disruption, policySchema } from '../../workflows/domain/spec.ts';
import { windowWarnings } from '../../workflows/domain/window-warnings.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

const timeZone = 'Europe/Berlin';
const window = (days: string[], durationMinutes: number, more: object = {}) => ({
  ...{ name: 'nightly', days, start: '22:00', durationMinutes, timeZone },
  ...more,
});
const freeze = (from: string, to: string, more: object = {}) => ({
  ...{ name: 'year-end', reason: 'Christmas trade', from, to, timeZone },
  ...more,
});
const EVERY_DAY = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function problemsOf(spec: object): string[] {
  const answer = parseDocument('Policy', { ...policy, spec: { ...policy.spec, ...spec } });
  return answer.kind === 'Valid' ? [] : answer.problems.map((p) => `${p.path}: ${p.message}`);
}

describe('a calendar', () => {
  const rows: [what: string, spec: object, problems: string[]][] = [
    ['of nothing', {}, []],
    ['open all day', { windows: [window(EVERY_DAY, 1440)] }, []],
    ['open all week', { windows: [window(['Sat'], 10_080)] }, []],
    [
      'open longer than a day each day',
      { windows: [window(EVERY_DAY, 1441)] },
      [
        'spec.windows[0].durationMinutes: 1441 is more than the 1440 until it opens the next time; say at most 1440, or fewer days',
      ],
    ],
    ['open from Sunday to beyond Monday', { windows: [window(['Sun', 'Wed'], 4320)] }, []],
    [
      'open from Saturday to beyond Sunday',
      { windows: [window(['Sun', 'Sat'], 1500)] },
      [
        'spec.windows[0].durationMinutes: 1500 is more than the 1440 until it opens the next time; say at most 1440, or fewer days',
      ],
    ],
    [
      'two windows of one name',
      { windows: [window(['Mon'], 60), window(['Tue'], 60)] },
      ['spec.windows[1].name: "nightly" is here twice'],
    ],
    [
      'two freezes of one name',
      { freezes: [freeze('2026-01-01', '2026-01-02'), freeze('2026-02-01', '2026-02-02')] },
      ['spec.freezes[1].name: "year-end" is here twice'],
    ],
    [
      'a freeze that ends first',
      { freezes: [freeze('2026-12-20', '2026-12-19')] },
      ['spec.freezes[0].to: 2026-12-19 is before spec.freezes[0].from 2026-12-20'],
    ],
    ['a freeze of one day', { freezes: [freeze('2026-12-20', '2026-12-20')] }, []],
    ['a freeze of years', { freezes: [freeze('2026-12-20', '2029-01-01')] }, []],
    [
      'a freeze over New Year, written the wrong way',
      { freezes: [freeze('2026-12-20', '2026-01-03', { every: 'Year' })] },
      [
        'spec.freezes[0].to: 2026-01-03 is before spec.freezes[0].from 2026-12-20; over New Year it is a day of the next year',
      ],
    ],
    [
      'over New Year, almost a year',
      { freezes: [freeze('2026-12-20', '2027-12-19', { every: 'Year' })] },
      [],
    ],
    [
      'a freeze that meets itself',
      { freezes: [freeze('2026-12-20', '2027-12-20', { every: 'Year' })] },
      [
        'spec.freezes[0].to: 2027-12-20 is a year or more after spec.freezes[0].from 2026-12-20: with every Year it would never end',
      ],
    ],
    [
      'a zone that is none',
      { windows: [window(['Mon'], 60, { timeZone: 'Europe/Bonn' })] },
      ['spec.windows[0].timeZone: an IANA time zone such as "Europe/Berlin"'],
    ],
    [
      'a day that is none',
      { freezes: [freeze('2027-02-29', '2027-03-01')] },
      ['spec.freezes[0].from: expected a day such as "2026-12-20", found "2027-02-29"'],
    ],
  ];
  for (const [what, spec, problems] of rows) {
    it(what, () => assert.deepEqual(problemsOf(spec), problems));
  }
});

describe('a plan', () => {
  const NOW = Date.parse('2026-11-25T12:00:00Z');
  const warn = (spec: object, disruption: Disruption = 'Drain') =>
    windowWarnings(
      planOf({
        count: 2,
        disruption,
        policy: policySchema.parse({ ...policy, spec: { ...policy.spec, ...spec } }),
      }),
      NOW,
    );

  it('that will fit some day is no matter', () => {
    assert.deepEqual(warn({}), []);
    assert.deepEqual(warn({ windows: [window(['Mon'], 2)] }), []);
    assert.deepEqual(warn({ windows: [window(['Mon'], 4)] }, 'Reboot'), []);
  });

  it('that would wait for ever is told before it is approved', () => {
    assert.deepEqual(warn({ windows: [window(['Mon'], 3)] }, 'Reboot'), [
      'region east: no node will ever start, and the rollout waits for it: a node is expected to take 4 min, and the longest time for one within 400 days is 3 min (window "nightly"): it never fits (a node of disruption Reboot takes about 4 min)',
    ]);
    assert.deepEqual(warn({ windows: [window(['Mon'], 60, { regions: ['west'] })] }), [
      'region east: no node will ever start, and the rollout waits for it: no window is for region east, of "nightly" (a node of disruption Drain takes about 2 min)',
    ]);
    const onCall = [{ days: ['Tue'], start: '09:00', durationMinutes: 60, timeZone }];
    assert.match(warn({ windows: [window(['Mon'], 60)], onCall })[0] ?? '', /nobody is on call/);
  });
});
