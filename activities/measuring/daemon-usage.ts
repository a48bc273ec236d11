/** What the daemon of a node uses, from two looks at its main process. */
import type { HostAdapter } from '../adapters/host-adapter.ts';
import { fieldsOf, runRecords } from '../records.ts';
import { DAEMON_USAGE_SCRIPT } from '../scripts/daemon-usage.ts';
import type { Answer } from './answer.ts';

const TIMEOUT_MS = 15_000;

/** One look at a process. */
export interface DaemonUsage {
  /** Another one after a restart. */
  readonly process: string;
  readonly cpuMs: number;
  /** Of the host's own clock. */
  readonly atMs: number;
  readonly rssMiB: number;
}

/** Runtimes as Node objects name them, with their unit. */
const UNITS: Readonly<Record<string, string>> = {
  containerd: 'containerd.service',
  'cri-o': 'crio.service',
};

/** Returns the daemon's name in a Node object's containerRuntimeVersion, e.g. "containerd://1.6.20". */
export function runtimeOf(containerRuntimeVersion: string | undefined): string {
  return containerRuntimeVersion?.split('://')[0] ?? '';
}

/** Looks at the daemon that the node's kubelet uses. */
export async function readUsage(
  host: HostAdapter,
  node: string,
  runtime: string,
): Promise<DaemonUsage> {
  const unit = Object.hasOwn(UNITS, runtime) ? UNITS[runtime] : undefined;
  if (unit === undefined) {
    const known = Object.keys(UNITS).join(' and ');
    throw new Error(`${node} runs "${runtime}"; what it uses is only known of ${known}`);
  }
  const records = await runRecords(host, node, {
    what: `reading what ${unit} uses`,
    script: DAEMON_USAGE_SCRIPT,
    args: [unit],
    options: { timeoutMs: TIMEOUT_MS },
  });
  if (fieldsOf(records, 'down').length > 0) throw new Error(`${unit} does not run on ${node}`);
  const numberOf = (kind: string): number => {
    const value = Number(fieldsOf(records, kind)[0]?.[0] || Number.NaN);
    if (Number.isFinite(value)) return value;
    throw new Error(`${node} did not tell the ${kind} of ${unit}`);
  };
  return {
    process: fieldsOf(records, 'process')[0]?.[0] ?? '',
    cpuMs: (numberOf('cpuTicks') * 1000) / numberOf('clockTicks'),
    atMs: numberOf('uptime') * 1000,
    rssMiB: numberOf('rssKiB') / 1024,
  };
}

/** Returns what the process used between two looks, in thousandths of a processor. */
export function millicores(before: DaemonUsage, after: DaemonUsage): Answer {
  if (before.process !== after.process) {
    return { error: 'the daemon was started anew during the measurement' };
  }
  const elapsedMs = after.atMs - before.atMs;
  if (elapsedMs <= 0) return { error: "the host's clock stood still" };
  return { value: ((after.cpuMs - before.cpuMs) / elapsedMs) * 1000 };
}
