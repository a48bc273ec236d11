import { mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { paths, stateDir } from './paths.ts';
import { run } from './run.ts';
import { nodes } from './settings.ts';

/** Returns the path of a node's SSH host key; the public half ends in `.pub`. */
export function hostKey(node: string): string {
  return join(paths.sshDir, `host-${node}`);
}

/** Makes the lab's SSH key, a host key for every node, and the known_hosts that pins them. */
export async function ensureSshKeys(): Promise<void> {
  if (await exists(paths.sshDir)) return;
  await mkdir(stateDir, { recursive: true });
  const work = await mkdtemp(join(stateDir, '.ssh-'));
  const generate = (file: string, comment: string) =>
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', join(work, file)]);
  await generate('id_ed25519', 'tidegate-lab');
  let known = '';
  for (const { name, address } of nodes) {
    await generate(`host-${name}`, name);
    const [type, public_] = (await readFile(join(work, `host-${name}.pub`), 'utf8')).split(' ');
    known += `${address},${name} ${type} ${public_}\n`;
  }
  await writeFile(join(work, 'known_hosts'), known);
  await rename(work, paths.sshDir);
}
