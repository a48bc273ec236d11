/**
 * Decides what holds nodes back right before they start: workloads that have not recovered, and
 * other tools at work on a node. Called from activities.
 */

/** A Deployment, StatefulSet or DaemonSet, as far as its pods are counted. */
export interface WorkloadFacts {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
  /** Pods it wants where a pod can be ready: none for one that is paused or scaled to zero. */
  readonly wanted: number;
  readonly ready: number;
}

/** What another tool, or a person through one, says of a node it works on. */
export interface ToolClaim {
  readonly node: string;
  readonly tool: string;
  readonly holder?: string;
  /** RFC 3339. */
  readonly since?: string;
  /** RFC 3339; absent where it ends only when it is taken back. */
  readonly until?: string;
  /** Where it stands, e.g. "taint karpenter.sh/disrupted". */
  readonly evidence: string;
}

/** A hold as the contract has it; without `node` it holds every node. */
export interface HoldReason {
  readonly node?: string;
  readonly reason: string;
  readonly until?: string;
}

/** More workloads than this are only counted: a reason has to fit on a screen. */
const NAMED_WORKLOADS = 5;

/** Returns the workloads with fewer ready pods than they want. */
export function unhealthyWorkloads(workloads: readonly WorkloadFacts[]): readonly WorkloadFacts[] {
  return workloads.filter((workload) => workload.ready < workload.wanted);
}

/** Returns "Kind/namespace/name". */
export function workloadKey({ kind, namespace, name }: WorkloadFacts): string {
  return `${kind}/${namespace}/${name}`;
}

/**
 * Decides whether nodes wait until workloads have recovered. What was unhealthy before the rollout
 * is not waited for; without a look from before, nothing is.
 */
export function recoveryHold(
  unhealthy: readonly WorkloadFacts[],
  before: readonly string[] | undefined,
): HoldReason | undefined {
  if (!before) return undefined;
  const fresh = unhealthy.filter((workload) => !before.includes(workloadKey(workload)));
  if (fresh.length === 0) return undefined;
  const named = fresh
    .slice(0, NAMED_WORKLOADS)
    .map(
      ({ kind, namespace, name, ready, wanted }) =>
        `${kind} ${namespace}/${name} has ${ready} of ${wanted} pods ready`,
    );
  const more = fresh.length - named.length;
  return { reason: [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ') };
}

/** Decides which of the waiting nodes other tools hold back; a claim that has run out holds none. */
export function toolHolds(input: {
  readonly waiting: readonly string[];
  readonly claims: readonly ToolClaim[];
  readonly nowMs: number;
}): readonly HoldReason[] {
  const live = input.claims.filter((claim) => !hasEnded(claim, input.nowMs));
  return live
    .filter((claim) => input.waiting.includes(claim.node))
    .map((claim) => ({
      node: claim.node,
      reason: claimText(claim),
      ...(claim.until ? { until: claim.until } : {}),
    }));
}

function hasEnded({ until }: ToolClaim, nowMs: number): boolean {
  return until !== undefined && Date.parse(until) <= nowMs;
}

/** E.g. "kured (east-3) works on it since T until T (annotation … of DaemonSet kube-system/kured)". */
function claimText({ tool, holder, since, until, evidence }: ToolClaim): string {
  const who = holder && holder !== tool ? `${tool} (${holder})` : tool;
  const from = since ? ` since ${since}` : '';
  const to = until ? ` until ${until}` : '';
  return `${who} works on it${from}${to} (${evidence})`;
}

/** An unavailable node, as far as DaemonSets are concerned. */
export interface UnavailableNode {
  readonly labels: Readonly<Record<string, string>>;
  /** "namespace/name" of the DaemonSets that have a ready pod on it. */
  readonly readyDaemonSets: readonly string[];
}

/**
 * Returns a DaemonSet that wants no pods on nodes that are unavailable: what it misses there is the
 * node's trouble. Affinities are not looked at, which can excuse a pod too many, never too few.
 */
export function withoutUnavailable<T extends WorkloadFacts>(
  daemonSet: T,
  nodeSelector: Readonly<Record<string, string>>,
  unavailable: readonly UnavailableNode[],
): T {
  const key = `${daemonSet.namespace}/${daemonSet.name}`;
  const excused = unavailable.filter(
    ({ labels, readyDaemonSets }) =>
      Object.entries(nodeSelector).every(([name, value]) => labels[name] === value) &&
      !readyDaemonSets.includes(key),
  );
  return { ...daemonSet, wanted: Math.max(0, daemonSet.wanted - excused.length) };
}
