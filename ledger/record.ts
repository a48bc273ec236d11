/** Records as the database holds them, and as they are read. */
import type { LedgerKind } from '../workflows/ledger-contract.ts';
import type { StoredEntry } from './chain.ts';

/** A row as it stands there; nobody has looked yet whether it is what was written. */
export interface RawRecord extends Omit<StoredEntry, 'kind' | 'body'> {
  readonly kind: string;
  /** JSON, if nobody has changed it. */
  readonly body: string;
}

/** Returns the body of a row, or undefined where it is no JSON object. */
export function bodyOf({ body }: RawRecord): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns a row as a record; fails where its body was changed into something that can't be read. */
export function storedEntry(raw: RawRecord): StoredEntry {
  const body = bodyOf(raw);
  if (body === undefined) {
    throw new Error(
      `record ${raw.seq} (${raw.id}) holds no JSON: "tidegate ledger verify" says more`,
    );
  }
  return { ...raw, kind: raw.kind as LedgerKind, body };
}
