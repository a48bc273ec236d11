/** What the gauges say of what runs: a table, and nothing that is left standing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type RunningWorkflow,
  showRollouts,
  type Wait,
  waitingRollouts,
} from '../../worker/rollout-gauges.ts';
import { KeptInstruments } from './kit.ts';

function rollout(phase: string, more: Partial<RunningWorkflow> = {}): RunningWorkflow {
  return {
    ...{ workflowId: 'rollout/patch', runId: `run-${phase}`, type: 'rolloutWorkflow' },
    ...{ rollout: 'patch', phase, startedAtMs: 0, waitingFor: '', asksPeople: false, ...more },
  };
}

function node(name: string, more: Partial<RunningWorkflow> = {}): RunningWorkflow {
  const workflowId = `node/east/${name}`;
  return rollout('', { workflowId, runId: `run-${name}`, type: 'nodeWorkflow', ...more });
}

const waitsOf = (...running: RunningWorkflow[]) => waitingRollouts(running).map(({ wait }) => wait);

describe('what a rollout waits for', () => {
  const paused = { asksPeople: true, waitingFor: 'somebody to resume it (paused by ada)' };
  const table: readonly [RunningWorkflow, Wait | undefined][] = [
    [rollout('AwaitingApproval', { asksPeople: true, waitingFor: 'approval of x' }), 'approval'],
    [rollout('AwaitingWindow', { waitingFor: 'nightly to open' }), 'window'],
    [rollout('AwaitingLease', { waitingFor: 'LeaseHeld' }), 'lease'],
    [rollout('Soaking', { waitingFor: 'the soak of canary to end' }), 'judgement'],
    [rollout('Wave', paused), 'person'],
    [rollout('Soaking', paused), 'person'],
    [rollout('AwaitingWindow', paused), 'person'],
    [rollout('AwaitingLease', paused), 'person'],
    [rollout('RollingBack', { waitingFor: 'wave-1 of an earlier run to end' }), 'other'],
    [rollout('Wave'), undefined],
    [rollout('Canary'), undefined],
    [rollout('Planning'), undefined],
    [rollout(''), undefined],
  ];
  for (const [entry, wait] of table) {
    it(`${entry.phase || 'no phase yet'}, "${entry.waitingFor}": ${wait ?? 'nothing'}`, () => {
      assert.deepEqual(waitsOf(entry), wait ? [wait] : []);
    });
  }

  it('is a person where one of its nodes asks, and its alone', () => {
    const asks = node('east-1', { asksPeople: true });
    assert.deepEqual(waitsOf(rollout('Wave'), asks), ['person']);
    assert.deepEqual(waitsOf(rollout('Wave', { rollout: 'other' }), asks), []);
    assert.deepEqual(waitsOf(rollout('Soaking'), asks), ['judgement'], 'counted once');
  });
});

describe('the gauges', () => {
  const nowMs = 1_000_000;
  const clusters = ['east', 'west'];

  it('count rollouts by phase, nodes by cluster, ledgers, and the longest of each wait', () => {
    const to = new KeptInstruments();
    const running = [
      rollout('Wave'),
      rollout('AwaitingApproval'),
      rollout('AwaitingApproval', { runId: 'second' }),
      rollout('', { runId: 'third' }),
      node('east-1', { startedAtMs: 400_000 }),
      node('east-2', { startedAtMs: 900_000 }),
      rollout('', { workflowId: 'ledger/patch', type: 'ledgerWorkflow' }),
    ];
    const waiting = [
      { workflowId: 'a', runId: 'a', wait: 'approval', sinceMs: 700_000 },
      { workflowId: 'b', runId: 'b', wait: 'approval', sinceMs: 200_000 },
    ] as const;
    showRollouts(to, { running, waiting, clusters, nowMs });
    assert.deepEqual(to.of('tidegate_rollouts'), {
      'phase=Wave': 1,
      'phase=AwaitingApproval': 2,
      'phase=Planning': 1,
    });
    assert.deepEqual(to.of('tidegate_rollouts_waiting'), { 'for=approval': 2 });
    assert.deepEqual(to.of('tidegate_oldest_wait_seconds'), { 'for=approval': 800 });
    assert.deepEqual(to.of('tidegate_nodes_in_work'), { 'cluster=east': 2 });
    assert.deepEqual(to.of('tidegate_oldest_node_seconds'), { 'cluster=east': 600 });
    assert.deepEqual(to.of('tidegate_ledger_pending'), { '': 1 });
    assert.deepEqual(to.of('tidegate_temporal_seen_timestamp_seconds'), { '': 1000 });
  });

  it('fall back to 0 when everything has ended', () => {
    const to = new KeptInstruments();
    const running = [rollout('Wave'), node('east-1')];
    const waiting = [{ workflowId: 'a', runId: 'a', wait: 'lease', sinceMs: 0 }] as const;
    showRollouts(to, { running, waiting, clusters, nowMs });
    const before = [...to.values.keys()];
    showRollouts(to, { running: [], waiting: [], clusters, nowMs });
    assert.deepEqual([...to.values.keys()], before);
    const left = [...to.values].filter(([, value]) => value !== 0);
    assert.deepEqual(left, [['tidegate_temporal_seen_timestamp_seconds{}', 1000]]);
  });

  it('never say that something has waited for less than no time', () => {
    const to = new KeptInstruments();
    const ahead = node('east-1', { startedAtMs: nowMs + 5000 });
    showRollouts(to, { running: [ahead], waiting: [], clusters, nowMs });
    assert.equal(to.values.get('tidegate_oldest_node_seconds{cluster=east}'), 0);
  });
});
