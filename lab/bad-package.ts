import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from './run.ts';
import { versions } from './settings.ts';

// Every newer date in the package is cut to this one, so that each build gives the same bytes.
const sourceDateEpoch = '1767225600';

const config = '/usr/share/containerd/tidegate-bad.toml';

/**
 * Makes the package that installs well and then fails its node: the daemon runs but serves no CRI.
 * Everything it adds belongs to the package, so that going back to an older version cures the node.
 */
export async function makeBadPackage(original: string, target: string): Promise<void> {
  const tree = `${target}.tree`;
  await run(['dpkg-deb', '--raw-extract', original, tree]);
  await edit(join(tree, 'DEBIAN/control'), /^Version: .*$/m, `Version: ${versions.containerdBad}`);
  const unit = join(tree, 'lib/systemd/system/containerd.service');
  await edit(unit, /^ExecStart=(\/usr\/bin\/containerd)$/m, `ExecStart=$1 --config ${config}`);
  await mkdir(join(tree, 'usr/share/containerd'), { recursive: true });
  await writeFile(
    join(tree, config),
    'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
  );
  await writeFile(join(tree, 'DEBIAN/md5sums'), await md5sums(tree));
  await run(['chmod', '-R', 'u=rwX,go=rX', tree]);
  await run(['chmod', '-R', 'u=rwx,go=rx', join(tree, 'DEBIAN')]);
  await run(['dpkg-deb', '--root-owner-group', '-Zgzip', '-z6', '--build', tree, target], {
    env: { SOURCE_DATE_EPOCH: sourceDateEpoch },
  });
  await rm(tree, { recursive: true });
}

async function edit(path: string, from: RegExp, to: string): Promise<void> {
  const before = await readFile(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path} is not as the bad package expects: no ${from}`);
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
