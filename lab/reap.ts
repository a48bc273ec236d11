import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupDirs, removeCgroups } from './cgroups.ts';
import { readMachineRecord, releaseMachine } from './machine.ts';
import { labMounts, unmountBelow, unmountLab } from './mounts.ts';
import { networkRemains, removeNetwork } from './network.ts';
import { cacheDir, stateDir } from './paths.ts';
import { killAll, labProcesses } from './processes.ts';
import { nodes } from './settings.ts';

/**
 * Takes away everything that a lab of this or another checkout left on the machine: processes,
 * mounts, namespaces, links, cgroups, kernel settings and its state folder. Safe to repeat.
 */
export async function reap(): Promise<void> {
  const record = await readMachineRecord();
  const folders = new Set([stateDir, ...(record ? [record.stateDir] : [])]);
  await killAll(labProcesses);
  await forgetMachines(await labMounts(...folders));
  await unmountLab(...folders);
  await unmountBelow(cacheDir);
  await removeNetwork();
  await removeCgroups();
  for (const folder of folders) await removeState(folder);
  await releaseMachine();
}

/** Removes the files that killed systemd-nspawn processes left in /run, of the lab's nodes only. */
async function forgetMachines(roots: readonly string[]): Promise<void> {
  const files = nodes.map(({ name }) => `propagate/${name}`);
  for (const root of roots) {
    const { dev, ino } = await stat(root);
    files.push(`locks/inode-${dev}:${ino}`);
  }
  for (const file of files) {
    await rm(join('/run/systemd/nspawn', file), { recursive: true, force: true });
  }
}

async function removeState(folder: string): Promise<void> {
  const mounted = (await labMounts(folder)).filter((path) => path.startsWith(`${folder}/`));
  if (mounted.length > 0) throw new Error(`still mounted, so not deleted: ${mounted.join(' ')}`);
  await rm(folder, { recursive: true, force: true });
}

/** Returns one line for each thing of a lab that is still on the machine. */
export async function remains(): Promise<readonly string[]> {
  const { netns, links } = await networkRemains();
  return [
    ...[...(await labProcesses())].map((pid) => `process ${pid}`),
    ...(await labMounts(stateDir)).map((path) => `mount ${path}`),
    ...netns.map((name) => `network namespace ${name}`),
    ...links.map((name) => `link ${name}`),
    ...(await cgroupDirs()).map((path) => `cgroup ${path}`),
  ];
}
