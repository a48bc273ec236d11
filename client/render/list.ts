/** Shows the list of rollouts: which of them wait, and for what. */
import type { RolloutEntry } from '../view.ts';
import { type Look, table, toneOf } from './look.ts';
import { ago, duration } from './time.ts';

/** Returns a header and one line for each rollout. */
export function renderList(entries: readonly RolloutEntry[], nowMs: number, look: Look): string {
  const rows = entries.map((entry) => [
    entry.rollout,
    { text: entry.phase, tone: toneOf(entry.phase) },
    entry.waitingFor || '-',
    { text: String(entry.nodesFailed), tone: entry.nodesFailed > 0 ? 'red' : 'none' } as const,
    look.aligned ? ago(entry.startedAt, nowMs) : entry.startedAt,
    took(entry, nowMs),
  ]);
  return table(['ROLLOUT', 'PHASE', 'WAITS FOR', 'FAILED', 'STARTED', 'TOOK'], rows, look);
}

function took(entry: RolloutEntry, nowMs: number): string {
  const end = entry.closedAt ? Date.parse(entry.closedAt) : nowMs;
  return duration(end - Date.parse(entry.startedAt));
}
