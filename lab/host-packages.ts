import { readFile, rm, writeFile } from 'node:fs/promises';
import { attempt, codeOf, run } from './run.ts';

/** Host packages that the lab runs on, and what it wants each for. */
const needed = [
  'debootstrap', // a node's base system
  'debian-archive-keyring', // proves that system's packages
  'systemd-container', // systemd-nspawn
  'etcd-server',
  'iproute2',
  'apt-utils', // apt-ftparchive
  'gnupg', // signs the lab's package repository
  'openssl',
  'openssh-client',
  'gcc',
  'libc6-dev',
  'procps',
  'xz-utils',
];

const policyFile = '/usr/sbin/policy-rc.d';
const policyText =
  '#!/bin/sh\n# tidegate lab: nothing that it installs may start by itself\nexit 101\n';

/** Installs what is missing of the host packages, or of those named; a service among them is not started. */
export async function installHostPackages(names: readonly string[] = needed): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await withoutServiceStarts(async () => {
    const first = await attempt(install, { env });
    if (first.code === 0) return;
    await run(['apt-get', 'update'], { env });
    await run(install, { env });
  });
}

async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const format = `\${Package} \${db:Status-Status}\n`;
  const { stdout } = await attempt(['dpkg-query', '-W', '-f', format, ...names]);
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

async function withoutServiceStarts(work: () => Promise<void>): Promise<void> {
  const mine = await claimPolicy();
  try {
    await work();
  } finally {
    if (mine) await rm(policyFile, { force: true });
  }
}

/** Returns whether the policy file is the lab's own, made now or left by a killed run. */
async function claimPolicy(): Promise<boolean> {
  try {
    await writeFile(policyFile, policyText, { flag: 'wx', mode: 0o755 });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return (await readFile(policyFile, 'utf8')) === policyText;
  }
}
