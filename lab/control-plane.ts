import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { parent, paths, tool } from './paths.ts';
import { certificate, key } from './pki.ts';
import { assertRuns, type Part, startPart } from './processes.ts';
import { run, succeeds, waitFor } from './run.ts';
import { host } from './settings.ts';

const etcdClient = `http://127.0.0.1:${host.etcdPort}`;
const etcdPeer = `http://127.0.0.1:${host.etcdPeerPort}`;

/** The control plane's processes, in the order in which they start. */
export const controlPlane = {
  etcd: 'etcd',
  apiserver: 'kube-apiserver',
  controllerManager: 'kube-controller-manager',
  scheduler: 'kube-scheduler',
} as const;

function etcd(): Part {
  const flags = [
    '--name=lab',
    `--data-dir=${paths.etcd}`,
    `--listen-client-urls=${etcdClient}`,
    `--advertise-client-urls=${etcdClient}`,
    `--listen-peer-urls=${etcdPeer}`,
    `--initial-advertise-peer-urls=${etcdPeer}`,
    `--initial-cluster=lab=${etcdPeer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  return { name: controlPlane.etcd, command: ['etcd', ...flags] };
}

function apiserver(): Part {
  const flags = [
    `--etcd-servers=${etcdClient}`,
    `--bind-address=${host.address}`,
    `--advertise-address=${host.address}`,
    `--secure-port=${host.apiserverPort}`,
    `--service-cluster-ip-range=${host.serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--client-ca-file=${certificate('ca')}`,
    `--tls-cert-file=${certificate('apiserver')}`,
    `--tls-private-key-file=${key('apiserver')}`,
    `--kubelet-certificate-authority=${certificate('ca')}`,
    `--kubelet-client-certificate=${certificate('apiserver-kubelet-client')}`,
    `--kubelet-client-key=${key('apiserver-kubelet-client')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${key('service-account')}`,
    `--service-account-key-file=${key('service-account')}`,
  ];
  return { name: controlPlane.apiserver, command: [tool('kube-apiserver'), ...flags] };
}

function controllerManager(): Part {
  const flags = [
    `--kubeconfig=${kubeconfigOf('controller-manager')}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${key('service-account')}`,
    `--root-ca-file=${certificate('ca')}`,
    '--node-monitor-grace-period=20s',
  ];
  return {
    name: controlPlane.controllerManager,
    command: [tool('kube-controller-manager'), ...flags],
  };
}

function scheduler(): Part {
  const flags = [
    `--kubeconfig=${kubeconfigOf('scheduler')}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
  ];
  return { name: controlPlane.scheduler, command: [tool('kube-scheduler'), ...flags] };
}

function kubeconfigOf(name: string): string {
  return join(paths.pki, `${name}.kubeconfig`);
}

/** Starts what does not run of the control plane and waits until the API server is ready. */
export async function ensureControlPlane(): Promise<void> {
  await mkdir(parent(paths.kubeconfig), { recursive: true });
  for (const name of ['controller-manager', 'scheduler']) {
    await writeKubeconfig(kubeconfigOf(name), name, { certificateOf: name });
  }
  if (!(await exists(paths.kubeconfig))) {
    await writeKubeconfig(paths.kubeconfig, 'admin', { certificateOf: 'admin' });
  }
  await mkdir(paths.etcd, { recursive: true, mode: 0o700 });
  await startPart(etcd());
  await startPart(apiserver());
  await waitFor({
    what: 'kube-apiserver to be ready',
    timeoutMs: 60_000,
    until: async () => {
      await assertRuns(controlPlane.etcd);
      await assertRuns(controlPlane.apiserver);
      return succeeds(kubectl('get', '--raw', '/readyz'));
    },
  });
  await startPart(controllerManager());
  await startPart(scheduler());
}

/** Returns a kubectl command that acts as the lab's administrator. */
export function kubectl(...words: string[]): string[] {
  return [tool('kubectl'), `--kubeconfig=${paths.kubeconfig}`, ...words];
}

/** Applies the worker's account and writes its kubeconfig, unless the one there still works. */
export async function ensureWorkerAccount(): Promise<void> {
  const account = 'tidegate-worker';
  if (await exists(paths.workerRbac)) await run(kubectl('apply', '-f', paths.workerRbac));
  else await applyBareAccount(account);
  const own = `--kubeconfig=${paths.workerKubeconfig}`;
  const works =
    (await exists(paths.workerKubeconfig)) &&
    (await succeeds([tool('kubectl'), own, 'get', '--raw', '/version']));
  if (works) return;
  const year = '--duration=8760h';
  const token = await run(kubectl('create', 'token', account, '-n', 'tidegate', year));
  await writeKubeconfig(paths.workerKubeconfig, account, { token });
}

async function applyBareAccount(name: string): Promise<void> {
  const namespace = 'tidegate';
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await run(kubectl('apply', '-f', '-'), { input });
}
