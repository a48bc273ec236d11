import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { cgroupProcesses, makeCgroups, removeCgroups } from './cgroups.ts';
import { overlaySource } from './mounts.ts';
import { configureNode, type NodeParts } from './node-config.ts';
import { nodeDir, paths, tool } from './paths.ts';
import { killAll, partPid, signal, startPart } from './processes.ts';
import { attempt, type Result, run, succeeds, waitFor } from './run.ts';
import type { LabNode } from './settings.ts';

const supervisor = join(import.meta.dirname, 'supervise-node.sh');

/** Returns the folder at which a node's file system is mounted on the host. */
export function nodeRoot(node: LabNode): string {
  return join(nodeDir(node.name), 'root');
}

/** Prepares a node's file system from the shared base, and boots it if it does not run. */
export async function ensureNode(node: LabNode, parts: NodeParts): Promise<void> {
  if (await partPid(node.name)) return;
  await killRemains(node);
  const dir = nodeDir(node.name);
  for (const sub of ['upper', 'work', 'root', 'containerd', 'kubelet']) {
    await mkdir(join(dir, sub), { recursive: true });
  }
  const root = nodeRoot(node);
  if (!(await succeeds(['mountpoint', '-q', root]))) {
    const layers = `lowerdir=${parts.base},upperdir=${join(dir, 'upper')},workdir=${join(dir, 'work')}`;
    const label = overlaySource(node.name);
    await run(['mount', '-t', 'overlay', label, '-o', layers, root]);
  }
  await configureNode(root, node, parts);
  await boot(node);
}

/** Boots a node that is down, as pressing its power button would; returns before it is up. */
export async function boot(node: LabNode): Promise<void> {
  if (await partPid(node.name)) return;
  if (!(await exists(join(nodeRoot(node), 'etc')))) {
    throw new Error(`${node.name} has no file system yet: run the lab's \`up\``);
  }
  await killRemains(node);
  const groups = await makeCgroups(node.name);
  const dir = nodeDir(node.name);
  const command = [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    '--register=no',
    '--keep-unit',
    `--machine=${node.name}`,
    `--directory=${nodeRoot(node)}`,
    `--network-namespace-path=/run/netns/${node.netns}`,
    '--capability=all',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--bind=/dev/kmsg',
    `--bind=${join(dir, 'containerd')}:/var/lib/containerd`,
    `--bind=${join(dir, 'kubelet')}:/var/lib/kubelet`,
    `--bind-ro=${await run(['readlink', '-f', tool('kubelet')])}:/usr/local/bin/kubelet`,
  ];
  // Its system-call filter refuses keyctl, which runc needs.
  const unfiltered = ['env', 'SYSTEMD_SECCOMP=0'];
  await startPart({
    name: node.name,
    command: ['/bin/sh', supervisor, groups.join(':'), ...unfiltered, ...command],
  });
}

/** Powers a node off: in order, or at once as if its plug were pulled. */
export async function powerOff(node: LabNode, how: 'orderly' | 'plug'): Promise<void> {
  const pid = await partPid(node.name);
  if (pid && how === 'orderly') {
    signal(pid, 'SIGTERM');
    await waitFor({
      what: `${node.name} to power off`,
      timeoutMs: 60_000,
      until: async () => (await partPid(node.name)) === undefined,
    });
  }
  await killRemains(node);
}

/** Kills what is left of a node's processes, its supervisor first, and removes their cgroups. */
async function killRemains(node: LabNode): Promise<void> {
  const pid = await partPid(node.name);
  if (pid) signal(pid, 'SIGKILL');
  await killAll(() => cgroupProcesses(node.name));
  await removeCgroups(node.name);
}

/** Returns an ssh command that logs in to a node as root with the lab's key and pinned host key. */
export function ssh(node: LabNode, ...words: string[]): string[] {
  const options = [
    `UserKnownHostsFile=${paths.knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'ConnectTimeout=2',
  ].flatMap((option) => ['-o', option]);
  return ['ssh', '-F', 'none', '-i', paths.sshKey, ...options, `root@${node.address}`, ...words];
}

/** Runs a command line on a node over SSH and returns its result. */
export function onNode(node: LabNode, commandLine: string): Promise<Result> {
  return attempt(ssh(node, commandLine));
}

/** Waits until a node answers on SSH. */
export async function waitForSsh(node: LabNode): Promise<void> {
  await waitFor({
    what: `${node.name} to answer on SSH`,
    timeoutMs: 90_000,
    everyMs: 500,
    until: async () => (await onNode(node, 'true')).code === 0,
  });
}
