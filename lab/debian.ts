import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './run.ts';
import { versions } from './settings.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Where Debian's packages come from on this host. */
export interface Mirror {
  readonly main: string;
  readonly security: string;
}

/** Returns the Debian mirrors that the host's own apt uses, or those in `TIDEGATE_DEBIAN_MIRRORS`. */
export async function debianMirror(): Promise<Mirror> {
  const [main, security] = (process.env['TIDEGATE_DEBIAN_MIRRORS'] ?? '').split(' ');
  if (main && security) return { main, security };
  const found = (await mirrorOf('Debian')) && (await mirrorOf('Debian-Security'));
  if (!found) await run(['apt-get', 'update']);
  const mirror = { main: await mirrorOf('Debian'), security: await mirrorOf('Debian-Security') };
  if (mirror.main && mirror.security) return { main: mirror.main, security: mirror.security };
  throw new Error(
    "this host's apt has no Debian mirror to build the nodes from: set TIDEGATE_DEBIAN_MIRRORS to" +
      " two URLs, Debian's archive and its security archive, with a blank between them",
  );
}

async function mirrorOf(label: string): Promise<string | undefined> {
  const format = ['--format', '$(REPO_URI)'];
  const filters = ['Created-By: Packages', 'Origin: Debian', `Label: ${label}`];
  const { stdout } = await attempt(['apt-get', 'indextargets', ...format, ...filters]);
  return stdout.split('\n')[0] || undefined;
}

/** Returns the host's Debian architecture, which is the nodes' too. */
export function architecture(): Promise<string> {
  return run(['dpkg', '--print-architecture']);
}

/** Downloads exact package versions through an apt of the lab's own, which knows both releases. */
export async function downloadPackages(dir: string, wanted: readonly string[]): Promise<void> {
  const mirror = await debianMirror();
  const apt = join(dir, '.apt');
  for (const sub of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(apt, sub), { recursive: true });
  }
  const { release, nextRelease } = versions;
  const source = (uri: string, suite: string) =>
    `deb [signed-by=${keyring}] ${uri} ${suite} main\n`;
  await writeFile(
    join(apt, 'sources.list'),
    source(mirror.main, release) +
      source(mirror.security, `${release}-security`) +
      source(mirror.main, nextRelease),
  );
  await writeFile(join(apt, 'status'), '');
  const options = [
    `Dir::Etc::SourceList=${join(apt, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State=${apt}`,
    `Dir::State::Lists=${join(apt, 'lists')}`,
    `Dir::State::status=${join(apt, 'status')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'Acquire::Languages=none',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run(['apt-get', ...options, 'update']);
  await run(['apt-get', ...options, 'download', ...wanted], { cwd: dir });
  await run(['rm', '-rf', apt]);
}
