/** One look at a node that is being drained: who has to go, who is waited for, who stays. */
import type { NodeActivities } from '../workflows/contract.ts';
import { impactOf, type PodFacts } from '../workflows/domain/eviction.ts';
import type { PodImpact } from '../workflows/domain/inventory.ts';
import { turnOf, type Wait, waitOf } from '../workflows/domain/workload-rules.ts';
import type { BoundVolume, KubeAdapter } from './adapters/kube-adapter.ts';
import { keyOf, named } from './drain-ledger.ts';
import { learnVolumes, podFacts } from './pod-facts.ts';

type DrainInput = Parameters<NodeActivities['drain']>[0];

/** A pod that has to go. */
export interface Leaving {
  readonly pod: PodFacts;
  readonly uid: string;
  readonly effect: Exclude<PodImpact['effect'], 'Stays'>;
  readonly reason?: string;
  /** Lower turns go first. */
  readonly turn: number;
  /** Of a pod that is, or was, waited for. */
  readonly wait?: Wait;
}

export interface Look {
  readonly pods: readonly PodFacts[];
  readonly leaving: readonly Leaving[];
  readonly staying: readonly PodFacts[];
  /** What is worth saying of pods that stay. */
  readonly notes: readonly string[];
}

/** Takes the list anew: pods arrive late and go by themselves. `volumes` is added to. */
export async function lookAtNode(
  kube: KubeAdapter,
  input: DrainInput,
  volumes: Map<string, BoundVolume>,
  times: { readonly nowMs: number; readonly waitedSeconds: number },
): Promise<Look> {
  const objects = await kube.podsOn(input.node);
  await learnVolumes(kube, objects, volumes);
  const pods = objects.map((pod) => podFacts(pod, [], volumes));
  const { policy, jobChoice } = input;
  const rule = {
    disruption: 'Drain',
    ...policy,
    ...times,
    ...(jobChoice && { jobChoice }),
  } as const;
  const impacts = impactOf(pods, rule);
  const leaving: Leaving[] = [];
  const staying: PodFacts[] = [];
  const notes: string[] = [];
  for (const [index, pod] of pods.entries()) {
    const impact = impacts[index];
    if (!impact) continue;
    const { effect, reason } = impact;
    if (effect === 'Stays') {
      staying.push(pod);
      if (isWorthSaying(pod)) notes.push(noteOf(pod, reason ?? ''));
      continue;
    }
    const wait = waitOf(pod, policy, jobChoice);
    leaving.push({
      ...{ pod, effect, uid: pod.uid ?? '', turn: turnOf(pod, policy) },
      ...(reason ? { reason } : {}),
      ...(wait ? { wait } : {}),
    });
  }
  return { pods, leaving, staying, notes };
}

/** Pods of DaemonSets, static and finished ones stay on every node: nobody wonders. */
function isWorthSaying(pod: PodFacts): boolean {
  const ended = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  const usual = pod.mirror || pod.probe || pod.owner?.kind === 'DaemonSet';
  return !usual && (pod.terminating || !ended);
}

function noteOf(pod: PodFacts, reason: string): string {
  const held = pod.terminating ? (pod.finalizers ?? []) : [];
  return `${named(pod)} ${reason}${held.length > 0 ? ` (finalizers: ${held.join(', ')})` : ''}`;
}

/** Volumes of pods that have gone, which must be detached from the node before it is empty. */
export class Detaching {
  private readonly going: Map<string, string>;

  constructor(previous: Readonly<Record<string, string>> = {}) {
    this.going = new Map(Object.entries(previous));
  }

  /** Remembers the volumes of pods that have to go. */
  see(leaving: readonly Leaving[], volumes: ReadonlyMap<string, BoundVolume>): void {
    for (const { pod } of leaving) {
      for (const name of volumesOf(pod, volumes)) this.going.set(name, keyOf(pod));
    }
  }

  /** Returns what is still attached, in words; volumes that a pod here uses stay attached. */
  async attached(
    kube: KubeAdapter,
    node: string,
    staying: readonly PodFacts[],
    volumes: ReadonlyMap<string, BoundVolume>,
  ): Promise<string[]> {
    const used = new Set(staying.flatMap((pod) => volumesOf(pod, volumes)));
    const wanted = [...this.going.keys()].filter((name) => !used.has(name));
    if (wanted.length === 0) return [];
    const there = await kube.attachmentsOn(node);
    return there
      .filter(({ volume }) => wanted.includes(volume))
      .map(
        ({ name, volume, attacher }) =>
          `volume ${volume} of ${this.going.get(volume)} is still attached (VolumeAttachment ${name}; look at the driver ${attacher})`,
      );
  }

  progress(): Record<string, string> {
    return Object.fromEntries(this.going);
  }
}

function volumesOf(pod: PodFacts, volumes: ReadonlyMap<string, BoundVolume>): string[] {
  return (pod.claims ?? []).flatMap(
    (claim) => volumes.get(`${pod.namespace}/${claim}`)?.name ?? [],
  );
}
