import { readFile } from 'node:fs/promises';
import { attempt, run } from './run.ts';
import { nodes } from './settings.ts';

interface Mount {
  readonly path: string;
  readonly source: string;
}

async function mounts(): Promise<readonly Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const words = line.split(' ');
      const path = (words[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
      return { path, source: words[words.indexOf('-') + 2] ?? '' };
    });
}

/** Returns the source by which a node's overlay is recognised among the mounts. */
export function overlaySource(node: string): string {
  return `tidegate-${node}`;
}

/** Returns the mount points of the lab: overlays of its nodes wherever they are, and its folders'. */
export async function labMounts(...folders: readonly string[]): Promise<readonly string[]> {
  const sources = new Set(nodes.map(({ name }) => overlaySource(name)));
  const below = (path: string) => folders.some((folder) => path.startsWith(`${folder}/`));
  const found = (await mounts()).filter(({ path, source }) => sources.has(source) || below(path));
  // The last mounted goes first.
  return found.map(({ path }) => path).reverse();
}

/** Unmounts the lab's overlays and everything below its folders. */
export async function unmountLab(...folders: readonly string[]): Promise<void> {
  for (const path of await labMounts(...folders)) await unmount(path);
}

/** Unmounts everything below a folder, such as what a killed debootstrap left. */
export async function unmountBelow(folder: string): Promise<void> {
  const below = (await mounts()).filter(({ path }) => path.startsWith(`${folder}/`));
  for (const { path } of below.reverse()) await unmount(path);
}

async function unmount(path: string): Promise<void> {
  const { code } = await attempt(['umount', path]);
  if (code !== 0) await run(['umount', '--lazy', path]);
}
