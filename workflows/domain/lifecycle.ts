/** Judges a node before its step and a wave after it. Called from workflows: replay-visible. */
import type { HostFacts } from './inventory.ts';
import type { Plan, PlannedNode, PlannedPackage, PlannedWave } from './plan-types.ts';

export interface ObservedNode {
  readonly host: HostFacts;
  readonly uid: string;
  readonly ready: boolean;
}

export type InspectionVerdict =
  | { readonly kind: 'AsPlanned' }
  | { readonly kind: 'AlreadyDone' }
  | { readonly kind: 'Drifted'; readonly reasons: readonly string[] };

/** Compares a node with what the plan expects: anything unplanned is a reason to leave it alone. */
export function judgeInspection(target: PlannedNode, observed: ObservedNode): InspectionVerdict {
  const { host } = observed;
  if (target.packages.every((planned) => runs(planned, 'to', host))) return { kind: 'AlreadyDone' };
  const reasons: string[] = [];
  if (observed.uid !== target.uid) {
    reasons.push(
      'the Node object is another one than at plan time (it was deleted and joined again)',
    );
  }
  if (!observed.ready) reasons.push('the node is not Ready');
  for (const field of ['os', 'architecture', 'kernel'] as const) {
    if (host[field] !== target.expects[field]) {
      reasons.push(`${field} is ${host[field]}, the plan expects ${target.expects[field]}`);
    }
  }
  for (const planned of target.packages) reasons.push(...packageDrift(planned, host));
  return reasons.length === 0 ? { kind: 'AsPlanned' } : { kind: 'Drifted', reasons };
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
  return !planned.daemon || host.daemons[planned.daemon] === planned[end].daemonVersion;
}

function installedVersion(name: string, host: HostFacts): string | undefined {
  return host.packages.find((entry) => entry.name === name)?.version;
}

export interface WaveJudgementInput {
  readonly canary: boolean;
  readonly outcomes: readonly { readonly node: string; readonly outcome: string }[];
  readonly failureBudget: number;
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
  const deferred = input.outcomes.some((entry) => entry.outcome === 'Deferred');
  if (input.outcomes.length > 0 && good.length === 0 && !deferred)
    return 'no node of the wave was updated';
  return '';
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
