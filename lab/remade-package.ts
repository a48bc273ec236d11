import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from './run.ts';

// Every newer date in the package is cut to this one, so that each build gives the same bytes.
const sourceDateEpoch = '1767225600';

/**
 * Makes a package from another one: under a version of its own, with its files changed.
 * Everything that is added belongs to the package, so that going back to an older version takes it away.
 */
export async function remakePackage(options: {
  readonly original: string;
  readonly target: string;
  readonly version: string;
  /** Changes the unpacked package, whose root it is given. */
  readonly change: (tree: string) => Promise<void>;
}): Promise<void> {
  const { original, target, version, change } = options;
  const tree = `${target}.tree`;
  await run(['dpkg-deb', '--raw-extract', original, tree]);
  await edit(join(tree, 'DEBIAN/control'), /^Version: .*$/m, `Version: ${version}`);
  await change(tree);
  await writeFile(join(tree, 'DEBIAN/md5sums'), await md5sums(tree));
  await run(['chmod', '-R', 'u=rwX,go=rX', tree]);
  await run(['chmod', '-R', 'u=rwx,go=rx', join(tree, 'DEBIAN')]);
  await run(['dpkg-deb', '--root-owner-group', '-Zgzip', '-z6', '--build', tree, target], {
    env: { SOURCE_DATE_EPOCH: sourceDateEpoch },
  });
  await rm(tree, { recursive: true });
}

/** Changes a file of the package in one place; throws where it is not as expected. */
export async function edit(path: string, from: RegExp, to: string): Promise<void> {
  const before = await readFile(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path} is not as the lab's package expects: no ${from}`);
  await writeFile(path, after);
}

async function md5sums(tree: string): Promise<string> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('DEBIAN/') && !path.startsWith('etc/'))
    .sort();
  const lines: string[] = [];
  for (const path of files) {
    const sum = createHash('md5')
      .update(await readFile(join(tree, path)))
      .digest('hex');
    lines.push(`${sum}  ${path}\n`);
  }
  return lines.join('');
}
