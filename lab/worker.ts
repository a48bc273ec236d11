import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkout, paths, stateDir } from './paths.ts';
import { logTail, partPid, signal, startPart } from './processes.ts';
import { codeOf, sleep, waitFor } from './run.ts';
import { host, ledgerUrl } from './settings.ts';

/** The name of the worker's process; its log is `.lab/log/worker.log`. */
export const workerPart = 'worker';

/** Just above the worker's own shutdownForceTime (20 s, worker/main.ts). */
const stopTimeoutMs = 25_000;

/** Writes where the lab's Temporal is, and returns the settings that name it, the ledger and no other. */
async function labSettings(): Promise<Readonly<Record<string, string>>> {
  const file = join(stateDir, 'temporal.toml');
  const address = `127.0.0.1:${host.temporalPort}`;
  await writeFile(file, `[profile.default]\naddress = "${address}"\nnamespace = "default"\n`);
  return { TEMPORAL_CONFIG_FILE: file, TIDEGATE_LEDGER: ledgerUrl };
}

/** Makes this process talk to the lab's Temporal and ledger, whatever settings this shell has. */
export async function useLabTemporal(): Promise<void> {
  for (const name of foreignSettings()) delete process.env[name];
  Object.assign(process.env, await labSettings());
}

/**
 * Starts a worker of this checkout, or of a copy of it, as a process of the lab, in the place of the
 * one that ran, and returns its process id once it takes work. `down` ends it with everything else.
 */
export async function startWorker(
  options: {
    readonly env?: Readonly<Record<string, string>>;
    /** Folder of another build's `worker/`; its working folder is the checkout all the same. */
    readonly build?: string;
  } = {},
): Promise<number> {
  await stopWorker();
  const log = join(paths.log, `${workerPart}.log`);
  const read = await sizeOf(log);
  const unset = foreignSettings().flatMap((name) => ['-u', name]);
  const settings = Object.entries({
    ...(await labSettings()),
    TIDEGATE_METRICS: `127.0.0.1:${host.workerMetricsPort}`,
    ...options.env,
  });
  await startPart({
    name: workerPart,
    // Paths in the example Fleet are relative to the checkout.
    command: [
      ...['env', `--chdir=${checkout}`, ...unset],
      ...settings.map((pair) => pair.join('=')),
      ...[process.execPath, join(options.build ?? checkout, 'worker', 'main.ts')],
    ],
  });
  let pid: number | undefined;
  await waitFor({
    what: 'the worker to be ready',
    timeoutMs: 60_000,
    until: async () => {
      pid = await partPid(workerPart);
      if (!pid)
        throw new Error(`the worker ended; its log ends with\n  ${await logTail(workerPart)}`);
      return (await readFile(log)).subarray(read).includes('"worker ready"');
    },
  });
  return pid ?? 0;
}

/** Ends the lab's worker, in order if it can; what it was doing is taken up by the next one. */
export async function stopWorker(): Promise<void> {
  const pid = await partPid(workerPart);
  if (!pid) return;
  signal(pid, 'SIGTERM');
  const deadline = Date.now() + stopTimeoutMs;
  while ((await partPid(workerPart)) === pid) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL');
    await sleep(100);
  }
}

function foreignSettings(): string[] {
  return Object.keys(process.env).filter((name) => /^(TEMPORAL|TIDEGATE)_(?!LAB)/.test(name));
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
