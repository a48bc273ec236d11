/** Tells containers that a change has killed from those that came to their own end meanwhile. */
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { V1Pod } from '../adapters/kube-adapter.ts';
import { type ContainerEnd, crashedAgain } from '../pod-facts.ts';

/** Boot time, from which start times are computed, moves when the clock is set. */
const START_TOLERANCE_MS = 5000;

/** What became of the containers that were there before. */
export interface Survival {
  /** Ended against their will, in words. */
  readonly lost: readonly string[];
  /** Not there any more, and Kubernetes has not said why yet. */
  readonly unclear: readonly string[];
}

/** Returns the containers of before that do not run any more, or have started anew. */
export function missingContainers(
  now: readonly ContainerFacts[],
  before: readonly ContainerFacts[],
): readonly ContainerFacts[] {
  const byId = new Map(now.map((container) => [container.id, container]));
  return before.filter((container) => {
    const same = byId.get(container.id);
    if (!same) return true;
    const moved = Date.parse(same.startedAt) - Date.parse(container.startedAt);
    return Math.abs(moved) > START_TOLERANCE_MS;
  });
}

/**
 * Judges missing containers by their pods. A pod that is deleted was deleted through the API, by a
 * Job's end, a deployment or a person; what the runtime kills is started again in the same pod, or
 * leaves it Failed, and either way with an exit code. Pods that were `unwell` before, as
 * "namespace/name", say nothing.
 */
export function judgeMissing(
  missing: readonly ContainerFacts[],
  pods: readonly V1Pod[],
  unwell: readonly string[] = [],
): Survival {
  const byName = new Map(pods.map((p) => [`${p.metadata?.namespace}/${p.metadata?.name}`, p]));
  const lost: string[] = [];
  const unclear: string[] = [];
  for (const container of missing) {
    const name = `${container.namespace}/${container.pod}`;
    const pod = byName.get(name);
    if (!pod || pod.metadata?.deletionTimestamp || pod.status?.phase === 'Succeeded') continue;
    if (unwell.includes(name) || isMeantToEnd(container.name, pod)) continue;
    const end = endOf(container.id, pod);
    if (end === 'Unknown') unclear.push(describe(container));
    else if (!endedByItself(end)) lost.push(`${describe(container)} ended with ${end.exitCode}`);
  }
  return { lost, unclear };
}

/** Returns a container's name as a person knows it, and enough of its id to find it. */
export function describe({ namespace, pod, name, id }: ContainerFacts): string {
  return `${namespace}/${pod}/${name} (${id.slice(0, 12)})`;
}

/** Ephemeral containers end with their user, init containers before all others unless they are sidecars. */
function isMeantToEnd(name: string, { spec }: V1Pod): boolean {
  if (spec?.ephemeralContainers?.some((container) => container.name === name)) return true;
  const init = spec?.initContainers?.find((container) => container.name === name);
  return init !== undefined && init.restartPolicy !== 'Always';
}

/** By its own will, by its own memory limit, or as it has done again and again before. */
function endedByItself(end: ContainerEnd): boolean {
  return end.exitCode === 0 || end.reason === 'OOMKilled' || crashedAgain(end);
}

function endOf(id: string, { status }: V1Pod): ContainerEnd | 'Unknown' {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  for (const { state, lastState, restartCount } of all) {
    for (const ended of [state?.terminated, lastState?.terminated]) {
      if (ended?.containerID?.endsWith(`/${id}`)) return { ...ended, restartCount };
    }
  }
  return 'Unknown';
}
