/** Facts of a host, from what the inspection script printed. */
import type { ContainerFacts, HostFacts, PackageFacts } from '../workflows/domain/inventory.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import { fail } from './failure.ts';
import { fieldsOf, type HostRecord, runRecords } from './records.ts';
import { INSPECT_SCRIPT } from './scripts/inspect.ts';

/** Everything that one inspection of a host tells. */
export interface HostInspection {
  readonly host: HostFacts;
  readonly containers: readonly ContainerFacts[];
  /** Units of Tidegate that have not ended. */
  readonly runningTransactions: readonly string[];
  /** State of each CRI plugin of containerd, e.g. "linux/amd64 ok"; absent if it did not say. */
  readonly criPlugins?: Readonly<Record<string, string>>;
}

/** A node with some hundred containers needs more than the default 64 KiB; none of it is returned raw. */
const INSPECT_LIMIT_BYTES = 2 * 1024 * 1024;

/** Reads a host in one round trip. */
export async function inspectHost(
  host: HostAdapter,
  node: string,
  packages: readonly string[],
  now: () => number = Date.now,
): Promise<HostInspection> {
  const askedAt = now();
  let heardAt: number | undefined;
  const records = await runRecords(host, node, {
    what: 'reading the host',
    script: INSPECT_SCRIPT,
    args: packages,
    options: {
      limitBytes: INSPECT_LIMIT_BYTES,
      onLine: () => {
        // The clock is the first thing that the script tells.
        heardAt ??= now();
      },
    },
  });
  const inspection = parseInspection(records, node);
  const clock = Number(fieldsOf(records, 'clock')[0]?.[0]);
  if (!Number.isFinite(clock)) return inspection;
  const clockSkewMs = clockSkew(clock, { askedAt, heardAt: heardAt ?? now() });
  return { ...inspection, host: { ...inspection.host, clockSkewMs } };
}

/**
 * Returns how far a host's clock is surely off: it was read at some time between the question and
 * the answer, so that only what lies outside is an error of the clock.
 */
export function clockSkew(
  clockMs: number,
  between: { readonly askedAt: number; readonly heardAt: number },
): number {
  if (clockMs > between.heardAt) return clockMs - between.heardAt;
  return Math.min(0, clockMs - between.askedAt);
}

/**
 * Returns the facts in an inspection's records; fails with HostCommandFailed where one is missing,
 * and where a daemon that answers did not list its containers: none would look like all lost.
 */
export function parseInspection(records: readonly HostRecord[], node: string): HostInspection {
  const one = (kind: string): string => {
    const value = fieldsOf(records, kind)[0]?.[0]?.trim();
    return value || fail('HostCommandFailed', `${node}: the host did not tell its ${kind}.`);
  };
  const lacks = fieldsOf(records, 'lacks').flat();
  if (lacks.length > 0) {
    fail(
      'HostCommandFailed',
      `${node}: ${one('osPrettyName')} has no ${lacks.join(' and no ')}: Tidegate changes only hosts with apt and dpkg.`,
    );
  }
  const daemons = fieldsOf(records, 'daemon').flatMap(([name, version]) =>
    name && version ? [[name, version] as const] : [],
  );
  judgeReading(records, Object.fromEntries(daemons), node);
  const automatic = fieldsOf(records, 'automaticUpdates')[0]?.[0];
  const killModes = fieldsOf(records, 'killMode').flatMap(([name, mode]) =>
    name && mode ? [[name, mode] as const] : [],
  );
  return {
    host: {
      os: one('os'),
      osPrettyName: one('osPrettyName'),
      architecture: one('architecture'),
      kernel: one('kernel'),
      bootId: one('bootId'),
      cgroupVersion: one('cgroupVersion') === '2' ? 2 : 1,
      packages: fieldsOf(records, 'package').flatMap(packageFacts),
      daemons: Object.fromEntries(daemons),
      dpkgInterrupted: one('dpkgInterrupted') === 'yes',
      diskFreeBytes: Number(one('diskFreeBytes')),
      ...(automatic ? { automaticUpdates: automatic } : {}),
      ...(killModes.length > 0 ? { killModes: Object.fromEntries(killModes) } : {}),
    },
    containers: [...containerdContainers(records), ...crioContainers(records, node)],
    runningTransactions: fieldsOf(records, 'transaction').flatMap(([unit]) => unit ?? []),
    ...(fieldsOf(records, 'pluginsRead').length > 0 ? { criPlugins: pluginStates(records) } : {}),
  };
}

