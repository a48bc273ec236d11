/** When the calendar first lets a plan begin. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstOpening } from '../../workflows/domain/first-opening.ts';
import { type Policy, policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

/** A Wednesday, an hour before midnight in Berlin. */
const NOW = Date.parse('2026-11-25T22:00:00Z');
const hours = { start: '22:00', durationMinutes: 240, timeZone: 'Europe/Berlin' };
const nightly = (days: string[], more: object = {}) => ({
  windows: [{ name: 'nightly', days, ...hours, ...more }],
});

describe('the first opening of a plan', () => {
  const rows: [what: string, spec: object, opens: string | undefined][] = [
    ['is now without a calendar', {}, undefined],
    ['is now within a window', nightly(['Wed']), undefined],
    ['is that of the next window', nightly(['Mon']), '2026-11-30T21:00:00.000Z'],
    [
      'comes after the notice period',
      { ...nightly(['Wed', 'Sat']), notices: { leadSeconds: 86_400 } },
      '2026-11-28T21:00:00.000Z',
    ],
    ['counts for the region of the first wave', nightly(['Wed'], { regions: ['west'] }), undefined],
  ];
  for (const [what, spec, opens] of rows) {
    it(what, () => {
      const full: Policy = policySchema.parse({ ...policy, spec: { ...policy.spec, ...spec } });
      const found = firstOpening(planOf({ count: 2, disruption: 'Drain', policy: full }), NOW);
      assert.equal(found && new Date(found).toISOString(), opens);
    });
  }
});
