/** The chain: each record's hash covers the hash of the one before, so that nothing changes unseen. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../workflows/domain/canonical.ts';
import type { LedgerEntry } from '../workflows/ledger-contract.ts';

/** A record of the ledger, with its place in the chain. */
export interface StoredEntry extends LedgerEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  /** RFC 3339, of when it was written. */
  readonly recordedAt: string;
  /** In hexadecimal digits: sha256 of everything else, prevHash included. */
  readonly hash: string;
  readonly prevHash: string;
}

/** The newest record, as the ledger itself remembers it. */
export interface Head {
  /** 0 while there is no record. */
  readonly seq: number;
  readonly hash: string;
}

/** What the first record follows. */
export const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) };

/** Returns the hash that a record must have. */
export function hashOf(record: Omit<StoredEntry, 'hash'>): string {
  const { seq, id, at, recordedAt, rollout, kind, subject, actor, body, prevHash } = record;
  const sealed = { seq, id, at, recordedAt, rollout, kind, subject, actor, body, prevHash };
  return createHash('sha256').update(canonicalJson(sealed)).digest('hex');
}

/** Returns the entries as records that follow a head, one after the other. */
export function chained(
  entries: readonly LedgerEntry[],
  { head, recordedAt }: { readonly head: Head; readonly recordedAt: string },
): readonly StoredEntry[] {
  let { seq, hash } = head;
  return entries.map((entry) => {
    seq += 1;
    const unsealed = { ...entry, seq, recordedAt, prevHash: hash };
    hash = hashOf(unsealed);
    return { ...unsealed, hash };
  });
}
