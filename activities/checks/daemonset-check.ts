/** Looks after the pods of DaemonSets: what a node has of network, storage and logs for all others. */
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { V1Pod } from '../adapters/kube-adapter.ts';
import { isReady } from '../pod-facts.ts';
import type { CheckAnswer } from './poll.ts';

export interface DaemonSetProblem {
  /** "namespace/name" of the DaemonSet: its pods change their names. */
  readonly daemonSet: string;
  readonly reason: string;
}

/**
 * Returns the problems with pods of DaemonSets, one for each pod that is not Ready. A pod's status may be that of before a
 * reboot: with the containers that the host runs, each container of a Ready pod has to be one of them.
 */
export function unreadyDaemonSets(
  pods: readonly V1Pod[],
  running?: readonly Pick<ContainerFacts, 'id'>[],
): readonly DaemonSetProblem[] {
  const ids = running && new Set(running.map(({ id }) => id));
  return pods.flatMap((pod) => {
    const daemonSet = daemonSetOf(pod);
    if (daemonSet === undefined) return [];
    const name = `DaemonSet pod ${pod.metadata?.namespace}/${pod.metadata?.name}`;
    if (!isReady(pod)) return [{ daemonSet, reason: `${name} is not Ready` }];
    const stale = ids && runningIds(pod).some((id) => !ids.has(id));
    const reason = `${name} is Ready by a status of before: its container does not run`;
    return stale ? [{ daemonSet, reason }] : [];
  });
}

/** Passes with notes on the DaemonSets that have problems now, and had some `before` as well. */
export function judgeDaemonSets(
  problems: readonly DaemonSetProblem[],
  before: readonly string[] = [],
): CheckAnswer<readonly string[]> {
  const news = problems.filter(({ daemonSet }) => !before.includes(daemonSet));
  if (news.length > 0) return { kind: 'Waiting', reasons: news.map(({ reason }) => reason) };
  const old = new Set(problems.map(({ daemonSet }) => daemonSet));
  return { kind: 'Passed', value: [...old].map((name) => `was not Ready before: ${name}`) };
}

/** Returns the DaemonSet of a pod, as "namespace/name"; one that is being deleted is on its way to be replaced. */
export function daemonSetOf({ metadata }: V1Pod): string | undefined {
  const owner = metadata?.ownerReferences?.find(({ kind }) => kind === 'DaemonSet');
  return owner && !metadata?.deletionTimestamp ? `${metadata?.namespace}/${owner.name}` : undefined;
}

/** Kubernetes writes "containerd://ID". */
function runningIds(pod: V1Pod): readonly string[] {
  return (pod.status?.containerStatuses ?? [])
    .filter(({ state }) => state?.running)
    .map(({ containerID }) => containerID?.split('//').at(-1) ?? '');
}
