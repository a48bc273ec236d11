/** The worker is killed in the instant of an eviction: the outcome tells of that pod all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PodWatch, type SeenPod } from '../../lab/pod-watch.ts';
import { signal } from '../../lab/processes.ts';
import { waitFor } from '../../lab/run.ts';
import { startWorker } from '../../lab/worker.ts';
import { aroundFleet, bundleTo, NEWEST, rolloutTo, startApproved } from './rollout-kit.ts';

const fleet = aroundFleet({ batch: false });

describe('kill -9 of the worker', () => {
  it('in the instant of an eviction hides no evicted pod', async () => {
    const watch = await PodWatch.start();
    const node = busiest([...watch.pods.values()]);
    const evicted = () =>
      [...watch.pods.values()].filter(
        (pod) => pod.node === node && pod.disruption === 'EvictionByEvictionAPI',
      );
    const pid = await startWorker();
    const bundle = bundleTo(NEWEST, 'Drain');
    const document = rolloutTo({
      name: 'drain-crash',
      bundle,
      spec: { targets: { nodes: [node] } },
    });
    const { outcome } = await startApproved(fleet.client, document);
    await waitFor({
      what: `the first eviction on ${node}`,
      timeoutMs: 60_000,
      everyMs: 5,
      until: async () => evicted().length > 0,
    });
    signal(pid, 'SIGKILL');
    await waitFor({
      what: 'the evicted pod to be gone',
      timeoutMs: 30_000,
      everyMs: 50,
      until: async () => evicted()[0]?.gone === true,
    });
    await startWorker();
    const ended = await outcome;
    assert.equal(ended.outcome, 'Succeeded', ended.reasons.join('; '));
    const seen = evicted().map((pod) => `${pod.namespace}/${pod.name}`);
    await watch.stop();
    assert.deepEqual([...(ended.nodes[0]?.podsEvicted ?? [])].sort(), seen.sort());
  });
});

/** The node with most pods of the service. */
function busiest(pods: readonly SeenPod[]): string {
  const count = (node: string) =>
    pods.filter((pod) => pod.node === node && pod.owner === 'ReplicaSet' && !pod.gone).length;
  const nodes = [...new Set(pods.map((pod) => pod.node))].filter((node) => node);
  return nodes.sort((a, b) => count(b) - count(a))[0] ?? 'east-2';
}
