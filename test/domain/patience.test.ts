import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgePatience, type PatienceInput } from '../../workflows/domain/patience.ts';

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
