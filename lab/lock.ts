import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, sleep } from './run.ts';

/** Runs work while holding a lock file; waits for a living holder, takes over from a dead one. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<void> {
  let told = false;
  for (;;) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = await holderOf(path);
    if (holder === 'dead') {
      await rm(path, { force: true });
      continue;
    }
    // To stderr: the output of some commands is a path that others read.
    if (!told) process.stderr.write(`waiting for process ${holder}, which holds ${path}\n`);
    told = true;
    await sleep(500);
  }
}

async function holderOf(path: string): Promise<number | 'dead'> {
  try {
    const text = await readFile(path, 'utf8');
    const pid = Number(text);
    if (pid > 0) return (await isAlive(pid)) ? pid : 'dead';
    // Empty: its maker is about to write its id, or died before it did.
    const age = Date.now() - (await stat(path)).mtimeMs;
    return age < 2000 ? 0 : 'dead';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'dead';
    throw error;
  }
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes('node');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
