import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBadPackage } from './bad-package.ts';
import { cached, keyOf } from './cache.ts';
import { architecture, downloadPackages } from './debian.ts';
import { paths } from './paths.ts';
import { run } from './run.ts';
import { versions } from './settings.ts';
import { makeSlowPackage } from './slow-package.ts';

const recipe = [
  'repository-2',
  versions.containerd,
  versions.containerdPatched,
  versions.containerdNext,
  versions.containerdBad,
  versions.containerdSlow,
];

/** One package of the lab's repository, as its signed index states it. */
export interface LabPackage {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly filename: string;
  readonly sizeBytes: number;
}

/** Returns the folder of the downloaded packages and the lab's own made from them. */
export async function packageFiles(): Promise<string> {
  return cached('debs', keyOf(...recipe), async (dir) => {
    const { containerd, containerdPatched, containerdNext, release } = versions;
    const exact = [containerd, containerdPatched, containerdNext].map((v) => `containerd=${v}`);
    await downloadPackages(dir, [...exact, `runc/${release}`]);
    const arch = await architecture();
    const file = (version: string) => join(dir, `containerd_${version}_${arch}.deb`);
    await makeBadPackage(file(containerdPatched), file(versions.containerdBad));
    await makeSlowPackage(file(containerdPatched), file(versions.containerdSlow));
  });
}

/** Returns the folder of the signed apt repository, suite `lab`, made once from the package files. */
export async function packageRepository(debs: string): Promise<string> {
  return cached('repository', keyOf(...recipe), async (dir) => {
    const arch = await architecture();
    const index = join(dir, 'dists/lab/main', `binary-${arch}`);
    await mkdir(index, { recursive: true });
    await mkdir(join(dir, 'pool'));
    for (const name of await readdir(debs)) {
      await copyFile(join(debs, name), join(dir, 'pool', name.replaceAll('%3a', '-')));
    }
    const packages = await run(['apt-ftparchive', 'packages', 'pool'], { cwd: dir });
    await writeFile(join(index, 'Packages'), `${packages}\n`);
    const release = await run([
      'apt-ftparchive',
      ...['Origin=Tidegate', 'Label=Tidegate', 'Suite=lab', 'Codename=lab', 'Components=main']
        .concat(`Architectures=${arch}`)
        .flatMap((field) => ['-o', `APT::FTPArchive::Release::${field}`]),
      'release',
      join(dir, 'dists/lab'),
    ]);
    await writeFile(join(dir, 'dists/lab/Release'), `${release}\n`);
    await sign(dir);
  });
}

/** Signs the index with a key made for it alone; only the public half is kept. */
async function sign(dir: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'tg-gpg-'));
  const gpg = ['gpg', '--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback'];
  const suite = join(dir, 'dists/lab');
  try {
    const user = 'Tidegate lab repository <lab@tidegate.invalid>';
    const noPassphrase = ['--passphrase', ''];
    await run([...gpg, ...noPassphrase, '--quick-gen-key', user, 'ed25519', 'sign', 'never']);
    const release = join(suite, 'Release');
    await run([...gpg, '--clearsign', '--output', join(suite, 'InRelease'), release]);
    await run([...gpg, '--armor', '--detach-sign', '--output', `${release}.gpg`, release]);
    await run([...gpg, '--output', join(dir, 'tidegate-lab.gpg'), '--export']);
  } finally {
    await run(['gpgconf', '--homedir', home, '--kill', 'all']);
    await rm(home, { recursive: true, force: true });
  }
}

/** Writes `.lab/packages.json` from the repository's index and returns what it lists. */
export async function writePackageList(repository: string): Promise<readonly LabPackage[]> {
  const index = join(repository, 'dists/lab/main', `binary-${await architecture()}`, 'Packages');
  const list = parseIndex(await readFile(index, 'utf8'));
  await writeFile(paths.packages, `${JSON.stringify(list, null, 2)}\n`);
  return list;
}

/** Parses an apt `Packages` index. */
export function parseIndex(text: string): readonly LabPackage[] {
  return text
    .split(/\n\n+/)
    .filter((stanza) => stanza.trim() !== '')
    .map((stanza) => {
      const field = (name: string): string => {
        const value = new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
        if (value === undefined) throw new Error(`a package in the index has no field ${name}`);
        return value;
      };
      return {
        package: field('Package'),
        version: field('Version'),
        architecture: field('Architecture'),
        sha256: field('SHA256'),
        filename: field('Filename'),
        sizeBytes: Number(field('Size')),
      };
    });
}
