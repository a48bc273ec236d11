import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODE_PHASES } from '../../workflows/contract.ts';
import type { Fault } from './fault.ts';
import { FAULTS } from './faults.ts';
import { spread, takesApiAway } from './order.ts';
import { draw } from './seed.ts';
import { type CaseRow, chaosReport, holds, struck, sumOf } from './table.ts';

describe('the catalogue of faults', () => {
  it('has at least forty points, each with a name of its own', () => {
    const ids = FAULTS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.length >= 40, `${ids.length}`);
    // Together with "chaos-" it is the name of a rollout.
    for (const id of ids) assert.match(id, /^[a-z0-9-]{1,57}$/);
  });

  it('kills the worker in every phase in which a node is in work', () => {
    const last = NODE_PHASES.indexOf('Updated');
    const inWork = NODE_PHASES.slice(1, last);
    const text = FAULTS.filter(({ id }) => id.startsWith('kill-'))
      .map(({ does, moment }) => `${does} ${moment.phase}`)
      .join('\n');
    for (const phase of inWork) assert.ok(text.includes(phase), phase);
  });

  it('kills the worker in every undo of a node', () => {
    const undos = FAULTS.filter(
      ({ id, moment }) => moment.phase === 'Unwinding' && id.startsWith('kill-'),
    );
    const names = new Set(undos.map(({ moment }) => moment.step));
    assert.deepEqual([...names].sort(), ['release', 'revert', 'uncordon', 'unstage']);
  });

  it('lets people interrupt, end and outwait a rollout, and replaces its orchestrator', () => {
    const ids = FAULTS.map(({ id }) => id);
    const kinds = ['cancel-', 'stop-', 'rollback-', 'terminate-', 'newer-build-', 'build-back-'];
    for (const kind of kinds)
      assert.ok(
        ids.some((id) => id.startsWith(kind)),
        kind,
      );
    assert.ok(FAULTS.some(({ nodes }) => nodes === 2));
    assert.ok(FAULTS.some(({ jobs, harmsPods }) => jobs === 'Kept' && !harmsPods));
  });

  it('takes a rollout that was terminated up again', () => {
    for (const { id, ends, again } of FAULTS) {
      if (ends === 'Terminated') assert.ok(again, id);
    }
  });

  it('is struck in an order that leaves clients of the API server time between its deaths', () => {
    const ordered = spread(FAULTS);
    const ids = (faults: readonly Fault[]) => faults.map(({ id }) => id).sort();
    assert.deepEqual(ids(ordered), ids(FAULTS));
    const deaths = ordered.flatMap((fault, index) => (takesApiAway(fault) ? [index] : []));
    assert.ok(deaths.length >= 6, `${deaths}`);
    for (const [index, at] of deaths.entries()) {
      const before = deaths[index - 1];
      assert.ok(before === undefined || at - before >= 5, `${deaths}`);
    }
  });

  it('has a quick set that strikes different things', () => {
    const quick = FAULTS.filter((fault) => fault.quick);
    assert.ok(quick.length >= 4 && quick.length <= 8);
    assert.ok(new Set(quick.map(({ does }) => does)).size >= 4);
  });
});

describe('the delays', () => {
  it('are the same for the same seed, and others for another', () => {
    const drawn = (seed: number) => FAULTS.map(({ id }) => draw(seed, id, [0, 1000]));
    assert.deepEqual(drawn(1), drawn(1));
    assert.notDeepEqual(drawn(1), drawn(2));
  });

  it('are spread over their range, ends included', () => {
    const drawn = Array.from({ length: 400 }, (_, seed) => draw(seed, 'x', [5, 8]));
    assert.deepEqual([...new Set(drawn)].sort(), [5, 6, 7, 8]);
    assert.equal(draw(1, 'x', [0, 0]), 0);
  });
});

describe('the table', () => {
  const row: CaseRow = {
    fault: 'kill-in-apply',
    does: 'worker killed (-9)',
    moment: 'Applying +7 ms',
    node: 'east-1',
    outcome: 'Updated',
    reason: '',
    seconds: 12.34,
    aroundSeconds: 3,
    installs: 1,
    harm: undefined,
    gaps: 0,
    violations: [],
  };
  const look = { aligned: true, colour: false, width: 200, height: 24 };

  it('tells what was not seen, and violations with their text', () => {
    const bad = { ...row, fault: 'x', violations: ['east-1 half-done'] };
    const text = chaosReport([row, bad], 7, look);
    assert.match(text, /kill-in-apply +Applying \+7 ms +east-1 +Updated +12\.3 +1 +unseen/);
    assert.match(text, /x: VIOLATION east-1 half-done/);
    assert.match(text, /1 passed, 1 failed; 1 violations; 0.5 minutes; seed 7$/);
  });

  it('does not count a fault whose moment was missed', () => {
    const missed = { ...row, moment: 'MISSED Applying was not seen' };
    assert.equal(struck(missed), false);
    assert.match(sumOf([row, missed], 1), /^1 passed, 0 failed, 1 moments missed/);
    const counts = [holds([row, missed]), holds([row, missed, missed])];
    assert.deepEqual(counts, [true, false], 'a run that strikes too little shows nothing');
  });
});
