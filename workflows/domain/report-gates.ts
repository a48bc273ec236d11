/** Puts votes to the gates that they were cast at. */
import type { RefusedVote } from '../people-contract.ts';
import { type KnownEntry, ofKind } from './report-entries.ts';
import type { ReportedGate } from './report-types.ts';

type Refusal = RefusedVote & { readonly at: string };

interface OpenGate extends Omit<ReportedGate, 'votes' | 'refused'> {
  votes: ReportedGate['votes'][number][];
  refused: Refusal[];
}

/** Returns every gate in the order in which they opened, and the refusals that belong to none. */
export function gatesOf(entries: readonly KnownEntry[]): {
  readonly gates: readonly ReportedGate[];
  readonly stray: readonly Refusal[];
} {
  const gates = openings(entries);
  const find = (at: string, named?: string, digest?: string): OpenGate | undefined => {
    const candidates = gates.filter((gate) => named === undefined || gate.id === named);
    const then = candidates.filter((gate) => isOpen(gate, at));
    return then.findLast((gate) => gate.digest === digest) ?? then.at(-1) ?? candidates.at(-1);
  };
  for (const { body } of ofKind(entries, 'Vote')) {
    find(body.at, body.gate, body.digest)?.votes.push(body);
  }
  for (const { at, body } of ofKind(entries, 'VoteVoid')) {
    const gate = find(at, body.gate, body.digest);
    if (!gate) continue;
    gate.votes = gate.votes.map((vote) =>
      vote.by === body.by && vote.void === undefined ? { ...vote, void: body.why } : vote,
    );
  }
  const stray: Refusal[] = [];
  for (const { at, body } of ofKind(entries, 'VoteRefused')) {
    const gate = gates.findLast((known) => isOpen(known, at));
    (gate?.refused ?? stray).push({ ...body, at });
  }
  return { gates, stray };
}

/** A gate that opens again before it was closed shows new evidence. */
function openings(entries: readonly KnownEntry[]): OpenGate[] {
  const gates: OpenGate[] = [];
  for (const { kind, at, body } of entries) {
    if (kind === 'GateClosed') close(gates, { ...body, at });
    if (kind !== 'GateOpened') continue;
    close(gates, { id: body.id, at, how: 'Replaced', approvedBy: [] });
    const { id, digest, evidence, rules, expiresAt } = body;
    gates.push({
      ...{ id, digest, evidence, rules, expiresAt, openedAt: at },
      ...{ approvedBy: [], votes: [], refused: [] },
    });
  }
  return gates;
}

function close(
  gates: OpenGate[],
  end: Pick<OpenGate, 'id' | 'approvedBy'> & {
    readonly at: string;
    readonly how: NonNullable<OpenGate['how']>;
    readonly reason?: string;
  },
): void {
  const index = gates.findLastIndex(({ id, how }) => id === end.id && how === undefined);
  const gate = gates[index];
  if (!gate) return;
  const { how, at: closedAt, approvedBy, reason } = end;
  gates[index] = { ...gate, how, closedAt, approvedBy, ...(reason ? { reason } : {}) };
}

function isOpen({ openedAt, closedAt }: OpenGate, at: string): boolean {
  const then = Date.parse(at);
  return Date.parse(openedAt) <= then && (!closedAt || then <= Date.parse(closedAt));
}

/** Returns for how long people were waited for until a moment; gates open at once count once. */
export function awaitedMs(gates: readonly ReportedGate[], untilMs: number): number {
  const spans = gates
    .map(({ openedAt, closedAt }) => ({
      from: Date.parse(openedAt),
      to: Math.min(untilMs, closedAt ? Date.parse(closedAt) : untilMs),
    }))
    .sort((a, b) => a.from - b.from);
  let total = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const { from, to } of spans) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
}
