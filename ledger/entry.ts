/** Makes entries fit to be kept: without secrets, and such that they are read as they were written. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../workflows/domain/canonical.ts';
import type { LedgerEntry } from '../workflows/ledger-contract.ts';
import { redact, redactText } from './redact.ts';

/** Below Temporal's limit of 2 MB for a payload, with room for what is around it. */
const MAX_BODY_BYTES = 1_500_000;

/**
 * Returns the entry as it is kept. Its time is in UTC; text is what PostgreSQL can hold; a body that
 * is too large for one payload is replaced by its size and digest.
 */
export function keptEntry(entry: LedgerEntry): LedgerEntry {
  const { id, at, rollout, kind, subject, actor, body } = entry;
  return {
    id: storable(id),
    at: new Date(at).toISOString(),
    rollout: storable(rollout),
    kind,
    ...(subject === undefined ? {} : { subject: storable(redactText(subject)) }),
    ...(actor === undefined ? {} : { actor: storable(redactText(actor)) }),
    body: keptBody(body),
  };
}

function keptBody(body: object): object {
  const text = canonicalJson(redact(body));
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BODY_BYTES) {
    return { tooLarge: { bytes, sha256: createHash('sha256').update(text).digest('hex') } };
  }
  return JSON.parse(text) as object;
}

/** PostgreSQL refuses NUL in text, and half a surrogate pair would come back as another character. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd');
}
