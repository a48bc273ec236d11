/** Checks signatures with ssh-keygen, as git does. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprint } from './known-hosts.ts';

export interface SignatureQuestion {
  readonly text: string;
  /** Armored. */
  readonly signature: string;
  readonly namespace: string;
  /** Whose signature it has to be. */
  readonly principal: string;
  /** Path of an allowed_signers file. */
  readonly signersFile: string;
  readonly signal: AbortSignal;
}

/** `said` is what ssh-keygen has said, on one line; `key` is like "ED25519 SHA256:…". */
export type SignatureAnswer =
  | {
      readonly kind: 'Good';
      readonly key: string;
      /** Other principals, or patterns of them, for which the file would take the same signature. */
      readonly alsoFor: readonly string[];
    }
  /** It is over this text, but the file does not let its key sign for the principal now. */
  | {
      readonly kind: 'OtherSigner';
      readonly key: string;
      /** Principals that the file lists with this key. */
      readonly listedFor: readonly string[];
      readonly said: string;
    }
  /** It is over another text or of another namespace, or is no signature at all. */
  | { readonly kind: 'Bad'; readonly said: string }
  | { readonly kind: 'NotChecked'; readonly why: 'NoTool' | 'TimedOut' };

interface Ended {
  readonly code: number | 'NoTool' | 'TimedOut';
  readonly stdout: string;
  readonly stderr: string;
}

/** It computes for milliseconds; a worker that is short of time gets some more. */
const TIMEOUT_MS = 10_000;
const OUTPUT_LIMIT_BYTES = 64 * 1024;

/** Checks one signature; fails only where it is cancelled or the worker's disk takes no file. */
export async function checkSignature(question: SignatureQuestion): Promise<SignatureAnswer> {
  const { signature, signal } = question;
  signal.throwIfAborted();
  // mkdtemp makes it for this user alone.
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-vote-'));
  try {
    const file = join(folder, 'signature');
    await writeFile(file, signature, { mode: 0o600 });
    return await check(question, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function check(question: SignatureQuestion, file: string): Promise<SignatureAnswer> {
  const { text, namespace, principal, signersFile, signal } = question;
  const ask = (args: readonly string[]) => sshKeygen([...args, '-s', file], text, signal);
  const verified = await ask(verifying(question, principal));
  const { code } = verified;
  if (typeof code !== 'number') return { kind: 'NotChecked', why: code };
  // Which is wrong, the signature or whose it is? That needs no list of signers.
  const alone = code === 0 ? verified : await ask(['-Y', 'check-novalidate', '-n', namespace]);
  if (alone.code !== 0) return { kind: 'Bad', said: sentence(verified.stderr) };
  const key = keyIn(alone);
  // Of a certificate, ssh-keygen tells the names; of a key, only those on the first line with it.
  const found = await ask(['-Y', 'find-principals', '-f', signersFile]);
  if (typeof found.code !== 'number') return { kind: 'NotChecked', why: found.code };
  const listed = listedWith(key, await readFile(signersFile, 'utf8'));
  const names = [...listed, ...found.stdout.split(/[\n,]/)].filter((name) => name !== '');
  const listedFor = [...new Set(names)].filter((name) => name !== principal);
  if (code !== 0) return { kind: 'OtherSigner', key, listedFor, said: sentence(verified.stderr) };
  const alsoFor: string[] = [];
  for (const name of listedFor) {
    const other = await ask(verifying(question, name));
    if (typeof other.code !== 'number') return { kind: 'NotChecked', why: other.code };
    if (other.code === 0) alsoFor.push(name);
  }
  return { kind: 'Good', key, alsoFor };
}

function verifying({ namespace, signersFile }: SignatureQuestion, principal: string): string[] {
  return ['-Y', 'verify', '-n', namespace, '-f', signersFile, '-I', principal];
}

/** Returns the principals, or patterns of them, on the lines of an allowed_signers file with a key. */
function listedWith(key: string, signers: string): string[] {
  return signers
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('#'))
    .filter((line) => line.split(/\s+/).some((word) => key.endsWith(fingerprintOf(word))))
    .flatMap((line) => principalsOf(line).split(','))
    .filter((name) => !name.startsWith('!'));
}

/** The first field; in quotes where names have spaces. */
function principalsOf(line: string): string {
  const [field = '', quoted] = /^"([^"]*)"|^\S+/.exec(line) ?? [];
  return quoted ?? field;
}

function fingerprintOf(word: string): string {
  return fingerprint(Buffer.from(word, 'base64'));
}

/** The last words of the line are ssh-keygen's own, whatever the principal before them is. */
function keyIn({ stdout }: Ended): string {
  const [, type, fingerprint] = / with (\S+) key (\S+)\s*$/.exec(stdout) ?? [];
  return type && fingerprint ? `${type} ${fingerprint}` : 'a key that ssh-keygen does not name';
}

function sentence(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('; ');
}

function sshKeygen(args: readonly string[], input: string, signal: AbortSignal): Promise<Ended> {
  const { PATH, TZ } = process.env;
  // Times in the file are in the worker's zone; nothing else of its environment matters.
  const env = { LC_ALL: 'C', ...(PATH ? { PATH } : {}), ...(TZ ? { TZ } : {}) };
  return new Promise((done, reject) => {
    const child = execFile(
      'ssh-keygen',
      args,
      { env, signal, timeout: TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT_BYTES, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (signal.aborted) return reject(signal.reason);
        const code = error ? codeOf(error) : 0;
        if (code === undefined) return reject(error);
        done({ code, stdout, stderr });
      },
    );
    // It may end before it has read everything; its exit code says so.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function codeOf(error: { code?: unknown; killed?: boolean }): Ended['code'] | undefined {
  if (error.code === 'ENOENT') return 'NoTool';
  if (error.killed) return 'TimedOut';
  return typeof error.code === 'number' ? error.code : undefined;
}
