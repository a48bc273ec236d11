/** What lies in the folder of an embedded PostgreSQL, and what that says of the server. */
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

export const USER = 'tidegate';
/** Folder of the database's own files. */
export const DATABASE = 'postgres';
/** File of the password, for the account that made the folder. */
export const PASSWORD = 'password';
/** PostgreSQL's own lock. */
export const PID_FILE = 'postmaster.pid';

/** What the process of embedded-server.ts prints. */
export type EmbeddedAnswer = { readonly url: string } | { readonly error: string };

/** Returns whether a database was made in the folder. */
export async function hasEmbedded(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, PASSWORD))).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Returns the URL of the server that runs in the folder, or undefined where none listens. */
export async function runningServer(folder: string): Promise<string | undefined> {
  const port = await portInLock(folder);
  if (port === undefined || !(await listens(port))) return undefined;
  const password = await readFile(join(folder, PASSWORD), 'utf8');
  return `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`;
}

/** Lines of the lock: pid, folder, start, port, sockets, address, shared memory, state. */
async function portInLock(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, DATABASE, PID_FILE), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  const lines = text.split('\n');
  return lines[7]?.trim() === 'ready' ? Number(lines[3]) || undefined : undefined;
}

function listens(port: number): Promise<boolean> {
  return new Promise((known) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2000 });
    const end = (answer: boolean) => {
      socket.destroy();
      known(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
