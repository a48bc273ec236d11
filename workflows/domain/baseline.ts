/** What of a node's verification does not pass already, before anything on the node is disturbed. */

import type { ContainerFacts } from './inventory.ts';

/** Namespace of everything Tidegate creates; must match deploy/rbac.yaml. */
export const NAMESPACE = 'tidegate';
export const PROBE_PREFIX = 'probe-';

/** Checks that may fail for reasons that are no update's: all but that of the host. */
export type BaselineCheck = 'node' | 'DaemonSets' | 'exec' | 'probe';

/** A container of a pod. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface Baseline {
  /** By check; only those that do not pass. Conditions by type, DaemonSets as "namespace/name", the rest in words. */
  readonly alreadyFailing: Readonly<Partial<Record<BaselineCheck, readonly string[]>>>;
  /** Pods that were not Ready or crash-looped, as "namespace/name": what becomes of their containers says nothing. */
  readonly unwellPods: readonly string[];
  readonly probeMs?: number;
  /** Where the command ran; absent where it ran nowhere. */
  readonly execContainer?: ContainerRef;
}

/** Returns why a node is left alone although it is as planned: nothing could prove an update of it. */
export function judgeBaseline({ alreadyFailing }: Baseline): readonly string[] {
  const { node = [], probe = [] } = alreadyFailing;
  const reasons = node.includes('Ready') ? ['the node is not Ready any more'] : [];
  if (probe.length === 0) return reasons;
  const why = probe.join('; ').replace(/\.$/, '');
  return [
    ...reasons,
    `the probe could not run before anything was changed: ${why}; set verification.probeImage to an image that this cluster allows and can pull, or leave it out`,
  ];
}

/**
 * Returns what of a baseline counts on a way back, which may be taken for the very thing that fails: it is
 * no reason to stay, and a command has to run in a container again.
 */
export function onWayBack({ alreadyFailing, unwellPods }: Baseline): Baseline {
  const { node, DaemonSets } = alreadyFailing;
  const known = { ...(node ? { node } : {}), ...(DaemonSets ? { DaemonSets } : {}) };
  return { alreadyFailing: known, unwellPods };
}

/** Leaves out the containers of our own probes: one that has just been deleted runs for a moment yet. */
export function withoutProbes(containers: readonly ContainerFacts[]): readonly ContainerFacts[] {
  return containers.filter(
    ({ namespace, pod }) => namespace !== NAMESPACE || !pod.startsWith(PROBE_PREFIX),
  );
}
