/** A rollout on the lab that people stop in each mode, skip nodes of and try again: what is left is what docs/control.md says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attempt } from '../../lab/run.ts';
import type { RolloutOutcome, StopMode } from '../../workflows/contract.ts';
import { NEW, OLD } from '../lab/activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  kubectl,
  rolloutTo,
  startApproved,
  untilNodePhase,
} from '../lab/rollout-kit.ts';

const fleet = aroundFleet({ batch: false });
const by = 'platform-oncall';

/** One node after the other, the canary among two of a wave; two waves of two. */
const strategy = {
  canary: { count: 1, soakSeconds: 1 },
  waves: { size: 2, soakSeconds: 1 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};

const document = (name: string, spec: object = {}) =>
  rolloutTo({ name, bundle: bundleTo(NEW, 'Drain'), strategy, spec });

/** The nodes that run the update and no others, all of them clean; no cluster is leased. */
async function assertLeft(updated: readonly string[]): Promise<void> {
  await assertNodes(updated, NEW);
  await assertNodes(
    ALL_NODES.filter((node) => !updated.includes(node)),
    OLD,
  );
  assert.equal((await kubectl('-n', 'tidegate', 'get', 'lease', '-o', 'name')).trim(), '');
}

const updatedOf = ({ nodes }: RolloutOutcome) =>
  nodes.filter(({ outcome }) => outcome === 'Updated').map(({ node }) => node);

/** Takes back what a test has left, for the next one to begin where the lab starts. */
async function takeBack(name: string): Promise<void> {
  const { started } = await fleet.client.rollback(name, { by });
  assert.ok(started);
  const view = await fleet.client.untilPlanned(started.rollout);
  await fleet.client.approve(started.rollout, {
    by: 'sre-lead',
    digest: view.status?.digest ?? '',
  });
  assert.equal((await fleet.client.waitFor(started.rollout)).outcome, 'Succeeded');
  await assertLeft([]);
}

/** Waits until the rollout is beyond its canary. */
async function untilWave(name: string, phase: string): Promise<string> {
  for (;;) {
    const { status } = await fleet.client.status(name);
    if (status?.phase === 'Wave') return await untilNodePhase(fleet.client, name, phase);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('a stop now', () => {
  for (const phase of ['Staging', 'Draining', 'Applying']) {
    it(`while a node is ${phase} puts it back`, async () => {
      const name = `now-${phase.toLowerCase()}`;
      const { outcome } = await startApproved(fleet.client, document(name));
      const node = await untilNodePhase(fleet.client, name, phase);
      await fleet.client.stop(name, { by, mode: 'Now', reason: 'smoke' });
      const ended = await outcome;
      assert.equal(ended.outcome, 'Halted');
      assert.deepEqual(ended.reasons, [`stopped by ${by}: smoke`]);
      const put = ended.nodes.map((entry) => [entry.node, entry.outcome, entry.reasons[0]]);
      assert.deepEqual(put, [[node, 'RolledBack', `stopped by ${by}: smoke`]]);
      assert.equal(ended.untouched.length, 4);
      await assertLeft([]);
    });
  }

  it('while a node is Verifying puts it back, unless it has passed before it hears of that', async () => {
    const name = 'now-verifying';
    const { outcome } = await startApproved(fleet.client, document(name));
    const node = await untilNodePhase(fleet.client, name, 'Verifying');
    await fleet.client.stop(name, { by, mode: 'Now' });
    const ended = await outcome;
    assert.equal(ended.outcome, 'Halted');
    const stands = ended.nodes[0]?.outcome === 'Updated';
    await assertLeft(stands ? [node] : []);
    if (stands) await takeBack(name);
  });

  it('while a node goes back leaves it updated', async () => {
    const name = 'now-back';
    const { outcome } = await startApproved(fleet.client, document(name));
    await untilWave(name, 'Applying');
    await fleet.client.rollback(name, { by: 'sre-lead' });
    for (;;) {
      const { status } = await fleet.client.status(name);
      if (status?.phase === 'RollingBack') break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await untilNodePhase(fleet.client, name, 'Applying');
    await fleet.client.stop(name, { by, mode: 'Now' });
    const ended = await outcome;
    assert.equal(ended.outcome, 'Halted', ended.reasons.join('; '));
    assert.match(ended.reasons.join('; '), /rolled back 0 of 2 nodes/);
    assert.equal(updatedOf(ended).length, 2);
    await assertLeft(updatedOf(ended));
    await takeBack(name);
  });
});

describe('a later stop', () => {
  const CASES: readonly [StopMode, number][] = [
    ['AfterNode', 2],
    ['AfterWave', 3],
  ];
  for (const [mode, count] of CASES) {
    it(`in mode ${mode} leaves ${count} nodes updated`, async () => {
      const name = `stop-${mode.toLowerCase()}`;
      const { outcome } = await startApproved(fleet.client, document(name));
      await untilWave(name, 'Draining');
      const option = mode === 'AfterNode' ? '--after-node' : '--after-wave';
      const sent = await attempt(['bin/tidegate', 'stop', name, option, '--as', by]);
      assert.equal(sent.code, 0, sent.stderr);
      const ended = await outcome;
      assert.equal(ended.outcome, 'Halted', ended.reasons.join('; '));
      assert.deepEqual(ended.reasons, [`stopped by ${by}`]);
      assert.equal(updatedOf(ended).length, count);
      await assertLeft(updatedOf(ended));
      await takeBack(name);
    });
  }
});

describe('single nodes', () => {
  it('are left out, stopped, and tried again by a rollout of their own', async () => {
    const spec = { targets: { nodes: ['east-1', 'east-2'] } };
    const { outcome } = await startApproved(fleet.client, document('single', spec));
    const node = await untilNodePhase(fleet.client, 'single', 'Draining');
    const other = node === 'east-1' ? 'east-2' : 'east-1';
    const skip = (name: string) =>
      attempt([
        ...['bin/tidegate', 'skip', 'single', '--node', name],
        ...['--as', by, '--reason', 'a demo runs there'],
      ]);
    const refused = await skip(node);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /is in work: wait until it has ended/);
    assert.equal((await skip(other)).code, 0);
    await fleet.client.stop('single', { by, mode: 'Now' });
    assert.equal((await outcome).outcome, 'Halted');
    await assertLeft([]);

    const { started } = await fleet.client.retry('single', { by });
    assert.equal(started?.rollout, 'single-retry-1');
    const view = await fleet.client.untilPlanned('single-retry-1');
    const digest = view.status?.digest ?? '';
    await fleet.client.approve('single-retry-1', { by: 'sre-lead', digest });
    const again = await fleet.client.waitFor('single-retry-1');
    assert.equal(again.outcome, 'Succeeded', again.reasons.join('; '));
    assert.deepEqual(updatedOf(again), [node]);
    await assertLeft([node]);
  });
});
