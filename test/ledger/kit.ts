/** A real PostgreSQL for tests, a database each, and ways to tamper with it. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedSource } from '../../ledger/embedded.ts';
import type { LedgerEntry } from '../../workflows/contract.ts';

export const RECORDED_AT = '2026-11-24T22:00:01.000Z';

export interface TestDatabases {
  /** Folder of the embedded server. */
  readonly folder: string;
  /** Makes a database, empty or a copy of another one; returns its URL. */
  readonly make: (name: string, template?: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Starts an embedded server in a folder of its own. */
export async function startDatabases(): Promise<TestDatabases> {
  const base = await temporaryFolder();
  const folder = join(base, 'ledger');
  const source = embeddedSource(folder);
  const url = await source.url();
  return {
    folder,
    make: async (name, template = 'template1') => {
      await sql(url, `create database ${name} template ${template}`);
      return url.replace(/\/postgres$/, `/${name}`);
    },
    close: async () => {
      await source.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Returns a new folder that the account of the database can reach. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-ledger-'));
  await chmod(folder, 0o755);
  return folder;
}

/** Runs SQL as the owner of everything. */
export async function sql(
  url: string,
  text: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query(text);
    return result.rows ?? [];
  } finally {
    await client.end();
  }
}

/** Runs SQL with every trigger off, as somebody who wants to tamper would. */
export async function tamper(url: string, text: string): Promise<void> {
  await sql(url, `set session_replication_role = replica; ${text}`);
}

/** Returns an entry; the same number gives the same one. */
export function entryOf(number: number, change: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    id: `rollout/patch/run/${number}`,
    at: new Date(Date.UTC(2026, 10, 24, 22, 0, 0) + number * 1000).toISOString(),
    rollout: 'patch',
    kind: 'Phase',
    subject: `east/east-${number % 5}`,
    ...(number % 3 === 0 ? { actor: 'sre-lead' } : {}),
    body: { phase: 'Canary', waitingFor: `number ${number}`, deep: [{ b: 1.5, a: [number] }] },
    ...change,
  };
}

export function entries(from: number, count: number): LedgerEntry[] {
  return Array.from({ length: count }, (_, index) => entryOf(from + index));
}

/** Runs a script of this folder in a process of its own, with what it prints on its last line. */
export function script(
  name: string,
  args: readonly string[],
): {
  readonly ended: Promise<{ readonly code: number | null; readonly out: string }>;
  readonly kill: () => void;
  readonly end: () => void;
  /** Resolves once it has printed so much. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
} {
  const file = join(import.meta.dirname, name);
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  let look: () => void = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  const ended = new Promise<{ code: number | null; out: string }>((end) =>
    child.once('close', (code) => end({ code, out })),
  );
  return {
    ended,
    kill: () => child.kill('SIGKILL'),
    end: () => child.stdin.end(),
    printed: (pattern) =>
      new Promise((found, missing) => {
        look = () => {
          const match = pattern.exec(out);
          if (match) found(match);
        };
        look();
        ended.then(({ code }) => missing(new Error(`ended with ${code}: ${out}`)), missing);
      }),
  };
}

/** A fixed address before a server that comes and goes, and may come back on another port. */
export async function startProxy(target: () => number | undefined): Promise<{
  readonly port: number;
  /** Ends what is connected; whether somebody can connect again is the target's business. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const port = target();
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    if (port === undefined) return void socket.destroy();
    const behind = connect(port, '127.0.0.1');
    behind.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => behind.destroy());
    socket.pipe(behind).pipe(socket);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    close: async () => {
      cut();
      await new Promise((closed) => server.close(closed));
    },
  };
}
