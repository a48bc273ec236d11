/** Digests of what people approve. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../workflows/domain/canonical.ts';

/** Returns the hash of a text, in hexadecimal digits. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Returns "sha256:" and the hash of the content's canonical JSON. */
export function digestOf(content: object): string {
  return `sha256:${sha256(canonicalJson(content))}`;
}
