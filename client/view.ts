/** What the client knows of rollouts: the shapes that `--output json` prints. */
import type { NodeStatus, RolloutOutcome, RolloutStatus } from '../workflows/contract.ts';
import type { Plan } from '../workflows/domain/plan-types.ts';

/** How Temporal sees the rollout's workflow. */
export type RunState = 'Running' | 'Completed' | 'Failed' | 'Cancelled' | 'Terminated' | 'TimedOut';

/** One line of the list of rollouts, from search attributes: no worker is needed for it. */
export interface RolloutEntry {
  readonly rollout: string;
  readonly state: RunState;
  readonly phase: string;
  readonly waitingFor: string;
  readonly nodesFailed: number;
  readonly startedAt: string;
  readonly closedAt?: string;
}

/** Everything that is known of one rollout. */
export interface RolloutView {
  readonly rollout: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly state: RunState;
  readonly startedAt: string;
  readonly closedAt?: string;
  /** Since when the rollout is in its phase. */
  readonly since?: string;
  /** Answer of the workflow; absent if it failed, or if no worker answered. */
  readonly status?: RolloutStatus;
  /** Phase and wait as the workflow last wrote them to Temporal's index: need no worker. */
  readonly indexed: { readonly phase: string; readonly waitingFor: string };
  /** Why there is no status. */
  readonly silent?: string;
  readonly about?: RolloutSummary;
  /** What nodes in work say of themselves, by name. */
  readonly live: readonly NodeStatus[];
  readonly outcome?: RolloutOutcome;
  readonly failure?: {
    readonly type: string;
    readonly message: string;
    readonly exitCode: number;
  };
}

/** What a rollout is about, in short. */
export interface RolloutSummary {
  readonly bundle: string;
  readonly disruption: string;
  readonly fixes: readonly string[];
  readonly requestedBy: string;
  readonly reason: string;
  readonly nodes: number;
  readonly direction: 'Forward' | 'Back';
}

/** Returns in short what a plan is about. */
export function summaryOf(plan: Plan): RolloutSummary {
  return {
    bundle: plan.bundle.name,
    disruption: plan.bundle.disruption,
    fixes: plan.bundle.fixes,
    requestedBy: plan.requestedBy,
    reason: plan.reason,
    nodes: plan.waves.reduce((sum, wave) => sum + wave.nodes.length, 0),
    direction: plan.direction,
  };
}

/** Returns the best known phase: the workflow's own word, else what stands in Temporal's index. */
export function phaseOf(view: RolloutView): string {
  const { outcome, status, state, indexed } = view;
  return outcome?.outcome ?? status?.phase ?? (state === 'Running' ? indexed.phase : state);
}
