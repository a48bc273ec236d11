/** Finds the first record of a chain that is not as it was written. Pure. */
import { canonicalJson } from '../workflows/domain/canonical.ts';
import type { LedgerKind } from '../workflows/ledger-contract.ts';
import { GENESIS, type Head, hashOf } from './chain.ts';
import { bodyOf, type RawRecord } from './record.ts';

/** A head that somebody trusted has signed. */
export interface TrustedHead extends Head {
  /** RFC 3339, of the signature. */
  readonly at: string;
}

export interface BadRecord {
  readonly seq: number;
  /** Absent where the record is missing. */
  readonly id?: string;
  /** What is wrong, in words that follow the record's name. */
  readonly what: string;
}

export interface ChainVerdict {
  /** Records up to the first bad one, or all of them. */
  readonly records: number;
  readonly head: Head;
  /** Absent where the chain is sound. */
  readonly firstBad?: BadRecord;
  /** Anchors that the chain agrees with. */
  readonly anchorsAgreed: number;
}

interface Link extends Head {
  readonly id?: string;
}

/** Reads a chain as far as it is sound. `head` is what the ledger remembers as its newest record. */
export async function verifyChain(
  records: AsyncIterable<RawRecord>,
  { head, anchors }: { readonly head: Head | undefined; readonly anchors: readonly TrustedHead[] },
): Promise<ChainVerdict> {
  const waiting = [...anchors].sort((a, b) => a.seq - b.seq);
  let last: Link = GENESIS;
  let agreedTo = 0;
  const verdict = (firstBad?: BadRecord): ChainVerdict => ({
    records: last.seq,
    head: { seq: last.seq, hash: last.hash },
    ...(firstBad ? { firstBad } : {}),
    anchorsAgreed: anchors.length - waiting.length,
  });
  for await (const record of records) {
    const bad = problemOf(record, last) ?? beyondHead(record, head);
    if (bad) return verdict(bad);
    for (let next = waiting[0]; next && next.seq <= record.seq; next = waiting[0]) {
      if (next.hash !== record.hash) return verdict(rewritten(record, next, agreedTo));
      agreedTo = record.seq;
      waiting.shift();
    }
    last = { seq: record.seq, hash: record.hash, id: record.id };
  }
  return verdict(problemOfEnd(last, head, waiting[0]));
}

function problemOf(record: RawRecord, last: Link): BadRecord | undefined {
  const { seq, id } = record;
  const expected = last.seq + 1;
  if (seq > expected) return { seq: expected, what: removed(expected, record) };
  if (seq < expected) return { seq, id, what: 'stands where no record can be: it was put in' };
  const follows = record.prevHash === last.hash;
  if (!isAsHashed(record)) {
    return {
      ...{ seq, id },
      what: follows
        ? 'was changed: its hash is not that of its content'
        : 'was changed, or moved here from another place: neither its hash nor what it follows fits',
    };
  }
  if (follows) return undefined;
  const before = last.seq === 0 ? 'the beginning' : `record ${last.seq} (${last.id})`;
  return {
    ...{ seq, id },
    what: `does not follow ${before}: one of the two was put in, or something between them was taken out`,
  };
}

function removed(expected: number, next: RawRecord): string {
  const upTo = next.seq - 1 > expected ? `, and so is every one up to ${next.seq - 1}` : '';
  return `is missing${upTo}; the next one there is ${next.seq} (${next.id})`;
}

/** The body has to be the very text that was hashed: what reads the same may still have been touched. */
function isAsHashed(record: RawRecord): boolean {
  const body = bodyOf(record);
  if (body === undefined || canonicalJson(body) !== record.body) return false;
  const { hash, kind, ...sealed } = record;
  return hashOf({ ...sealed, kind: kind as LedgerKind, body }) === hash;
}

function beyondHead({ seq, id }: RawRecord, head: Head | undefined): BadRecord | undefined {
  if (!head || seq <= head.seq) return undefined;
  const what = `stands behind the newest record that the ledger has written (${head.seq}): it was put in`;
  return { seq, id, what };
}

function rewritten(record: RawRecord, anchor: TrustedHead, agreedTo: number): BadRecord {
  const span =
    agreedTo + 1 === record.seq
      ? 'it was written anew'
      : `it or one before it, from ${agreedTo + 1} on, was written anew`;
  return {
    ...{ seq: record.seq, id: record.id },
    what: `has another hash than the anchor of ${anchor.at} says: ${span}, with every hash behind it`,
  };
}

function problemOfEnd(
  last: Link,
  head: Head | undefined,
  anchor: TrustedHead | undefined,
): BadRecord | undefined {
  const missing = { seq: last.seq + 1 };
  if (head && head.seq > last.seq) {
    const upTo = head.seq > last.seq + 1 ? `, and so is every one up to ${head.seq}` : '';
    return { ...missing, what: `is missing${upTo}: the end was cut off` };
  }
  if (anchor) {
    return {
      ...missing,
      what: `is missing: the anchor of ${anchor.at} says that there were ${anchor.seq} records; the end was cut off, with the ledger's own note of it`,
    };
  }
  const named = { seq: last.seq, ...(last.id === undefined ? {} : { id: last.id }) };
  if (!head) {
    return { ...named, what: "is the last one, but the ledger's own note of that was removed" };
  }
  if (head.hash === last.hash) return undefined;
  return {
    ...named,
    what: 'has another hash than the one that the ledger has noted as its newest',
  };
}
