/** Decides when a node has been held back for too long, and when to look again. Called from workflows: replay-visible. */

export interface PatienceInput {
  /** Nodes that could start but for the holds. */
  readonly waiting: readonly string[];
  /** One without a node holds all of them. */
  readonly holds: readonly { readonly node?: string; readonly reason: string }[];
  /** Since when each node has been held, in milliseconds; "" is for all of them. */
  readonly since: Readonly<Record<string, number>>;
  readonly nowMs: number;
  readonly limitMs: number;
}

export interface PatienceAnswer {
  readonly since: Readonly<Record<string, number>>;
  /** Nodes that are not waited for any longer, each with the reason. */
  readonly overdue: readonly { readonly node: string; readonly reason: string }[];
  /** Why no node is waited for any longer; empty while they are. */
  readonly stop: string;
}

/** Returns who has waited for too long; whoever is not held any more begins anew. */
export function judgePatience(input: PatienceInput): PatienceAnswer {
  const { waiting, holds, nowMs, limitMs } = input;
  const since: Record<string, number> = {};
  const overdue: { node: string; reason: string }[] = [];
  let stop = '';
  const seconds = Math.round(limitMs / 1000);
  for (const { node = '', reason } of holds) {
    if (node !== '' && !waiting.includes(node)) continue;
    const begun = input.since[node] ?? nowMs;
    if (nowMs - begun < limitMs) {
      since[node] = Math.min(since[node] ?? begun, begun);
    } else if (node === '') {
      stop = `held back for more than ${seconds} s: ${reason}`;
    } else if (!overdue.some((entry) => entry.node === node)) {
      overdue.push({ node, reason: `held back for more than ${seconds} s: ${reason}` });
    }
  }
  return { since, overdue, stop };
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/**
 * How long to wait before looking again: at first, and at most. Each look costs history, so what
 * lasts is looked at less and less often.
 */
const LOOK_AGAIN_MS = {
  /** Where something holds nodes back; most holds end in seconds. */
  held: [2 * SECOND, MINUTE],
  /** Where the cluster has no room. */
  full: [10 * SECOND, MINUTE],
  /** The same while nodes are in work: their end makes room. */
  inWork: [MINUTE, 5 * MINUTE],
} as const;

export interface Waiting {
  readonly held: boolean;
  readonly inWork: boolean;
  /** Looks in a row that have changed nothing. */
  readonly idle: number;
  /** Whether history has grown long, which only nodes in work keep from beginning anew. */
  readonly long: boolean;
  /** Until the first hold says that it ends; Infinity where none says it. */
  readonly freeInMs: number;
}

/**
 * Returns how long a wave waits before its next look, in milliseconds. A hold that says when it ends is
 * looked at then: what comes back every minute leaves only moments between.
 */
export function lookAgainMs({ held, inWork, idle, long, freeInMs }: Waiting): number {
  if (long) return 60 * MINUTE;
  const [first, most] = LOOK_AGAIN_MS[held ? 'held' : inWork ? 'inWork' : 'full'];
  const again = Math.min(first * 2 ** Math.max(0, idle - 1), most);
  return Math.min(again, Math.max(first, freeInMs));
}

/** Holds are told by another clock. */
const SLACK_MS = SECOND;

/** Returns how long it is until the first of these holds has ended by its own word; Infinity where none says it. */
export function freeInMs(holds: readonly { readonly until?: string }[], nowMs: number): number {
  const left = holds.flatMap(({ until }) =>
    until === undefined ? [] : [Date.parse(until) + SLACK_MS - nowMs],
  );
  return Math.min(Number.POSITIVE_INFINITY, ...left.filter((ms) => ms > 0));
}

/** Returns how long to wait before a Lease is asked for again: a twentieth of what was waited already. */
export function leaseAgainMs(waitedMs: number): number {
  return Math.min(Math.max(10 * SECOND, Math.round(waitedMs / 20)), 15 * MINUTE);
}
