import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { exists } from './cache.ts';
import { machineRecord, parent, stateDir } from './paths.ts';
import { codeOf } from './run.ts';

/** Kernel settings that kubelets check or that several machines on one kernel need. */
const wanted: Readonly<Record<string, number>> = {
  'vm/overcommit_memory': 1,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
  'fs/inotify/max_user_instances': 8192,
  'fs/inotify/max_user_watches': 524_288,
};

/** What the machine's one lab is: where its state is, and what the kernel's settings were before. */
export interface MachineRecord {
  readonly stateDir: string;
  readonly settingsBefore: Readonly<Record<string, string>>;
}

/** Returns the record of the lab on this machine, of whichever checkout. */
export async function readMachineRecord(): Promise<MachineRecord | undefined> {
  try {
    return JSON.parse(await readFile(machineRecord, 'utf8')) as MachineRecord;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Records that this checkout's lab is the machine's, and applies the kernel settings it needs. */
export async function claimMachine(): Promise<void> {
  if (!(await exists(machineRecord))) {
    const settingsBefore: Record<string, string> = {};
    for (const name of Object.keys(wanted)) settingsBefore[name] = await readSetting(name);
    await mkdir(parent(machineRecord), { recursive: true });
    const record: MachineRecord = { stateDir, settingsBefore };
    await writeFile(machineRecord, `${JSON.stringify(record, null, 2)}\n`);
  }
  const atLeast = (name: string) => name.startsWith('fs/') || name.startsWith('kernel/keys/');
  for (const [name, value] of Object.entries(wanted)) {
    const current = Number(await readSetting(name));
    const enough = atLeast(name) ? current >= value : current === value;
    if (!enough) await writeFile(`/proc/sys/${name}`, `${value}`);
  }
}

/** Puts the kernel's settings back to what they were and forgets the lab. */
export async function releaseMachine(): Promise<void> {
  const record = await readMachineRecord();
  for (const [name, value] of Object.entries(record?.settingsBefore ?? {})) {
    if ((await readSetting(name)) !== value) await writeFile(`/proc/sys/${name}`, value);
  }
  await rm(parent(machineRecord), { recursive: true, force: true });
}

async function readSetting(name: string): Promise<string> {
  return (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
}
