/** What the ledger's workflow takes of what it is sent, and in which portions it passes that on. */
import type { LedgerEntry } from '../ledger-contract.ts';

export interface BatchLimits {
  readonly entries: number;
  /** Characters of JSON: about bytes, at most a third of them. An entry above it goes alone. */
  readonly size: number;
}

/** Of a signal: far below Temporal's 2 MB for a payload. */
export const SIGNAL_LIMITS: BatchLimits = { entries: 500, size: 200_000 };
/** Of one transaction; Temporal warns of payloads above 512 KB. */
export const APPEND_LIMITS: BatchLimits = { entries: 200, size: 480_000 };
/** Of what a run passes on to the next one. */
export const CARRY_LIMITS: BatchLimits = { entries: 5000, size: 480_000 };

/** Returns the entries in portions, in their order. */
export function inBatches(
  entries: Iterable<LedgerEntry>,
  limits: BatchLimits,
): readonly (readonly LedgerEntry[])[] {
  const batches: LedgerEntry[][] = [];
  let size = 0;
  for (const entry of entries) {
    const own = JSON.stringify(entry).length;
    const open = batches.at(-1);
    if (open && open.length < limits.entries && size + own <= limits.size) {
      open.push(entry);
      size += own;
    } else {
      batches.push([entry]);
      size = own;
    }
  }
  return batches;
}

/** Returns the entries of a signal; anybody may have sent it, so what can't be kept is left out. */
export function entriesIn(signal: unknown): {
  readonly entries: readonly LedgerEntry[];
  /** How many were left out. */
  readonly refused: number;
} {
  const given: unknown = (signal as { entries?: unknown } | null | undefined)?.entries;
  if (!Array.isArray(given)) return { entries: [], refused: 1 };
  const entries = given.filter(isEntry);
  return { entries, refused: given.length - entries.length };
}

function isEntry(value: unknown): value is LedgerEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Readonly<Record<string, unknown>>;
  const { at, body } = entry;
  return (
    [entry['id'], entry['rollout'], entry['kind']].every(isName) &&
    [entry['subject'], entry['actor']].every((text) => text === undefined || isText(text)) &&
    isText(at) &&
    !Number.isNaN(Date.parse(at)) &&
    typeof body === 'object' &&
    body !== null
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** PostgreSQL's index takes no longer ones. */
function isName(value: unknown): boolean {
  return isText(value) && value !== '' && value.length <= 1000;
}
