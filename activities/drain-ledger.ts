/** What a drain has done so far: kept in heartbeats, so that a later attempt forgets nothing. */
import { ownerOf, type PodFacts, volumesText } from '../workflows/domain/eviction.ts';
import type { ReturnRecord } from './drain-returns.ts';

/** An eviction that is about to be asked for: told before, since its answer may get lost. */
interface Intent {
  readonly uid: string;
  readonly pod: string;
  readonly job: boolean;
  readonly notes: readonly string[];
  /** Local data that goes with the pod. */
  readonly lost?: string;
}

/** Details of a drain's heartbeats; those of earlier versions lack most of it. */
export interface Progress {
  readonly phase: 'WaitingForJobs' | 'Evicting' | 'Forcing' | 'Detaching';
  readonly startedAtMs: number;
  /** When no Job was waited for any more; absent before. */
  readonly evictingSinceMs?: number;
  /** When what is left began to be deleted. */
  readonly forcingSinceMs?: number;
  /** Until when pods that are deleted by force are waited for. */
  readonly forceUntilMs?: number;
  readonly remaining: number;
  readonly evicted: readonly string[];
  readonly jobPodsEvicted: readonly string[];
  readonly intended: readonly Intent[];
  readonly notes: readonly string[];
  readonly lost: readonly string[];
  /** PersistentVolumes that have to be detached, with their pods. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly returns: Readonly<Record<string, ReturnRecord>>;
  /** Uids of the pods that the last look found on the node. */
  readonly seen?: readonly string[];
}

/** Which pods were evicted, and what is worth saying of it. */
export class DrainLedger {
  private readonly evicted: Set<string>;
  private readonly jobPods: Set<string>;
  private readonly intended: Map<string, Intent>;
  private readonly notes: Set<string>;
  private readonly lost: Set<string>;
  /** By uid; evictions that the API server accepted in this attempt. */
  private readonly accepted = new Set<string>();

  constructor(previous: Partial<Progress> | undefined) {
    this.evicted = new Set(previous?.evicted);
    this.jobPods = new Set(previous?.jobPodsEvicted);
    this.intended = new Map(previous?.intended?.map((intent) => [intent.uid, intent]));
    this.notes = new Set(previous?.notes);
    this.lost = new Set(previous?.lost);
  }

  /** Counts what the attempt before was about to evict and is gone or going; called once, with all pods there. */
  settle(pods: readonly PodFacts[]): void {
    for (const { uid } of [...this.intended.values()]) {
      const there = pods.find((pod) => pod.uid === uid);
      if (there && !there.terminating) this.intended.delete(uid);
      else this.count(uid);
    }
  }

  /** Says that an eviction is about to be asked for. */
  intend(pod: PodFacts, notes: readonly string[]): void {
    const uid = pod.uid ?? '';
    const volumes = (pod.localVolumes ?? []).filter(({ kind }) => kind === 'emptyDir');
    const key = keyOf(pod);
    this.intended.set(uid, {
      uid,
      pod: key,
      job: pod.owner?.kind === 'Job',
      notes,
      ...(volumes.length > 0 ? { lost: `${key} (${volumesText(volumes)})` } : {}),
    });
  }

  isIntended(uid: string): boolean {
    return this.intended.has(uid);
  }

  /** The API server has accepted it. */
  count(uid: string, ...more: readonly string[]): void {
    const intent = this.intended.get(uid);
    if (!intent) return;
    this.intended.delete(uid);
    this.accepted.add(uid);
    this.evicted.add(intent.pod);
    if (intent.job) this.jobPods.add(intent.pod);
    for (const note of [...intent.notes, ...more]) this.notes.add(note);
    if (intent.lost) this.lost.add(intent.lost);
  }

  /** It did not come to it. */
  forget(uid: string): void {
    this.intended.delete(uid);
  }

  wasEvicted(uid: string): boolean {
    return this.accepted.has(uid);
  }

  get evictions(): number {
    return this.evicted.size;
  }

  /** Returns what the drain reports; `more` are notes of how things are at its end. */
  report(more: readonly string[] = []) {
    const lost = [...this.lost].join(', ');
    const notes = [
      ...this.notes,
      ...(lost ? [`evicted with local data, which is gone: ${lost}`] : []),
      ...more,
    ];
    return {
      evicted: [...this.evicted],
      jobPodsEvicted: [...this.jobPods],
      ...(notes.length > 0 ? { notes } : {}),
    };
  }

  progress() {
    return {
      evicted: [...this.evicted],
      jobPodsEvicted: [...this.jobPods],
      intended: [...this.intended.values()],
      notes: [...this.notes],
      lost: [...this.lost],
    };
  }
}

/** Returns namespace/name of a pod. */
export function keyOf(pod: PodFacts): string {
  return `${pod.namespace}/${pod.name}`;
}

/** Returns a pod's controller with its namespace, or the pod itself where it has none. */
export function workloadOf(pod: PodFacts): string {
  return pod.owner ? `${pod.owner.kind} ${pod.namespace}/${pod.owner.name}` : `pod ${keyOf(pod)}`;
}

/** Returns a pod with its owner, as people look for it. */
export function named(pod: PodFacts): string {
  return `${keyOf(pod)} (owner ${ownerOf(pod)})`;
}
