import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupProcesses } from './cgroups.ts';
import { paths } from './paths.ts';
import { attempt, codeOf, sleep } from './run.ts';
import { names } from './settings.ts';

/** A long-lived process of the lab: its name and its command. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
}

/** Starts a part detached from the terminal, with its output in `.lab/log`, unless it runs. */
export async function startPart(part: Part): Promise<void> {
  if (await partPid(part.name)) return;
  await mkdir(paths.log, { recursive: true });
  await mkdir(paths.run, { recursive: true });
  const log = await open(join(paths.log, `${part.name}.log`), 'a');
  const [file = '', ...args] = part.command;
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: '/',
    env: { ...process.env, [names.marker]: '1', [names.partMarker]: part.name },
  });
  await new Promise<void>((settle, reject) => {
    child.once('spawn', settle);
    child.once('error', reject);
  });
  child.unref();
  await log.close();
  await writeFile(join(paths.run, `${part.name}.pid`), `${child.pid}\n`);
}

/** Returns the process id of a part that this checkout started and that still runs. */
export async function partPid(name: string): Promise<number | undefined> {
  const pid = Number(await textOf(join(paths.run, `${name}.pid`)));
  if (!pid) return undefined;
  const environment = await settledEnvironment(pid);
  return environment.split('\0').includes(`${names.partMarker}=${name}`) ? pid : undefined;
}

/** Reads a process's environment, which is empty for an instant while it executes another program. */
async function settledEnvironment(pid: number): Promise<string> {
  for (let tries = 0; tries < 50; tries++) {
    const environment = await textOf(`/proc/${pid}/environ`);
    if (environment !== '' || !(await isAlive(pid))) return environment;
    await sleep(10);
  }
  return '';
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await textOf(`/proc/${pid}/stat`);
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state !== '' && state !== 'Z' && state !== 'X';
}

/** Returns the last lines of a part's log, for an error message. */
export async function logTail(name: string): Promise<string> {
  return (await textOf(join(paths.log, `${name}.log`))).trim().split('\n').slice(-8).join('\n  ');
}

/** Throws with the end of its log if a part has ended. */
export async function assertRuns(name: string): Promise<void> {
  if (await partPid(name)) return;
  throw new Error(`${name} has ended; its log in .lab/log ends with\n  ${await logTail(name)}`);
}

/** Returns the ids of all processes that some lab started, by their environment or their cgroup. */
export async function labProcesses(): Promise<ReadonlySet<number>> {
  const found = new Set(await cgroupProcesses());
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await textOf(`/proc/${entry}/environ`);
    if (environment.split('\0').includes(`${names.marker}=1`)) found.add(Number(entry));
  }
  for (const pid of await ownLine()) found.delete(pid);
  return found;
}

/** Returns what a killed command of the lab left running, such as a bootstrap on its way. */
export async function orphans(): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (const pid of await labProcesses()) {
    const environment = (await textOf(`/proc/${pid}/environ`)).split('\0');
    const isPart = environment.some((text) => text.startsWith(`${names.partMarker}=`));
    if (environment.includes(`${names.marker}=1`) && !isPart && (await parentOf(pid)) === 1) {
      found.add(pid);
    }
  }
  return found;
}

/** Kills processes and waits until they are gone. */
export async function killAll(find: () => Promise<ReadonlySet<number>>): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const pids = await find();
    if (pids.size === 0) return;
    for (const pid of pids) signal(pid, 'SIGKILL');
    await sleep(Math.min(50 + round * 20, 500));
  }
  const left = [...(await find())];
  const { stdout } = await attempt(['ps', '-o', 'pid,stat,args', '-p', left.join(',')]);
  throw new Error(`processes of the lab that do not end:\n${stdout}`);
}

/** Sends a signal to a process; one that has ended is as good as signalled. */
export function signal(pid: number, name: NodeJS.Signals | number): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Returns this process and its ancestors, which must never be taken for parts of the lab. */
async function ownLine(): Promise<readonly number[]> {
  const line: number[] = [];
  for (let pid = process.pid; pid > 0; ) {
    line.push(pid);
    pid = await parentOf(pid);
  }
  return line;
}

async function parentOf(pid: number): Promise<number> {
  const status = await textOf(`/proc/${pid}/status`);
  return Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (['ENOENT', 'ESRCH', 'EACCES', 'ENOTDIR'].includes(code)) return '';
    throw error;
  }
}
