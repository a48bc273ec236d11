/** Counts the pods that workloads have ready where pods can be ready. */
import { type UnavailableNode, withoutUnavailable } from '../workflows/domain/holds.ts';
import type { KubeAdapter, V1Node, WorkloadRecord } from './adapters/kube-adapter.ts';
import { nameOf } from './node-facts.ts';
import { mapLimited } from './parallel.ts';
import { isReady } from './pod-facts.ts';

const PARALLEL_LISTS = 8;

/** Returns the workloads, DaemonSets without the pods that they miss on nodes that are `away`. */
export async function countedWorkloads(
  kube: KubeAdapter,
  workloads: readonly WorkloadRecord[],
  away: readonly V1Node[],
): Promise<readonly WorkloadRecord[]> {
  const missing = workloads.filter(
    ({ kind, ready, wanted }) => kind === 'DaemonSet' && ready < wanted,
  );
  if (missing.length === 0 || away.length === 0) return workloads;
  const unavailable = await mapLimited(away, PARALLEL_LISTS, (node) => describe(kube, node));
  return workloads.map((workload) =>
    missing.includes(workload)
      ? withoutUnavailable(workload, workload.nodeSelector ?? {}, unavailable)
      : workload,
  );
}

async function describe(kube: KubeAdapter, node: V1Node): Promise<UnavailableNode> {
  const pods = await kube.podsOn(nameOf(node));
  const serving = pods.filter((pod) => isReady(pod) && !pod.metadata?.deletionTimestamp);
  const readyDaemonSets = serving.flatMap(({ metadata }) => {
    const owner = metadata?.ownerReferences?.find(({ kind }) => kind === 'DaemonSet');
    return owner ? `${metadata?.namespace}/${owner.name}` : [];
  });
  return { labels: node.metadata?.labels ?? {}, readyDaemonSets };
}
