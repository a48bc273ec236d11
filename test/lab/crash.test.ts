/** The worker is killed in the middle of a step: a new one finishes, and nothing happens twice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { signal } from '../../lab/processes.ts';
import { sleep } from '../../lab/run.ts';
import { startWorker } from '../../lab/worker.ts';
import { NEW } from './activity-kit.ts';
import {
  aroundFleet,
  assertNodes,
  bundleTo,
  CordonWatch,
  installations,
  NEWEST,
  rolloutTo,
  startApproved,
  untilNodePhase,
} from './rollout-kit.ts';

const fleet = aroundFleet({ batch: false });

describe('kill -9 of the worker', () => {
  for (const [phase, version, disruption] of [
    ['Applying', NEW, 'Restart'],
    ['Draining', NEWEST, 'Drain'],
  ] as const) {
    it(`in the middle of ${phase}: a new worker finishes, the install ran once`, async () => {
      const node = phase === 'Applying' ? 'east-1' : await busiestNode();
      const before = await installations(node, version);
      const pid = await startWorker();
      const cordons = new CordonWatch();
      const name = `crash-while-${phase.toLowerCase()}`;
      const bundle = bundleTo(version, disruption);
      const spec = { targets: { nodes: [node] } };
      const { outcome } = await startApproved(fleet.client, rolloutTo({ name, bundle, spec }));
      await untilNodePhase(fleet.client, name, phase);
      await sleep(400);
      signal(pid, 'SIGKILL');
      await sleep(1000);
      await startWorker();
      const ended = await outcome;
      await cordons.stop();
      assert.equal(ended.outcome, 'Succeeded', ended.reasons.join('; '));
      await assertNodes([node], version);
      assert.equal((await installations(node, version)) - before, 1, 'installed exactly once');
      assert.equal(cordons.timesCordoned(node), 1, 'cordoned once');
    });
  }
});

/** A node with pods of the service on it, so that its drain takes a while. */
async function busiestNode(): Promise<string> {
  const facts = (await fleetFacts()).filter((entry) => entry.node !== 'east-1');
  const web = (entry: (typeof facts)[number]) =>
    entry.containers.filter((container) => container.pod.startsWith('web-')).length;
  return facts.sort((a, b) => web(b) - web(a))[0]?.node ?? 'east-2';
}
