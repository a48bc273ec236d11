/** Looks after the pods of DaemonSets: what a node has of network, storage and logs for all others. */
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { V1Pod } from '../adapters/kube-adapter.ts';
import { isReady } from '../pod-facts.ts';

/**
 * Returns which pods of DaemonSets are not Ready, in words. A pod's status may be that of before a
 * reboot: with the containers that the host runs, each container of a Ready pod has to be one of them.
 */
export function daemonSetProblems(
  pods: readonly V1Pod[],
  running?: readonly Pick<ContainerFacts, 'id'>[],
): readonly string[] {
  const ids = running && new Set(running.map(({ id }) => id));
  return pods.filter(isOfDaemonSet).flatMap((pod) => {
    const name = `DaemonSet pod ${pod.metadata?.namespace}/${pod.metadata?.name}`;
    if (!isReady(pod)) return [`${name} is not Ready`];
    const stale = ids && runningIds(pod).some((id) => !ids.has(id));
    return stale ? [`${name} is Ready by a status of before: its container does not run`] : [];
  });
}

/** One that is being deleted is on its way to be replaced. */
function isOfDaemonSet(pod: V1Pod): boolean {
  const owners = pod.metadata?.ownerReferences ?? [];
  return owners.some(({ kind }) => kind === 'DaemonSet') && !pod.metadata?.deletionTimestamp;
}

/** Kubernetes writes "containerd://ID". */
function runningIds(pod: V1Pod): readonly string[] {
  return (pod.status?.containerStatuses ?? [])
    .filter(({ state }) => state?.running)
    .map(({ containerID }) => containerID?.split('//').at(-1) ?? '');
}
