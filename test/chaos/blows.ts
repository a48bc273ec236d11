/** The blows that faults are made of: each strikes the real lab and can be taken back. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupProcesses } from '../../lab/cgroups.ts';
import { controlPlane, ensureControlPlane, kubectl } from '../../lab/control-plane.ts';
import { boot, nodeRoot, onNode, powerOff, waitForSsh } from '../../lab/node.ts';
import { partPid, signal } from '../../lab/processes.ts';
import { run, sleep, waitFor } from '../../lab/run.ts';
import { type LabNode, nodes } from '../../lab/settings.ts';
import { ensureTemporal, temporalPart } from '../../lab/temporal.ts';
import { startWorker, workerPart } from '../../lab/worker.ts';

/** Sends a signal to a part of the lab, which must run. */
export async function signalPart(name: string, what: NodeJS.Signals): Promise<void> {
  const pid = await partPid(name);
  if (!pid) throw new Error(`${name} does not run, so it cannot be sent ${what}`);
  signal(pid, what);
}

/** Ends the worker, and starts another one of this checkout after a while. */
export async function replaceWorker(how: 'SIGKILL' | 'SIGTERM', downMs: number): Promise<void> {
  await signalPart(workerPart, how);
  await sleep(downMs);
  await startWorker();
}

/** Kills Temporal, and starts it again on its database after a while. */
export async function restartTemporal(downMs: number): Promise<void> {
  await signalPart(temporalPart, 'SIGKILL');
  await sleep(downMs);
  await ensureTemporal();
}

/** Kills a part of the control plane, and starts it again after a while. */
export async function restartControlPlane(
  part: 'etcd' | 'apiserver',
  downMs: number,
): Promise<void> {
  await signalPart(controlPlane[part], 'SIGKILL');
  await sleep(downMs);
  await ensureControlPlane();
}

/** Holds the API server still while work is done: requests hang, none is refused or lost. */
export async function whileApiHangs(work: () => Promise<void>): Promise<void> {
  await signalPart(controlPlane.apiserver, 'SIGSTOP');
  try {
    await work();
  } finally {
    await signalPart(controlPlane.apiserver, 'SIGCONT');
  }
}

/** Pulls a node's network cable for a while. */
export async function cutNetwork(node: LabNode, downMs: number): Promise<void> {
  await pullOut(node);
  await sleep(downMs);
  await plugIn(node);
}

/** Pulls a node's network cable. */
export async function pullOut(node: LabNode): Promise<void> {
  await run(['ip', 'link', 'set', node.link, 'down']);
}

/** Puts a node's network cable back. */
export async function plugIn(node: LabNode): Promise<void> {
  await run(['ip', 'link', 'set', node.link, 'up']);
}

/** Pulls a node's plug and presses its power button after a while. */
export async function losePower(node: LabNode, downMs: number): Promise<void> {
  await powerOff(node, 'plug');
  await sleep(downMs);
  await switchOn(node);
}

/** Boots a node that is off, and waits until it answers. */
export async function switchOn(node: LabNode): Promise<void> {
  await boot(node);
  await waitForSsh(node);
}

/** Stops all processes of a node for a while, as a hypervisor that pauses it. */
export async function pauseNode(node: LabNode, forMs: number): Promise<void> {
  for (const pid of await cgroupProcesses(node.name)) signal(pid, 'SIGSTOP');
  await sleep(forMs);
  await wake(node);
}

/** Lets all processes of a node go on. */
export async function wake(node: LabNode): Promise<void> {
  for (const pid of await cgroupProcesses(node.name)) signal(pid, 'SIGCONT');
}

/** Stops one process of a node for some seconds; the node itself lets it go on. */
export async function pauseProcess(
  node: LabNode,
  unit: 'containerd' | 'ssh',
  seconds: number,
): Promise<void> {
  await inBackground(
    node,
    `pid=$(systemctl show -p MainPID --value ${unit}); kill -STOP "$pid"; sleep ${seconds}; kill -CONT "$pid"`,
  );
}

/** Changes a staged package from below: the file keeps its name and loses its meaning. */
export async function corruptStaged(node: LabNode, sha256: string): Promise<void> {
  await appendFile(join(nodeRoot(node), 'var/cache/tidegate', `${sha256}.deb`), 'not of this file');
}

/** Where packages are staged. */
export const stagingFolder = '/var/cache/tidegate';
/** One of the folders that containerd's package is unpacked into. */
export const unpackFolder = '/usr/share/doc/containerd';

/** Leaves no room in a folder: a real ENOSPC, without harm to this machine's disk. */
export async function fillDisk(node: LabNode, folder: string): Promise<void> {
  await must(
    node,
    `mkdir -p ${folder} && mount -t tmpfs -o size=1m tmpfs ${folder} && ! dd if=/dev/zero of=${folder}/big bs=64k 2>/dev/null`,
  );
}

/** Makes room again. */
export async function freeDisk(node: LabNode, folder: string): Promise<void> {
  await must(node, `! mountpoint -q ${folder} || umount -l ${folder}`);
}

/** Lets the budget of the service allow no eviction at all, or as many as the workload's own. */
export async function setBudget(minAvailable: number): Promise<void> {
  const patch = JSON.stringify({ spec: { minAvailable } });
  await run(kubectl('-n', 'shop', 'patch', 'pdb', 'web', '--type=merge', '-p', patch));
}

/** Waits, as part of a strike. */
export const pause = sleep;

/** Puts right whatever a strike that went wrong left of servers, cables and power. */
export async function putRight(): Promise<void> {
  await signalIfThere(controlPlane.apiserver, 'SIGCONT');
  await ensureTemporal();
  await ensureControlPlane();
  for (const node of nodes) {
    await plugIn(node);
    await wake(node);
    await switchOn(node);
  }
  if (!(await partPid(workerPart))) await startWorker();
}

async function signalIfThere(name: string, what: NodeJS.Signals): Promise<void> {
  if (await partPid(name)) await signalPart(name, what);
}

/** Holds dpkg's lock as another package manager does. */
export async function holdDpkgLock(node: LabNode, seconds: number): Promise<void> {
  const perl =
    'use Fcntl; open F, "+<", "/var/lib/dpkg/lock-frontend" or die; $l = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0; fcntl F, F_SETLK, $l or die "held by another"; open M, ">", "/run/tidegate-chaos-lock"; close M; sleep shift';
  await must(node, 'rm -f /run/tidegate-chaos-lock');
  await inBackground(node, `exec perl -e '${perl}' ${seconds}`);
  await waitFor({
    what: `dpkg's lock on ${node.name} to be held`,
    timeoutMs: 5000,
    everyMs: 50,
    until: async () => (await onNode(node, 'test -e /run/tidegate-chaos-lock')).code === 0,
  });
}

async function inBackground(node: LabNode, script: string): Promise<void> {
  const quoted = script.replaceAll("'", "'\\''");
  await must(node, `setsid sh -c '${quoted}' </dev/null >/dev/null 2>&1 &`);
}

async function must(node: LabNode, line: string): Promise<void> {
  const { code, stderr } = await onNode(node, line);
  if (code !== 0) throw new Error(`${node.name}: ${line}: ${code} ${stderr.trim()}`);
}
