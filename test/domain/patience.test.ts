import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  freeInMs,
  judgePatience,
  leaseAgainMs,
  lookAgainMs,
  type PatienceInput,
} from '../../workflows/domain/patience.ts';

const kured = { node: 'east-1', reason: 'kured works on it' };
const sick = { reason: 'Deployment shop/web has 5 of 6 pods ready' };
const base: PatienceInput = {
  waiting: ['east-1', 'east-2'],
  holds: [kured],
  since: {},
  nowMs: 100_000,
  limitMs: 60_000,
};

describe('judgePatience', () => {
  it('begins to count when a hold is first seen', () => {
    const answer = judgePatience(base);
    assert.deepEqual(answer, { since: { 'east-1': 100_000 }, overdue: [], stop: '' });
  });

  it('gives up on a node after the limit, and not before', () => {
    const at = (begun: number) => judgePatience({ ...base, since: { 'east-1': begun } });
    assert.deepEqual(at(40_001).overdue, []);
    assert.deepEqual(at(40_000).overdue, [
      { node: 'east-1', reason: 'held back for more than 60 s: kured works on it' },
    ]);
  });

  it('counts anew once a node was not held', () => {
    const free = judgePatience({ ...base, holds: [], since: { 'east-1': 50_000 } });
    assert.deepEqual(free.since, {});
  });

  it('stops where all nodes are held for too long', () => {
    const answer = judgePatience({ ...base, holds: [sick, kured], since: { '': 0 } });
    assert.match(answer.stop, /held back for more than 60 s: Deployment shop\/web/);
    assert.deepEqual(answer.overdue, []);
  });

  it('says of a node that is held for two reasons once that it is overdue', () => {
    const holds = [kured, { node: 'east-1', reason: 'a CronJob fires' }];
    const { overdue } = judgePatience({ ...base, holds, since: { 'east-1': 0 } });
    assert.equal(overdue.length, 1);
  });

  it('knows nothing of nodes that do not wait', () => {
    const answer = judgePatience({ ...base, waiting: ['east-2'], since: { 'east-1': 0 } });
    assert.deepEqual(answer, { since: {}, overdue: [], stop: '' });
  });
});

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
/** Most events of history that a look or a try at a Lease was seen to cost. */
const EVENTS = 12;

/** How often something is looked at within a time. */
function looksWithin(ms: number, again: (look: number, passedMs: number) => number): number {
  let looks = 0;
  for (let passed = 0; passed < ms; passed += again(looks, passed)) looks += 1;
  return looks;
}

const NEVER = Number.POSITIVE_INFINITY;
const idleWave = { held: false, inWork: false, long: false, freeInMs: NEVER };

describe('lookAgainMs', () => {
  const at = (idle: number, change: object = {}) =>
    lookAgainMs({ ...idleWave, idle, ...change }) / SECOND;
  const five = (change: object) => [1, 2, 3, 4, 9].map((idle) => at(idle, change));

  it('is seldomer the longer nothing happens', () => {
    assert.deepEqual(five({ held: true }), [2, 4, 8, 16, 60]);
    assert.deepEqual(five({}), [10, 20, 40, 60, 60]);
    assert.deepEqual(five({ inWork: true }), [60, 120, 240, 300, 300]);
    assert.equal(at(0, { held: true }), 2);
  });

  it('is when a hold ends by its own word, unless that is further off than the next look', () => {
    const held = (idle: number, seconds: number) =>
      at(idle, { held: true, freeInMs: seconds * SECOND });
    assert.deepEqual([held(5, 4), held(5, 32), held(5, 33), held(5, 3600)], [4, 32, 32, 32]);
    assert.equal(held(5, 0.5), 2, 'not in haste');
  });

  it('keeps a node that is in work for a month from using up the history of its wave', () => {
    for (const held of [true, false]) {
      const looks = looksWithin(30 * DAY, (idle) =>
        lookAgainMs({ ...idleWave, held, inWork: true, idle, long: idle * EVENTS > 4096 }),
      );
      assert.ok(looks * EVENTS < 20_000, `${looks} looks`);
    }
  });
});

describe('freeInMs', () => {
  const at = (second: number) => ({ until: new Date(second * SECOND).toISOString() });

  it('is the time to the first end that is still to come, and a second, since clocks differ', () => {
    assert.equal(freeInMs([{}, at(130), at(110), at(90)], 100 * SECOND), 11 * SECOND);
    assert.equal(freeInMs([{}, at(90), at(100)], 100 * SECOND), SECOND);
    assert.equal(freeInMs([{}, at(90), at(99)], 100 * SECOND), NEVER);
    assert.equal(freeInMs([], 100 * SECOND), NEVER);
  });
});

describe('leaseAgainMs', () => {
  it('is a twentieth of what was waited, from ten seconds to a quarter of an hour', () => {
    assert.deepEqual(
      [0, 200, 201, 3600, 6 * 3600].map((s) => leaseAgainMs(s * SECOND) / SECOND),
      [10, 10, 10.05, 180, 900],
    );
  });

  it('makes less than 10,000 events of a week', () => {
    const tries = looksWithin(7 * DAY, (_, passed) => leaseAgainMs(passed));
    assert.ok(tries * EVENTS < 10_000, `${tries} tries`);
  });
});
