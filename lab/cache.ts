import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withLock } from './lock.ts';
import { unmountBelow } from './mounts.ts';
import { cacheDir } from './paths.ts';
import { codeOf, run } from './run.ts';

/** Returns a short hash of inputs, by which a cache entry is named. */
export function keyOf(...inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(input).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Returns whether a path exists. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/**
 * Returns the folder of a cache entry, building it first if it is not there.
 * Invariant: the folder appears under its name only when its build has ended well.
 */
export async function cached(
  kind: string,
  key: string,
  build: (dir: string) => Promise<void>,
): Promise<string> {
  const final = join(cacheDir, kind, key);
  if (await exists(final)) return final;
  return withLock(`${final}.lock`, async () => {
    if (await exists(final)) return final;
    await removeRemains(final);
    const work = await mkdtemp(workPrefix(final));
    try {
      await build(work);
      await rename(work, final);
    } catch (error) {
      await rm(work, { recursive: true, force: true });
      throw error;
    }
    return final;
  });
}

/** Returns the prefix of the folders in which a cache entry is built. */
export function workPrefix(final: string): string {
  return join(dirname(final), `.${basename(final)}-`);
}

/** Removes what killed builds of a cache entry left; only the holder of its lock may. */
export async function removeRemains(final: string): Promise<void> {
  await mkdir(dirname(final), { recursive: true });
  const pattern = `.${basename(final)}-*`;
  await unmountBelow(dirname(final));
  await run([
    'find',
    dirname(final),
    '-maxdepth',
    '1',
    '-name',
    pattern,
    '-exec',
    'rm',
    '-rf',
    '{}',
    '+',
  ]);
}
