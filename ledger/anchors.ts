/** Anchors: signed heads of the chain. Kept elsewhere, they show a chain that was written anew. */
import { appendFile, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { canonicalJson } from '../workflows/domain/canonical.ts';
import type { Head } from './chain.ts';
import { signerOf, signText } from './ssh-keygen.ts';
import type { TrustedHead } from './verification.ts';

/** One line of an anchors file. */
export interface Anchor extends TrustedHead {
  /** Over the canonical JSON of at, hash and seq: armored, by an SSH key. */
  readonly signature: string;
}

/** A line that says nothing of the ledger, and why. */
export interface BadAnchor {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

const HOUR_MS = 3_600_000;
const EVERY_RECORDS = 1000;
/** The last line is within the last so many bytes: a signature has some hundred, with RSA a thousand. */
const TAIL_BYTES = 16 * 1024;

/** Returns whether the head has to be signed, given the anchor before it. */
export function anchorIsDue(
  head: Head,
  {
    last,
    nowMs,
    rolloutEnded,
  }: {
    readonly last: TrustedHead | undefined;
    readonly nowMs: number;
    readonly rolloutEnded: boolean;
  },
): boolean {
  if (head.seq <= (last?.seq ?? 0)) return false;
  if (!last || rolloutEnded) return true;
  return head.seq - last.seq >= EVERY_RECORDS || nowMs - Date.parse(last.at) >= HOUR_MS;
}

/** Returns the text that an anchor's signature is over. */
export function anchorStatement({ seq, hash, at }: TrustedHead): string {
  return canonicalJson({ seq, hash, at });
}

/** Signs a head. */
export async function signAnchor(
  { seq, hash }: Head,
  { at, keyFile }: { readonly at: string; readonly keyFile: string },
): Promise<Anchor> {
  const signature = await signText(anchorStatement({ seq, hash, at }), keyFile);
  return { seq, hash, at, signature };
}

/** Adds an anchor to a file, which is made if need be. */
export async function keepAnchor(anchor: Anchor, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // A line that a power cut has left unfinished is not to swallow this one.
  const tail = await tailOf(file);
  const broken = tail !== '' && !tail.endsWith('\n');
  await appendFile(file, `${broken ? '\n' : ''}${JSON.stringify(anchor)}\n`, { flush: true });
}

/** Returns the last anchor in a file, as it stands there; undefined where there is none. */
export async function lastAnchor(file: string): Promise<Anchor | undefined> {
  const lines = (await tailOf(file)).trimEnd().split('\n');
  return parseAnchor(lines.at(-1) ?? '');
}

/** Checks every line of an anchors file. */
export async function checkAnchors(
  text: string,
  signersFile: string,
): Promise<{ readonly good: readonly TrustedHead[]; readonly bad: readonly BadAnchor[] }> {
  const good: TrustedHead[] = [];
  const bad: BadAnchor[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const anchor = parseAnchor(line);
    const answer = anchor
      ? await signerOf(anchorStatement(anchor), { signature: anchor.signature, signersFile })
      : { problem: 'it is no anchor: {"seq", "hash", "at", "signature"} was expected' };
    if ('problem' in answer) bad.push({ line: index + 1, what: answer.problem });
    else if (anchor) good.push({ seq: anchor.seq, hash: anchor.hash, at: anchor.at });
  }
  return { good, bad };
}

function parseAnchor(line: string): Anchor | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { seq, hash, at, signature } = (value ?? {}) as Partial<Record<keyof Anchor, unknown>>;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof hash !== 'string' || typeof at !== 'string' || typeof signature !== 'string') {
    return undefined;
  }
  return { seq, hash, at, signature };
}

async function tailOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
