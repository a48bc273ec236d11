import { mkdir } from 'node:fs/promises';
import { baseSystem } from './base-system.ts';
import { exists } from './cache.ts';
import { waitUntilReady } from './cluster.ts';
import { controlPlane, ensureControlPlane, ensureWorkerAccount } from './control-plane.ts';
import { link, linkGoTools } from './go-tools.ts';
import { installHostPackages } from './host-packages.ts';
import { imageArchive, pullImageLayout } from './image.ts';
import { ledgerPart, startLedger } from './ledger.ts';
import { claimMachine, readMachineRecord } from './machine.ts';
import { ensureMonitoring, monitoring, prometheusUrl } from './monitoring.ts';
import { ensureNetwork } from './network.ts';
import { ensureNode, waitForSsh } from './node.ts';
import type { NodeParts } from './node-config.ts';
import { packageFiles, packageRepository, writePackageList } from './packages.ts';
import { paths, stateDir } from './paths.ts';
import { ensurePki } from './pki.ts';
import { freePorts } from './ports.ts';
import { killAll, labProcesses, orphans, partPid } from './processes.ts';
import { reap } from './reap.ts';
import { ensureRegistry, registryPart } from './registry.ts';
import { ensureRepositoryServer, repositoryPart } from './repository.ts';
import { linkDebianServers } from './server-packages.ts';
import { type LabNode, nodes } from './settings.ts';
import { ensureSshKeys } from './ssh-keys.ts';
import { heading, say, task, together } from './tasks.ts';
import { ensureTemporal, temporalPart } from './temporal.ts';
import { testServer } from './test-server.ts';
import { ensureTraffic, trafficPart } from './traffic.ts';

/** Brings the lab up; what runs already is left as it is. */
export async function up(options: { readonly replace: boolean }): Promise<void> {
  heading('Tidegate lab: up');
  await makeRoom(options.replace);
  await killAll(orphans);
  await claimMachine();
  await mkdir(paths.run, { recursive: true });
  // Before the long work, and after it: the program that tells may only be there then.
  await freePorts();
  const parts = await build();
  await freePorts();
  const started = Date.now();
  const down = await nodesThatAreDown();
  await together(
    task('package repository', () => ensureRepositoryServer(parts.repository)),
    task('image registry', ensureRegistry),
    task("ledger's database", startLedger),
    task('control plane', ensureControlPlane).then(() =>
      task('monitoring', () => together(ensureMonitoring(), ensureTraffic())),
    ),
    task('nodes booted', () => bootNodes(parts)),
    task('Temporal', ensureTemporal),
  );
  await together(
    task('nodes Ready', async () => {
      await waitUntilReady(nodes, 0);
      await waitUntilReady(down, started);
    }),
    task("worker's account", ensureWorkerAccount),
  );
}

/** Takes the place of another checkout's lab, or of one whose state folder is gone. */
async function makeRoom(replace: boolean): Promise<void> {
  const record = await readMachineRecord();
  const processes = await labProcesses();
  if (record && record.stateDir !== stateDir) {
    const theirs = record.stateDir.replace(/\/\.lab$/, '');
    if (processes.size > 0 && !replace && (await exists(record.stateDir))) {
      throw new Error(
        `the lab of ${theirs} runs on this machine, which has room for one: take it away there` +
          ' with `make lab-down`, or say `up --replace` here',
      );
    }
    await task(`removed what the lab of ${theirs} left`, reap);
  } else if (processes.size > 0 && !(await exists(paths.run))) {
    await task('removed what an earlier lab left', reap);
  }
}

/** Makes or takes from the cache all that the lab is made of. */
async function build(): Promise<NodeParts> {
  const packages = task('host packages', installHostPackages);
  const debs = packages.then(() => task('packages of the container runtime', packageFiles));
  const repository = debs.then((dir) =>
    task('package repository signed', () => packageRepository(dir)),
  );
  const base = packages.then(() => task("nodes' base system", () => baseSystem(debs)));
  const image = packages.then(() => task('image', imageArchive));
  const pulled = image.then(() => task('image to pull', pullImageLayout));
  const servers = packages.then(() => task("Debian's servers", linkDebianServers));
  await together(
    task('servers', linkGoTools),
    task('test server', async () => link('temporal-test-server', await testServer())),
    repository.then(writePackageList),
    base,
    pulled,
    servers,
    packages.then(() =>
      task('certificates and keys', () => together(ensurePki(), ensureSshKeys())),
    ),
    packages.then(() => task('network', ensureNetwork)),
  );
  return { base: await base, repository: await repository, imageArchive: await image };
}

async function nodesThatAreDown(): Promise<readonly LabNode[]> {
  const down: LabNode[] = [];
  for (const node of nodes) if (!(await partPid(node.name))) down.push(node);
  return down;
}

async function bootNodes(parts: NodeParts): Promise<void> {
  await together(
    ...nodes.map(async (node) => {
      await ensureNode(node, parts);
      await waitForSsh(node);
    }),
  );
}

/** The names of all long-lived parts of the lab, nodes included. */
export const partNames: readonly string[] = [
  ...Object.values(controlPlane),
  repositoryPart,
  registryPart,
  temporalPart,
  ledgerPart,
  ...Object.values(monitoring),
  trafficPart,
  ...nodes.map(({ name }) => name),
];

/** Prints where things are. */
export function sayWhere(): void {
  say('');
  say('  export KUBECONFIG=.lab/kubeconfig     .lab/bin/kubectl get nodes');
  say('  ssh: node lab/main.ts ssh east-1      Temporal UI: http://127.0.0.1:8233');
  say(`  source .lab/env    # ledger           Prometheus:  ${prometheusUrl}`);
}
