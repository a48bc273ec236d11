/** A bundle that asks for a drain: budgets hold, zones take turns, and the way back works. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Observation } from '../../lab/observation.ts';
import { sleep } from '../../lab/run.ts';
import { nodeNamed } from '../../lab/settings.ts';
import { OLD } from './activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  CordonWatch,
  kubectl,
  NEWEST,
  rolloutTo,
  startApproved,
} from './rollout-kit.ts';

const WEB_BUDGET = 5;

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

/** Runs a rollout while budgets, zones, requests and Job pods are watched. */
async function watched<T>(body: () => Promise<T>): Promise<T> {
  const observation = await Observation.start();
  const cordons = new CordonWatch();
  const budget = new BudgetWatch();
  const result = await body();
  await cordons.stop();
  await budget.stop();
  const disturbance = await observation.stop();
  for (const { cordoned } of cordons.samples) {
    const zones = cordoned.map((node) => nodeNamed(node).zone);
    assert.equal(new Set(zones).size, zones.length, `two nodes of one zone: ${cordoned}`);
    assert.ok(cordoned.length <= 2);
  }
  assert.ok(
    Math.min(...budget.healthy) >= WEB_BUDGET,
    `web fell to ${Math.min(...budget.healthy)}`,
  );
  assert.deepEqual(disturbance.jobPodsLost, []);
  assert.deepEqual(disturbance.cron.missed, []);
  // A request may be on its way to an evicted pod in the instant of its end; more would be a gap.
  const { sent, failed, examples } = disturbance.http;
  assert.ok(failed <= sent / 200, `${failed} of ${sent} failed: ${examples.join('; ')}`);
  return result;
}

/** Watches how many pods of `web` its PodDisruptionBudget counts as healthy. */
class BudgetWatch {
  readonly healthy: number[] = [];
  private stopped = false;
  private readonly done = this.loop();

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      const path = 'jsonpath={.status.currentHealthy}';
      this.healthy.push(Number(await kubectl('-n', 'shop', 'get', 'pdb', 'web', '-o', path)));
      await sleep(300);
    }
  }
}
