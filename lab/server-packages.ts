import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from './cache.ts';
import { downloadPackages } from './debian.ts';
import { link } from './go-tools.ts';
import { run } from './run.ts';
import { versions } from './settings.ts';

/** Debian packages of servers, and the programs that the lab takes from each. */
const programs = {
  'docker-registry': ['docker-registry'],
  prometheus: ['prometheus', 'promtool'],
  'prometheus-alertmanager': ['prometheus-alertmanager', 'amtool'],
} as const;

/**
 * Links servers of Debian's into `.lab/bin`. Their packages are unpacked into the cache, not installed:
 * nothing of them lands on the host, and none of their services starts by itself.
 */
export async function linkDebianServers(): Promise<void> {
  const wanted = Object.keys(programs).map((name) => `${name}/${versions.release}`);
  const dir = await cached('servers', keyOf('servers-1', ...wanted), async (work) => {
    const download = join(work, 'download');
    await mkdir(download);
    await downloadPackages(download, wanted);
    for (const file of await readdir(download)) {
      await run(['dpkg-deb', '--extract', join(download, file), work]);
    }
    await rm(download, { recursive: true });
  });
  for (const name of Object.values(programs).flat()) await link(name, join(dir, 'usr/bin', name));
}
