/** Judges a node before its step and a wave after it. Called from workflows: replay-visible. */
import { type HostFacts, LEASE_ANNOTATION, type NodeLease } from './inventory.ts';
import type { Plan, PlannedNode, PlannedPackage, PlannedWave } from './plan-types.ts';
import type { Disruption } from './spec.ts';

export interface ObservedNode {
  readonly host: HostFacts;
  readonly uid: string;
  readonly ready: boolean;
  readonly unschedulable?: boolean;
  readonly lease?: NodeLease;
  /** Units of Tidegate that still change the host. */
  readonly runningTransactions?: readonly string[];
}

export type InspectionVerdict =
  | { readonly kind: 'AsPlanned' }
  | { readonly kind: 'AlreadyDone' }
  | { readonly kind: 'Drifted'; readonly reasons: readonly string[] };

/**
 * Compares a node with what the plan expects: anything unplanned is a reason to leave it alone.
 * `maxClockSkewSeconds` is the policy's limit; Infinity where it has none.
 */
export function judgeInspection(
  target: PlannedNode,
  observed: ObservedNode,
  maxClockSkewSeconds = Number.POSITIVE_INFINITY,
): InspectionVerdict {
  const { host, runningTransactions = [] } = observed;
  if (runningTransactions.length > 0) {
    const units = runningTransactions.join(', ');
    return { kind: 'Drifted', reasons: [`${units} of another run still changes the host`] };
  }
  if (target.packages.every((planned) => runs(planned, 'to', host))) return { kind: 'AlreadyDone' };
  const reasons: string[] = [];
  if (target.uid !== '' && observed.uid !== target.uid) {
    reasons.push(
      'the Node object is another one than at plan time (it was deleted and joined again)',
    );
  }
  if (!observed.ready) reasons.push('the node is not Ready');
  const skewSeconds = (host.clockSkewMs ?? 0) / 1000;
  if (Math.abs(skewSeconds) > maxClockSkewSeconds) {
    const by = `${Math.abs(skewSeconds).toFixed(0)} s ${skewSeconds > 0 ? 'ahead' : 'behind'}`;
    reasons.push(`its clock is ${by}, the policy allows ${maxClockSkewSeconds} s`);
  }
  for (const field of ['os', 'architecture', 'kernel'] as const) {
    if (host[field] !== target.expects[field]) {
      reasons.push(`${field} is ${host[field]}, the plan expects ${target.expects[field]}`);
    }
  }
  for (const planned of target.packages) reasons.push(...packageDrift(planned, host));
  return reasons.length === 0 ? { kind: 'AsPlanned' } : { kind: 'Drifted', reasons };
}

/**
 * Compares a node right before it is changed with how it was found: returns what has happened to
 * it meanwhile, nothing where it is still as planned. `holder` is who has it cordoned and leased;
 * without one neither is looked at.
 */
export function judgeSecondLook(
  target: PlannedNode,
  first: ObservedNode,
  second: ObservedNode,
  holder?: string,
): readonly string[] {
  const verdict = judgeInspection(target, second);
  const reasons = verdict.kind === 'Drifted' ? [...verdict.reasons] : [];
  if (second.host.bootId !== first.host.bootId) {
    reasons.unshift('the node was rebooted by somebody or something since it was inspected');
  }
  if (holder === undefined) return reasons;
  if (second.lease?.holder !== holder) {
    const now = second.lease ? `is ${second.lease.holder}'s now` : 'was taken off the node';
    reasons.push(`its lease (annotation ${LEASE_ANNOTATION}) ${now}`);
  }
  if (!second.unschedulable) reasons.push('somebody has uncordoned the node meanwhile');
  return reasons;
}

function packageDrift(planned: PlannedPackage, host: HostFacts): string[] {
  if (runs(planned, 'from', host) || runs(planned, 'to', host)) return [];
  const installed = installedVersion(planned.name, host) ?? 'not installed';
  const reasons: string[] = [];
  if (installed !== planned.from.version) {
    reasons.push(`${planned.name} is ${installed}, the plan expects ${planned.from.version}`);
  }
  const running = planned.daemon ? host.daemons[planned.daemon] : undefined;
  if (planned.daemon && running !== planned.from.daemonVersion) {
    reasons.push(
      `the running ${planned.daemon} is ${running ?? 'not answering'}, the plan expects ${planned.from.daemonVersion}`,
    );
  }
  return reasons;
}

