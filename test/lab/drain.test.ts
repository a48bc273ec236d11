/** A bundle that asks for a drain: budgets hold, zones take turns, and the way back works. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OLD } from './activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  NEWEST,
  rolloutTo,
  startApproved,
} from './rollout-kit.ts';
import { watched } from './watched.ts';

const fleet = aroundFleet({ batch: false });

describe('a drain', () => {
  const name = 'newer-series';
  it('keeps to every budget, and never takes two nodes of one zone', async () => {
    const outcome = await watched(async () => {
      const bundle = bundleTo(NEWEST, 'Drain');
      return await (await startApproved(fleet.client, rolloutTo({ name, bundle }))).outcome;
    });
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    assert.ok(outcome.nodes.flatMap((entry) => entry.podsEvicted).length > 0, 'pods were evicted');
    assert.deepEqual(
      outcome.nodes.flatMap((entry) => entry.jobPodsLost),
      [],
    );
    await assertNodes(ALL_NODES, NEWEST);
  });

  it('goes back from 1.7.24 to 1.6.20 under the same rules', async () => {
    const outcome = await watched(async () => {
      const { started } = await fleet.client.rollback(name, { by: 'platform-oncall' });
      assert.ok(started);
      const view = await fleet.client.untilPlanned(started.rollout);
      const digest = view.status?.digest ?? '';
      await fleet.client.approve(started.rollout, { by: 'sre-lead', digest });
      return await fleet.client.waitFor(started.rollout);
    });
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    await assertNodes(ALL_NODES, OLD);
  });
});