/** Of a daemon that is silent nothing can be listed; whoever needs its containers sees that it is. */
function judgeReading(
  records: readonly HostRecord[],
  daemons: Readonly<Record<string, string>>,
  node: string,
): void {
  const unread = fieldsOf(records, 'containersRead').find(
    ([daemon = '', read]) => read !== 'yes' && daemons[daemon] !== undefined,
  );
  if (unread) {
    fail(
      'HostCommandFailed',
      `${node}: ${unread[0]} answers, but did not tell its containers in time.`,
    );
  }
  if (fieldsOf(records, 'transactionsRead').some(([read]) => read !== 'yes')) {
    fail('HostCommandFailed', `${node}: systemd did not tell its units ("systemctl list-units").`);
  }
}

function pluginStates(records: readonly HostRecord[]): Readonly<Record<string, string>> {
  const states = fieldsOf(records, 'plugin').map(([name = '', state = '']) => [name, state.trim()]);
  return Object.fromEntries(states);
}

/** dpkg still knows removed packages; only those with files on the host count as installed. */
function packageFacts([name, version, status = '']: readonly string[]): PackageFacts[] {
  if (!name) return [];
  const held = status.startsWith('hold ');
  const installed = !/ (not-installed|config-files)$/.test(status);
  return [{ name, status, held, ...(version && installed ? { version } : {}) }];
}

function containerdContainers(records: readonly HostRecord[]): ContainerFacts[] {
  const tasks = fieldsOf(records, 'task');
  const bootSeconds = Number(fieldsOf(records, 'bootSeconds')[0]?.[0]);
  const ticksPerSecond = Number(fieldsOf(records, 'clockTicks')[0]?.[0]);
  const labels = new Map<string, Record<string, string>>();
  for (const [id = '', key = '', value = ''] of fieldsOf(records, 'label')) {
    labels.set(id, { ...labels.get(id), [key]: value });
  }
  return tasks.flatMap(([id = '', ticks = '']) => {
    const label = labels.get(id) ?? {};
    if (label['container-type'] !== 'container') return [];
    const seconds = bootSeconds + Number(ticks) / ticksPerSecond;
    return [
      {
        id,
        pod: label['sandbox-name'] ?? '',
        namespace: label['sandbox-namespace'] ?? '',
        name: label['container-name'] ?? '',
        startedAt: new Date(seconds * 1000).toISOString(),
      },
    ];
  });
}

interface CrictlContainer {
  readonly id: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** crictl tells when a container was created, in nanoseconds since 1970. */
function crioContainers(records: readonly HostRecord[], node: string): ContainerFacts[] {
  const json = fieldsOf(records, 'crictl')[0]?.[0];
  if (json === undefined) return [];
  let list: { readonly containers: readonly CrictlContainer[] };
  try {
    list = JSON.parse(json);
  } catch (error) {
    return fail('HostCommandFailed', `${node}: crictl ps printed no JSON: ${String(error)}`);
  }
  return list.containers.map((container) => ({
    id: container.id,
    pod: container.labels['io.kubernetes.pod.name'] ?? '',
    namespace: container.labels['io.kubernetes.pod.namespace'] ?? '',
    name: container.labels['io.kubernetes.container.name'] ?? '',
    startedAt: new Date(Number(container.createdAt) / 1e6).toISOString(),
  }));
}