/** Tells whether dpkg and the running daemon both are at the given end of a planned package. */
export function runs(planned: PlannedPackage, end: 'from' | 'to', host: HostFacts): boolean {
  if (installedVersion(planned.name, host) !== planned[end].version) return false;
  const { kernelRelease } = planned[end];
  if (kernelRelease !== undefined && host.kernel !== kernelRelease) return false;
  return !planned.daemon || host.daemons[planned.daemon] === planned[end].daemonVersion;
}

function installedVersion(name: string, host: HostFacts): string | undefined {
  return host.packages.find((entry) => entry.name === name)?.version;
}

export interface WaveJudgementInput {
  readonly canary: boolean;
  readonly outcomes: readonly { readonly node: string; readonly outcome: string }[];
  readonly failureBudget: number;
  /** Rule of rollouts that began before nodes that failed within the budget counted as accounted for. */
  readonly everyWaveUpdates?: boolean;
}

/** Returns why a wave has failed, or an empty string while the rollout may go on. */
export function waveFailure(input: WaveJudgementInput): string {
  const failed = input.outcomes.filter((entry) => isFailedNode(entry.outcome));
  const good = input.outcomes.filter((entry) => isGoodNode(entry.outcome));
  const budget = input.canary ? 0 : input.failureBudget;
  if (failed.length > budget) {
    return `${failed.map((entry) => `${entry.node} ${entry.outcome}`).join(', ')} (failure budget ${budget})`;
  }
  if (input.canary && good.length < input.outcomes.length) {
    return 'the canary was not updated: a skipped canary proves nothing';
  }
  // Nodes that failed within the budget are accounted for; a wave that went past all of its nodes is not.
  const skipped = input.outcomes.filter((entry) => entry.outcome === 'Skipped');
  const deferred = input.outcomes.some((entry) => entry.outcome === 'Deferred');
  const none = input.everyWaveUpdates
    ? good.length === 0 && !deferred
    : skipped.length === input.outcomes.length;
  return none && input.outcomes.length > 0 ? 'no node of the wave was updated' : '';
}

/** How long a node is expected to take while none of its rollout has ended. */
export const TURN_MS: Readonly<Record<Disruption, number>> = {
  None: 30_000,
  Restart: 30_000,
  Drain: 120_000,
  Reboot: 240_000,
};

/**
 * Returns how long the slowest updated node took, in milliseconds; undefined while there is none. Time
 * in which it waited for others is no part of that: it would keep the next ones out of short windows.
 */
export function slowestTurnMs(
  outcomes: readonly {
    readonly outcome: string;
    readonly durationMs: number;
    readonly waitedMs?: number;
  }[],
): number | undefined {
  const updated = outcomes.filter((entry) => entry.outcome === 'Updated');
  if (updated.length === 0) return undefined;
  return Math.max(...updated.map(({ durationMs, waitedMs = 0 }) => durationMs - waitedMs));
}

/** Tells whether a node's update went wrong. */
export function isFailedNode(outcome: string): boolean {
  return outcome === 'RolledBack' || outcome === 'NeedsAttention';
}

function isGoodNode(outcome: string): boolean {
  return outcome === 'Updated' || outcome === 'AlreadyDone';
}

/**
 * Returns the waves of nodes ("cluster/node") that were left for later: once more, after all others,
 * one wave for each cluster under the limits of its last one.
 */
export function laterWaves(plan: Plan, deferred: readonly string[]): PlannedWave[] {
  return plan.clusters.flatMap(({ cluster }) => {
    const waves = plan.waves.filter((wave) => wave.cluster === cluster);
    const nodes = waves
      .flatMap((wave) => wave.nodes)
      .filter((node) => deferred.includes(keyOf(node)));
    const last = waves.at(-1);
    if (!last || nodes.length === 0) return [];
    const name = plan.clusters.length > 1 ? `${cluster}-later` : 'later';
    return [{ ...last, index: plan.waves.length, name, canary: false, nodes }];
  });
}

/** Returns the name of a node over all clusters: "cluster/node". */
export function keyOf({ cluster, node }: { cluster: string; node: string }): string {
  return `${cluster}/${node}`;
}

/** Says which nodes a rollout went past, and why; empty where it updated all of them. */
export function leftAlone(
  outcomes: readonly {
    readonly node: string;
    readonly outcome: string;
    readonly reasons: readonly string[];
  }[],
): string[] {
  return outcomes
    .filter((entry) => !isGoodNode(entry.outcome))
    .map(({ node, outcome, reasons }) => `${node} ${outcome}: ${reasons.join('; ')}`);
}
