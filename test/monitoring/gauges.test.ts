/** The gauges over a real Temporal server, and over clusters that answer or do not. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { failure } from '../../activities/failure.ts';
import { keepGauges, TemporalGauges } from '../../worker/gauges.ts';
import { QUARANTINE } from '../../workflows/domain/inventory.ts';
import { FakeKube } from '../activities/fakes.ts';
import { type RealServer, startRealServer } from '../client/real-server.ts';
import { planOf, rolloutOf } from '../workflows/fixtures.ts';
import { KeptInstruments } from './kit.ts';

let server: RealServer;
before(async () => {
  server = await startRealServer();
  server.fleet.planned = { plan: planOf({ count: 1 }), impact: [] };
});
after(() => server.close());

/** Returns gauges that have seen nothing yet, as those of a worker that has just started. */
function gauges() {
  const instruments = new KeptInstruments();
  const { nativeConnection: connection } = server.env;
  const parts = { connection, namespace: 'default', instruments, clusters: new Map() };
  return { to: instruments, temporal: new TemporalGauges(parts) };
}

/** The index is a moment behind. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await holds()) return;
    await delay(100);
  }
  assert.fail(`never: ${what}`);
}

describe('what runs in Temporal', () => {
  it('is a rollout that waits for approval, since it has said so', async () => {
    await server.client.start(rolloutOf());
    await server.client.untilPlanned('patch');
    const { to, temporal } = gauges();
    await until('it waits for approval', async () => {
      await temporal.round();
      return to.of('tidegate_rollouts_waiting')['for=approval'] === 1;
    });
    assert.deepEqual(to.of('tidegate_rollouts'), { 'phase=AwaitingApproval': 1 });
    await delay(2500);
    const started = gauges();
    await started.temporal.round();
    const waited = started.to.of('tidegate_oldest_wait_seconds')['for=approval'] ?? 0;
    assert.ok(waited >= 2 && waited < 60, `${waited} s, also for a worker that starts later`);
  });

  it('is an approval all the same while it is paused', async () => {
    await server.client.pause('patch', { by: 'ada', reason: 'lunch' });
    const { to, temporal } = gauges();
    await temporal.round();
    // Who approves has to act anyway: it is no second wait.
    assert.deepEqual(to.of('tidegate_rollouts_waiting'), { 'for=approval': 1 });
  });

  it('is nothing once it has ended', async () => {
    await server.client.reject('patch', { by: 'ada', reason: 'not today' });
    const { to, temporal } = gauges();
    await until('it has ended', async () => {
      await temporal.round();
      return Object.keys(to.of('tidegate_rollouts')).length === 0;
    });
    assert.deepEqual(to.of('tidegate_rollouts_waiting'), {});
    assert.deepEqual(to.of('tidegate_oldest_wait_seconds'), {});
  });
});

describe('gauges that are kept', () => {
  it('count nodes in quarantine, say when they knew, and what they do not know once', async () => {
    const kube = new FakeKube();
    const labels = { [QUARANTINE]: 'attention' };
    kube.addNode('east-1', { metadata: { name: 'east-1', labels } });
    kube.addNode('east-2', {});
    const instruments = new KeptInstruments();
    const warnings: string[] = [];
    let away = false;
    const east = () => {
      if (away) throw failure('KubernetesUnreachable', 'east is away');
      return kube;
    };
    const stop = keepGauges({
      ...{ connection: server.env.nativeConnection, namespace: 'default', instruments },
      log: { info: () => undefined, warn: (_, message) => void warnings.push(message) },
      clusters: new Map([['east', east]]),
      intervalMs: 20,
    });
    const seen = () =>
      instruments.of('tidegate_cluster_seen_timestamp_seconds')['cluster=east'] ?? 0;
    await until('it is counted', () => seen() > 0);
    assert.deepEqual(instruments.of('tidegate_nodes_needing_attention'), { 'cluster=east': 1 });
    away = true;
    await until('it is told', () => warnings.length > 0);
    const last = seen();
    await delay(200);
    assert.equal(seen(), last, 'what is not known is not new');
    assert.deepEqual(warnings, ['east does not say which nodes need attention: gauges are old']);
    away = false;
    await until('it is known again', () => seen() > last);
    stop();
    const stopped = seen();
    await delay(100);
    assert.ok(seen() - stopped < 0.1, 'nobody asks any more');
  });
});
