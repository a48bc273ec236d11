import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './run.ts';
import { names } from './settings.ts';

/** Returns the mount point of every cgroup hierarchy of the host (one on cgroup v2). */
export async function hierarchies(): Promise<readonly string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path]) => path ?? '');
}

/** Makes a cgroup for one part of the lab in every hierarchy and returns the folders. */
export async function makeCgroups(part: string): Promise<readonly string[]> {
  const made: string[] = [];
  for (const root of await hierarchies()) {
    const group = join(root, names.cgroup);
    await mkdir(group, { recursive: true });
    await fillCpuset(root, group);
    const child = join(group, part);
    await mkdir(child, { recursive: true });
    await fillCpuset(group, child);
    made.push(child);
  }
  return made;
}

/** Gives a new cpuset its parent's processors and memory: it takes no process while it has none. */
async function fillCpuset(parent: string, child: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    try {
      if ((await readFile(join(child, file), 'utf8')).trim() !== '') continue;
      await writeFile(join(child, file), await readFile(join(parent, file), 'utf8'));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Returns the folders of the lab's cgroups, deepest first, of all parts or of one. */
export async function cgroupDirs(part = ''): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (dir: string): Promise<void> => {
    let children: string[];
    try {
      const entries = await readdir(dir, { withFileTypes: true });
      children = entries.filter((e) => e.isDirectory()).map((e) => e.name);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    for (const child of children) await visit(join(dir, child));
    found.push(dir);
  };
  for (const root of await hierarchies()) await visit(join(root, names.cgroup, part));
  return found;
}

/** Returns the ids of the processes in the lab's cgroups, of all parts or of one. */
export async function cgroupProcesses(part = ''): Promise<ReadonlySet<number>> {
  const pids = new Set<number>();
  for (const dir of await cgroupDirs(part)) {
    try {
      const text = await readFile(join(dir, 'cgroup.procs'), 'utf8');
      for (const line of text.split('\n')) if (line !== '') pids.add(Number(line));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENODEV') throw error;
    }
  }
  return pids;
}

/** Removes the lab's cgroups, of all parts or of one, which must be empty of processes. */
export async function removeCgroups(part = ''): Promise<void> {
  for (const dir of await cgroupDirs(part)) {
    try {
      await rmdir(dir);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}
