/** Recognises pods that come straight back to the cordoned node: evicting them once more is no use. */
import type { PodFacts } from '../workflows/domain/eviction.ts';
import { workloadOf } from './drain-ledger.ts';

/** What is known of one controller's pods on the node. */
export interface ReturnRecord {
  /** Pods of the first generation that were evicted. */
  readonly evicted: number;
  /** Uids of pods that came after that. */
  readonly back: readonly string[];
  readonly stuck: boolean;
}

export class Returns {
  private readonly records: Map<string, ReturnRecord>;
  /** Uids of the pods of the look before; unknown until there was one. */
  private seen: ReadonlySet<string> | undefined;

  /** `seen` is what an earlier attempt's last look had found; without it this attempt's first look counts. */
  constructor(
    previous: Readonly<Record<string, ReturnRecord>> = {},
    seen: readonly string[] | undefined = undefined,
  ) {
    this.records = new Map(Object.entries(previous));
    this.seen = seen && new Set(seen);
  }

  /** Told of all pods of each look. */
  see(pods: readonly PodFacts[]): void {
    const before = this.seen;
    this.seen = new Set(pods.map((pod) => pod.uid ?? ''));
    for (const pod of pods) {
      const uid = pod.uid ?? '';
      const known = this.records.get(workloadOf(pod));
      const isNew = before !== undefined && !before.has(uid) && !known?.back.includes(uid);
      if (!pod.owner || !known || !isNew) continue;
      const back = [...known.back, uid];
      const stuck = known.stuck || back.length > known.evicted;
      this.records.set(workloadOf(pod), { ...known, back, stuck });
    }
  }

  /** Told of each eviction that was accepted. */
  evicted(pod: PodFacts): void {
    const key = workloadOf(pod);
    const known = this.records.get(key) ?? { evicted: 0, back: [], stuck: false };
    if (!pod.owner || known.back.includes(pod.uid ?? '')) return;
    this.records.set(key, { ...known, evicted: known.evicted + 1 });
  }

  /** Returns why a pod is not evicted again; undefined if it may be. */
  reason(pod: PodFacts): string | undefined {
    const known = this.records.get(workloadOf(pod));
    if (!known?.stuck || !known.back.includes(pod.uid ?? '')) return undefined;
    const why = pod.toleratesCordon
      ? 'it tolerates node.kubernetes.io/unschedulable: take that toleration away'
      : 'its controller puts it on this very node: scale it down';
    return `has come straight back to the cordoned node ${known.back.length} times; ${why}, or let a rule Skip it`;
  }

  progress(): {
    readonly returns: Record<string, ReturnRecord>;
    readonly seen?: readonly string[];
  } {
    return {
      returns: Object.fromEntries(this.records),
      ...(this.seen ? { seen: [...this.seen] } : {}),
    };
  }
}
