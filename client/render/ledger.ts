/** Shows the ledger: whether it is sound, and what it holds. */
import type { Head } from '../../ledger/chain.ts';
import type { LedgerVerdict } from '../../ledger/verify.ts';
import { counted, fields, type Look, paint } from './look.ts';

/** What `tidegate ledger status` tells. */
export interface LedgerStatus {
  readonly ledger: string;
  readonly head: Head;
  /** Of the newest record; absent where there is none. */
  readonly newest?: {
    readonly at: string;
    readonly recordedAt: string;
    readonly rollout: string;
    readonly kind: string;
  };
}

/** Returns a verdict as text; its first word is the answer. */
export function renderVerdict(verdict: LedgerVerdict, look: Look): string {
  const { sound, records, head, firstBad, anchors, anchorsAgreed } = verdict;
  const lines = [
    sound
      ? `${paint('sound', 'green', look)}: ${counted(records, 'record')}, none changed, removed, moved or put in`
      : `${paint('NOT SOUND', 'red', look)}: ${counted(records, 'record')} in order from the beginning`,
  ];
  if (firstBad) {
    const id = firstBad.id === undefined ? '' : ` (${firstBad.id})`;
    lines.push(paint(`record ${firstBad.seq}${id} ${firstBad.what}`, 'red', look));
  } else if (records > 0) lines.push(`head: record ${head.seq}, ${head.hash}`);
  for (const { line, what } of anchors?.bad ?? []) {
    lines.push(paint(`anchor on line ${line} proves nothing: ${what}`, 'red', look));
  }
  lines.push(
    anchors
      ? `anchors: ${anchorsAgreed} of ${anchors.checked} agree with the records`
      : 'anchors: none were given; without one from elsewhere, a chain written anew as a whole looks sound',
  );
  return lines.join('\n');
}

/** Returns the status as text. */
export function renderLedgerStatus({ ledger, head, newest }: LedgerStatus, look: Look): string {
  const pairs: (readonly [string, string])[] = [
    ['ledger', ledger],
    ['records', String(head.seq)],
  ];
  if (newest) {
    const { at, recordedAt, rollout, kind } = newest;
    pairs.push(['head', head.hash]);
    pairs.push(['newest', `${kind} of ${rollout} at ${at}, written ${recordedAt}`]);
  }
  return fields(pairs, look);
}
