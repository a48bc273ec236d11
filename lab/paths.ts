import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The root of the checkout that this lab belongs to. */
export const checkout = resolve(import.meta.dirname, '..');

/** The lab's state folder: everything in it is volatile and goes with `down`. */
export const stateDir = join(checkout, '.lab');

/** The cache outside the checkout, which outlives every lab. */
export const cacheDir = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'tidegate',
);

/** Paths inside the state folder that tests, the worker and people rely on. */
export const paths = {
  kubeconfig: join(stateDir, 'kubeconfig'),
  workerKubeconfig: join(stateDir, 'worker.kubeconfig'),
  sshDir: join(stateDir, 'ssh'),
  sshKey: join(stateDir, 'ssh', 'id_ed25519'),
  knownHosts: join(stateDir, 'ssh', 'known_hosts'),
  bin: join(stateDir, 'bin'),
  log: join(stateDir, 'log'),
  run: join(stateDir, 'run'),
  pki: join(stateDir, 'pki'),
  etcd: join(stateDir, 'etcd'),
  nodes: join(stateDir, 'nodes'),
  packages: join(stateDir, 'packages.json'),
  temporalDb: join(stateDir, 'temporal.db'),
  registry: join(stateDir, 'registry'),
  ledger: join(stateDir, 'ledger'),
  monitoring: join(stateDir, 'monitoring'),
  /** Settings of Tidegate's own that a shell may source. */
  env: join(stateDir, 'env'),
  rules: join(checkout, 'deploy', 'monitoring', 'rules.yaml'),
  workerRbac: join(checkout, 'deploy', 'rbac.yaml'),
  goTools: join(checkout, 'lab', 'tools'),
} as const;

/** Machine-wide record of the one lab of this machine: which checkout, which settings it changed. */
export const machineRecord = '/run/tidegate/lab.json';

/** Returns the folder of one node's overlay and volumes. */
export function nodeDir(node: string): string {
  return join(paths.nodes, node);
}

/** Returns the path of a linked tool in `.lab/bin`. */
export function tool(name: string): string {
  return join(paths.bin, name);
}

/** Returns the folder that holds a path. */
export const parent = dirname;
