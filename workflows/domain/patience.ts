/** Decides when a node has been held back for too long. Called from workflows: replay-visible. */

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
