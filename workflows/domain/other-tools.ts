/**
 * Reads what other tools write down while they work on nodes: locks, leases, taints, annotations.
 * Called from activities. docs/operations.md lists them; a new one belongs there as well.
 */
import type { ToolClaim } from './holds.ts';

export const KURED_LOCK = 'weave.works/kured-node-lock';

/** What is read of a Node object for this. */
export interface MarkedNode {
  readonly node: string;
  readonly taints: readonly { readonly key: string; readonly value?: string }[];
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; set while the Node object is being deleted. */
  readonly deletedAt?: string;
}

/** What is read of a coordination.k8s.io Lease for this. */
export interface MaintenanceLease {
  readonly namespace: string;
  readonly name: string;
  readonly holder: string;
  /** Milliseconds since 1970; 0 if not said. */
  readonly acquiredAtMs: number;
  readonly renewedAtMs: number;
  /** Absent where the Lease names no duration: then it runs out only when it is given back. */
  readonly durationSeconds?: number;
}

/** Taints that say: this node is being taken down, or somebody works on it. */
const TAINTS: readonly { readonly tool: string; readonly key: RegExp }[] = [
  { tool: 'cluster-autoscaler', key: /^ToBeDeletedByClusterAutoscaler$/ },
  { tool: 'Karpenter', key: /^karpenter\.sh\/(disrupted|disruption)$/ },
  { tool: 'node-termination-handler', key: /^aws-node-termination-handler\// },
  { tool: 'medik8s', key: /^(medik8s\.io|remediation\.medik8s\.io)\// },
  { tool: 'the cloud provider', key: /^node\.cloudprovider\.kubernetes\.io\/shutdown$/ },
  { tool: 'somebody', key: /^node\.kubernetes\.io\/out-of-service$/ },
  { tool: 'somebody', key: /(^|\/)[^/]*maintenance[^/]*$/i },
];

/** Annotations of a Node that say the same; a `value` of null means any. */
const ANNOTATIONS: readonly { tool: string; name: string; value: string | null }[] = [
  { tool: 'kured', name: 'weave.works/kured-reboot-in-progress', value: null },
  {
    tool: 'Flatcar update operator',
    name: 'flatcar-linux-update.v1.flatcar-linux.net/reboot-in-progress',
    value: 'true',
  },
  {
    tool: 'machine-config-operator',
    name: 'machineconfiguration.openshift.io/state',
    value: 'Working',
  },
];

/** Returns what a Node object itself says of tools that work on the node. */
export function claimsOnNode(marked: MarkedNode): readonly ToolClaim[] {
  const { node, deletedAt } = marked;
  const deletion = deletedAt
    ? [{ node, tool: 'somebody', since: deletedAt, evidence: 'the Node object is being deleted' }]
    : [];
  const taints = marked.taints.flatMap(({ key, value }) => {
    const known = TAINTS.find((entry) => entry.key.test(key));
    if (!known) return [];
    const since = unixTime(value);
    const evidence = `taint ${key}`;
    return [{ node, tool: known.tool, ...(since ? { since } : {}), evidence }];
  });
  const annotations = ANNOTATIONS.flatMap(({ tool, name, value }) => {
    const said = marked.annotations[name];
    if (said === undefined || (value !== null && said !== value)) return [];
    const since = timeText(said);
    return [{ node, tool, ...(since ? { since } : {}), evidence: `annotation ${name}` }];
  });
  return [...deletion, ...taints, ...annotations];
}

/** What a DaemonSet's annotation says of kured's lock. */
export type KuredAnswer =
  | { readonly kind: 'Locks'; readonly claims: readonly ToolClaim[] }
  | { readonly kind: 'Unreadable' };

/**
 * Reads kured's lock: one lock, or with a concurrency above one a list of them. Its TTL is in
 * nanoseconds, and 0 stands for none.
 */
export function kuredLocks(text: string, daemonSet: string): KuredAnswer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'Unreadable' };
  }
  if (!isObject(value)) return { kind: 'Unreadable' };
  const locks = 'locks' in value ? (value['locks'] ?? []) : [value];
  if (!Array.isArray(locks)) return { kind: 'Unreadable' };
  const claims: ToolClaim[] = [];
  for (const lock of locks) {
    if (!isObject(lock) || typeof lock['nodeID'] !== 'string') return { kind: 'Unreadable' };
    // A lock that was given back may leave its shell.
    if (lock['nodeID'] === '') continue;
    const since = timeText(lock['created']);
    const ttlMs = typeof lock['TTL'] === 'number' ? lock['TTL'] / 1e6 : 0;
    claims.push({
      node: lock['nodeID'],
      tool: 'kured',
      ...(since ? { since } : {}),
      ...(since && ttlMs > 0 ? { until: iso(Date.parse(since) + ttlMs) } : {}),
      evidence: `annotation ${KURED_LOCK} of DaemonSet ${daemonSet}`,
    });
  }
  return { kind: 'Locks', claims };
}

/**
 * Returns what Leases say of nodes: one that is named after a node, or node-NAME as medik8s has it,
 * and is held by anybody but the node itself, whose Lease is a heartbeat.
 */
export function leaseClaims(
  leases: readonly MaintenanceLease[],
  nodes: readonly string[],
): readonly ToolClaim[] {
  const byLeaseName = new Map(
    nodes.flatMap((node) => [
      [node, node],
      [`node-${node}`.toLowerCase(), node],
    ]),
  );
  return leases.flatMap((lease) => {
    const { namespace, name, holder, acquiredAtMs, renewedAtMs, durationSeconds } = lease;
    const node = byLeaseName.get(name);
    if (!node || holder === '' || holder === node) return [];
    const startMs = Math.max(acquiredAtMs, renewedAtMs);
    const ends = durationSeconds !== undefined && startMs > 0;
    return [
      {
        node,
        tool: holder,
        ...(acquiredAtMs > 0 ? { since: iso(acquiredAtMs) } : {}),
        ...(ends ? { until: iso(startMs + durationSeconds * 1000) } : {}),
        evidence: `Lease ${namespace}/${name}`,
      },
    ];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Returns a time as RFC 3339, or undefined for text that is none. */
function timeText(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : iso(ms);
}

/** The autoscaler's taint has the second it was set as its value. */
function unixTime(value: string | undefined): string | undefined {
  return value && /^\d{9,11}$/.test(value) ? iso(Number(value) * 1000) : undefined;
}
