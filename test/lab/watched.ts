/** Runs a rollout while the workload is watched from outside. */
import assert from 'node:assert/strict';
import { Observation } from '../../lab/observation.ts';
import { nodeNamed } from '../../lab/settings.ts';
import { CordonWatch, kubectl } from './rollout-kit.ts';
import { Sampler } from './sampler.ts';

/** Must match the PodDisruptionBudget of `web` in lab/workload.yaml. */
const WEB_BUDGET = 5;

/** Asserts of a rollout that budgets held, zones took turns, requests were served and no Job was killed. */
export async function watched<T>(body: () => Promise<T>): Promise<T> {
  const observation = await Observation.start();
  const cordons = new CordonWatch();
  const budget = new Sampler(healthyPods, 300);
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
    Math.min(...budget.samples) >= WEB_BUDGET,
    `web fell to ${Math.min(...budget.samples)}`,
  );
  assert.deepEqual(disturbance.jobPodsLost, []);
  assert.deepEqual(disturbance.cron.missed, []);
  // A request may be on its way to an evicted pod in the instant of its end; more would be a gap.
  const { sent, failed, examples } = disturbance.http;
  assert.ok(failed <= sent / 200, `${failed} of ${sent} failed: ${examples.join('; ')}`);
  return result;
}

/** Returns how many pods of `web` its PodDisruptionBudget counts as healthy. */
async function healthyPods(): Promise<number> {
  const path = 'jsonpath={.status.currentHealthy}';
  return Number(await kubectl('-n', 'shop', 'get', 'pdb', 'web', '-o', path));
}
