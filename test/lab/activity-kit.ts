/** What the lab's tests of activities share: real adapters, one node, and what the lab's repository offers. */
import { readFile } from 'node:fs/promises';
import { sshHost } from '../../activities/adapters/ssh.ts';
import type { ActivityContext } from '../../activities/context.ts';
import { createActivities, realDeps } from '../../activities/index.ts';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import type { PackageVersion, PlannedPackage } from '../../workflows/domain/plan-types.ts';

export const access: ClusterAccess = {
  cluster: 'east',
  kubeconfig: '.lab/worker.kubeconfig',
  context: 'east',
  ssh: {
    user: 'root',
    port: 22,
    privateKeyFile: '.lab/ssh/id_ed25519',
    knownHostsFile: '.lab/ssh/known_hosts',
    sudo: false,
  },
};
export const ref = { access, cluster: 'east', node: 'east-5', address: '10.213.0.15' };
export const verification = {
  timeoutSeconds: 40,
  probeImage: 'tidegate.lab/tool:1',
  probeCommand: ['/tool', 'sleep', '5'],
  execCommand: ['/tool', 'true'],
};

/** Returns real activities; heartbeats can be watched, and the activity cancelled. */
export function activities(
  onHeartbeat: (details: unknown) => void = () => undefined,
  signal: AbortSignal = new AbortController().signal,
) {
  const context: ActivityContext = {
    signal,
    attempt: 1,
    previous: undefined,
    heartbeat: onHeartbeat,
  };
  const log = { info: () => undefined, warn: () => undefined };
  return createActivities({
    ...realDeps({ configFolder: 'examples', log }),
    context: () => context,
  });
}

/** Runs one command on the node and returns what it printed. */
export async function onNode(...argv: readonly string[]): Promise<string> {
  const { signal } = new AbortController();
  const host = sshHost(access.ssh, { ...ref, signal });
  try {
    const { stdout, stderr, code } = await host.exec(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${code} ${stderr}`);
    return stdout.trim();
  } finally {
    host.close();
  }
}

interface RepositoryPackage {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
}
const offered = JSON.parse(await readFile('.lab/packages.json', 'utf8')) as RepositoryPackage[];

/** Returns a version of containerd as the lab's repository has it. */
export function containerd(version: string, daemonVersion = version): PackageVersion {
  const found = offered.find((p) => p.package === 'containerd' && p.version === version);
  if (!found) throw new Error(`the lab's repository has no containerd ${version}`);
  return { version, sha256: found.sha256, daemonVersion };
}

export const OLD = '1.6.20~ds1-1+deb12u2';
export const NEW = '1.6.20~ds1-1+deb12u3';
export const BAD = '1.6.20~ds1-1+deb12u3+tidegate1';

/** Returns the change of containerd from the version the lab starts with to another one. */
export function change(to: PackageVersion): readonly PlannedPackage[] {
  return [{ name: 'containerd', daemon: 'containerd', from: containerd(OLD), to }];
}
