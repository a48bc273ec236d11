/** Who may lift a freeze, and how much of its turn a node still needs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasCalendar, judgeOverride, restOfTurnMs } from '../../workflows/domain/freezes.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { policy } from '../workflows/fixtures.ts';

const timeZone = 'Europe/Berlin';
const freeze = { reason: 'Christmas trade', from: '2026-12-20', to: '2027-01-03', timeZone };
const spec = (more: object = {}) =>
  policySchema.parse({
    ...policy,
    spec: {
      ...policy.spec,
      people: [
        { name: 'Ada', roles: ['duty-manager', 'sre'] },
        { name: 'bo', roles: ['sre'] },
      ],
      freezes: [
        { ...freeze, name: 'year-end', overrideRoles: ['duty-manager', 'cto'] },
        { ...freeze, name: 'open' },
      ],
      ...more,
    },
  }).spec;

describe('a freeze is lifted', () => {
  const asked = { by: 'ada', freeze: 'year-end', reason: 'exploited' };
  const standing = { policy: spec(), requestedBy: 'platform-oncall', lifted: [] };
  const rows: [what: string, change: object, where: object, reasons: string[]][] = [
    ['by who has one of its roles', {}, {}, []],
    ['by anybody, where it names none', { by: 'zoe', freeze: 'open' }, {}, []],
    [
      'not by others',
      { by: 'bo' },
      {},
      ['bo has the roles sre in the policy, and this takes one of duty-manager, cto'],
    ],
    [
      'not by strangers',
      { by: 'zoe' },
      {},
      ['zoe has no role in the policy, and this takes one of duty-manager, cto'],
    ],
    ['not by nobody', { by: ' ' }, {}, ['"by" must be the name of the person who asks']],
    [
      'not by who requested the rollout',
      {},
      { requestedBy: 'ADA ' },
      ['ada requested this rollout, and the policy asks for somebody else'],
    ],
    [
      'by who requested it, where the policy lets him',
      {},
      { requestedBy: 'ada', policy: spec({ approval: { requesterMayApprove: true } }) },
      [],
    ],
    [
      'not without a reason',
      { reason: '  ' },
      {},
      ['"reason" must say why the freeze does not count for this rollout'],
    ],
    [
      'not where there is none of that name',
      { freeze: 'easter' },
      {},
      ['the policy has no freeze "easter"; its freezes are "year-end", "open"'],
    ],
    ['not twice', {}, { lifted: ['year-end'] }, ['freeze "year-end" is lifted already']],
    ['not before there is a plan', {}, { policy: undefined }, ['there is no plan yet']],
    [
      'not where the policy is of an older release',
      {},
      { policy: {} },
      ['the policy has no freeze "year-end"'],
    ],
  ];
  for (const [what, change, where, reasons] of rows) {
    it(what, () => {
      const { policy: given, ...rest } = { ...standing, ...where };
      const found = { ...rest, ...(given ? { policy: given } : {}) };
      assert.deepEqual(judgeOverride({ ...asked, ...change }, found), reasons);
    });
  }
});

describe('a calendar', () => {
  it('is there where the policy says something of time', () => {
    const nightly = { name: 'n', days: ['Mon'], start: '22:00', durationMinutes: 60, timeZone };
    const { name: _, ...shift } = nightly;
    assert.equal(hasCalendar(spec()), true);
    assert.equal(hasCalendar(spec({ freezes: [], windows: [nightly] })), true);
    assert.equal(hasCalendar(spec({ freezes: [], onCall: [shift] })), true);
    assert.equal(hasCalendar(spec({ freezes: [] })), false);
    assert.equal(hasCalendar({}), false);
  });
});

describe('the rest of a turn', () => {
  const rows: [turnMs: number, elapsedMs: number, restMs: number][] = [
    [120, 0, 120],
    [120, 20, 100],
    [120, 60, 60],
    [120, 3600, 60],
    [3, 3, 2],
  ];
  for (const [turnMs, elapsedMs, restMs] of rows) {
    it(`of ${turnMs} after ${elapsedMs} is ${restMs}`, () =>
      assert.equal(restOfTurnMs(turnMs, elapsedMs), restMs));
  }

  it('fits where the whole turn did and the node has not waited', () => {
    for (let elapsed = 0; elapsed <= 60; elapsed++) {
      assert.ok(elapsed + restOfTurnMs(120, elapsed) <= 120);
    }
  });
});
