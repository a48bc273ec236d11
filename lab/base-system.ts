import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached, keyOf } from './cache.ts';
import { architecture, debianMirror } from './debian.ts';
import { run } from './run.ts';
import { versions } from './settings.ts';

const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'iptables',
  'procps',
  'libseccomp2',
  'containernetworking-plugins',
];

/**
 * Returns the base system that all nodes share, bootstrapped once.
 * `debs` are the repository's packages, of which the runtime's first version is installed with dpkg.
 */
export async function baseSystem(debs: Promise<string>): Promise<string> {
  const key = keyOf('base-1', versions.release, versions.containerd, ...packages);
  const dir = await cached('base', key, async (work) => {
    const root = join(work, 'root');
    const mirror = await debianMirror();
    const include = `--include=${packages.join(',')}`;
    await run(['debootstrap', '--variant=minbase', include, versions.release, root, mirror.main]);
    await installRuntime(root, await debs);
    await tidy(root);
  });
  return join(dir, 'root');
}

async function installRuntime(root: string, debs: string): Promise<void> {
  const policy = join(root, 'usr/sbin/policy-rc.d');
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const arch = await architecture();
  const file = `containerd_${versions.containerd}_${arch}.deb`;
  const runc = (await readdir(debs)).find((name) => name.startsWith('runc_'));
  if (!runc) throw new Error(`no runc among the downloaded packages in ${debs}`);
  const inside: string[] = [];
  for (const name of [runc, file]) {
    const target = `/tmp/${basename(name).replaceAll('%3a', '_')}`;
    await copyFile(join(debs, name), join(root, target));
    inside.push(target);
  }
  await run(['chroot', root, 'dpkg', '--install', ...inside], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
  for (const path of [...inside.map((name) => join(root, name)), policy]) await rm(path);
}

async function tidy(root: string): Promise<void> {
  await run(['chroot', root, 'apt-get', 'clean']);
  const hostKeys = (await readdir(join(root, 'etc/ssh'))).filter((n) => n.startsWith('ssh_host_'));
  for (const name of hostKeys) await rm(join(root, 'etc/ssh', name));
  await rm(join(root, 'var/lib/apt/lists'), { recursive: true, force: true });
  await mkdir(join(root, 'var/lib/apt/lists/partial'), { recursive: true });
  await mkdir(join(root, 'var/log/journal'), { recursive: true });
  await writeFile(join(root, 'etc/machine-id'), '');
}
