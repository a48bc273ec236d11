import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { kubectl } from './control-plane.ts';
import { prometheusConfig, tokenFile } from './monitoring-config.ts';
import { paths, tool } from './paths.ts';
import { assertRuns, partPid, signal, startPart } from './processes.ts';
import { run, waitFor } from './run.ts';
import { host } from './settings.ts';

/** The names of the monitoring's processes. */
export const monitoring = { prometheus: 'prometheus', alertmanager: 'alertmanager' } as const;

export const prometheusUrl = `http://127.0.0.1:${host.prometheusPort}`;
export const alertmanagerUrl = `http://127.0.0.1:${host.alertmanagerPort}`;

/** Starts what does not run of Prometheus and Alertmanager. Needs the API server. */
export async function ensureMonitoring(): Promise<void> {
  await mkdir(paths.monitoring, { recursive: true });
  if (!(await exists(tokenFile))) await makeAccount();
  await startAlertmanager();
  await startPrometheus();
}

/** Starts Prometheus, or has it read its configuration and rules again where it runs. */
export async function startPrometheus(): Promise<void> {
  const config = join(paths.monitoring, 'prometheus.json');
  await writeFile(config, JSON.stringify(prometheusConfig(), null, 2));
  if (await partPid(monitoring.prometheus)) {
    const answer = await fetch(`${prometheusUrl}/-/reload`, { method: 'POST' });
    if (!answer.ok) throw new Error(`Prometheus: ${(await answer.text()).trim()}`);
    return;
  }
  const flags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(paths.monitoring, 'prometheus')}`,
    '--storage.tsdb.retention.time=1d',
    `--web.listen-address=127.0.0.1:${host.prometheusPort}`,
    '--web.enable-lifecycle',
    '--log.level=warn',
  ];
  await startPart({
    name: monitoring.prometheus,
    command: [tool('prometheus'), ...flags],
  });
  await untilReady(monitoring.prometheus, prometheusUrl);
}

/** Stops Prometheus: in order, or at once. What it has stored stays. */
export async function stopPrometheus(how: 'orderly' | 'plug' = 'orderly'): Promise<void> {
  const pid = await partPid(monitoring.prometheus);
  if (!pid) return;
  signal(pid, how === 'orderly' ? 'SIGTERM' : 'SIGKILL');
  await waitFor({
    what: 'Prometheus to end',
    timeoutMs: 20_000,
    everyMs: 50,
    until: async () => (await partPid(monitoring.prometheus)) === undefined,
  });
}

// Debian's Alertmanager reads a template of its package below /usr/share, where it is not installed:
// it sees it there in a mount namespace of its own, which ends with it.
const withShare = `
mount -t overlay -o "lowerdir=$1:/usr/share" tidegate-alertmanager /usr/share
shift
exec "$@"
`;

async function startAlertmanager(): Promise<void> {
  const config = join(paths.monitoring, 'alertmanager.json');
  // Alerts are seen in its API and go nowhere.
  const document = { route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] };
  await writeFile(config, JSON.stringify(document, null, 2));
  const flags = [
    `--config.file=${config}`,
    `--storage.path=${join(paths.monitoring, 'alertmanager')}`,
    `--web.listen-address=127.0.0.1:${host.alertmanagerPort}`,
    // One of a cluster of one.
    '--cluster.listen-address=',
    '--log.level=warn',
  ];
  const program = await realpath(tool('prometheus-alertmanager'));
  const share = join(program, '../../share');
  await startPart({
    name: monitoring.alertmanager,
    command: ['unshare', '--mount', '/bin/sh', '-euc', withShare, 'sh', share, program, ...flags],
  });
  await untilReady(monitoring.alertmanager, alertmanagerUrl);
}

async function untilReady(part: string, url: string): Promise<void> {
  await waitFor({
    what: `${part} to be ready`,
    timeoutMs: 30_000,
    everyMs: 100,
    until: async () => {
      await assertRuns(part);
      return isReady(url);
    },
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch (error) {
    // What `fetch` throws where nobody listens yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Makes the account by which Prometheus reads the kubelets' metrics, and nothing else. */
async function makeAccount(): Promise<void> {
  const name = 'prometheus';
  const namespace = 'monitoring';
  const rbac = 'rbac.authorization.k8s.io';
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'lab-monitoring' },
      rules: [{ apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'lab-monitoring' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'lab-monitoring' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await run(kubectl('apply', '-f', '-'), { input });
  const year = '--duration=8760h';
  const token = await run(kubectl('create', 'token', name, '-n', namespace, year));
  await writeFile(tokenFile, token, { mode: 0o600 });
}
