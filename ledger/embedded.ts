/** The embedded PostgreSQL as a source: found where one runs, else started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EmbeddedAnswer, runningServer } from './embedded-folder.ts';
import { LedgerUnavailableError } from './errors.ts';
import type { DatabaseSource } from './store.ts';

export { hasEmbedded } from './embedded-folder.ts';

const SERVER = fileURLToPath(new URL('./embedded-server.ts', import.meta.url));
/** PostgreSQL stops in less, with nobody connected. */
const STOP_MS = 15_000;

/**
 * Returns the database in a folder. It is shared with whoever uses the folder on this machine, and
 * ends with the one that started it; the next use by another one starts it again.
 */
export function embeddedSource(folder: string): DatabaseSource {
  const place = resolve(folder);
  let found: Promise<string> | undefined;
  let started: ChildProcess | undefined;
  const find = async () => {
    const running = await runningServer(place);
    if (running !== undefined) return running;
    const child = start(place);
    const url = await answerOf(child);
    started = child;
    return url;
  };
  return {
    url: async () => {
      found ??= find();
      const asked = found;
      try {
        return await asked;
      } catch (error) {
        // Not an answer to keep: the next one may be luckier.
        if (found === asked) found = undefined;
        throw error;
      }
    },
    lost: () => {
      found = undefined;
    },
    close: async () => {
      await found?.catch(() => undefined);
      if (started) await stop(started);
      started = undefined;
    },
  };
}

/** In a session of its own: Ctrl-C is for the worker, which stops it in its turn. */
function start(folder: string): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', SERVER, folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  child.unref();
  return child;
}

async function answerOf(child: ChildProcess): Promise<string> {
  const line = await new Promise<string>((said, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) said(text);
    });
    child.once('error', reject);
    child.once('close', () => reject(new LedgerUnavailableError('PostgreSQL did not start')));
  });
  const answer = JSON.parse(line) as EmbeddedAnswer;
  if ('error' in answer) throw new LedgerUnavailableError(hinted(answer.error));
  // What it still says is of no interest, and neither keeps this process.
  for (const stream of [child.stdin, child.stdout])
    (stream as { unref?(): void } | null)?.unref?.();
  child.stdout?.resume();
  return answer.url;
}

function hinted(message: string): string {
  const said = `the embedded PostgreSQL did not start: ${message}`;
  if (!/permission denied|EACCES|not create directory/i.test(message)) return said;
  return `${said} (its account has to reach the folder: see TIDEGATE_DATA, or give TIDEGATE_LEDGER a URL)`;
}

/** Ends its standard input, and waits until the database has stopped. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((end) => child.once('exit', () => end()));
  child.ref();
  child.stdin?.on('error', () => undefined);
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGTERM'), STOP_MS);
  await gone;
  clearTimeout(timer);
}
