/** A validation of a bundle: one node is measured idle and under load, updated, and measured again. */
import type { RolloutOutcomeKind } from './contract.ts';
import type { Analysis, Load } from './domain/analysis-spec.ts';
import type { RecordedJudgement, ValidationSummary } from './domain/analysis-types.ts';
import type { ClusterAccess } from './domain/inventory.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import type { Policy, Rollout } from './domain/spec.ts';

export const VALIDATION_WORKFLOW = 'validationWorkflow';
export const validationWorkflowId = (name: string) => `validation/${name}`;
/** Name of the rollout that updates the node, and of the one that puts it back. */
export const validationRollout = (name: string, direction: 'Forward' | 'Back') =>
  direction === 'Forward' ? name : `${name}-back`;

export interface ValidationInput {
  /** A lowercase DNS name; also that of its rollout. */
  readonly name: string;
  /** Documents, or the names of documents in the worker's folder. */
  readonly bundle: unknown;
  readonly fleet: unknown;
  readonly policy: unknown;
  /** Name, or "cluster/name". */
  readonly node: string;
  /** A node of the same cluster that is driven the same and stays as it is; without it the node's own past is all there is. */
  readonly control?: string;
  readonly requestedBy: string;
  readonly reason: string;
  /** Whether the node goes back to where it was at the end. */
  readonly putBack: boolean;
}

/** What a validation works with, with every document resolved. */
export interface PreparedValidation {
  readonly bundle: string;
  readonly bundleDigest: string;
  readonly access: ClusterAccess;
  readonly analysis: Analysis;
  readonly verification: Policy['spec']['verification'];
  readonly target: PlannedNode;
  readonly control?: PlannedNode;
  /** The rollout of that one node; measures nothing by itself. */
  readonly rollout: Rollout;
}

export const VALIDATION_PHASES = [
  'Preparing',
  'IdleBefore',
  'PeakBefore',
  'Updating',
  'IdleAfter',
  'PeakAfter',
  'PuttingBack',
  'Done',
] as const;
export type ValidationPhase = (typeof VALIDATION_PHASES)[number];

/** Answer of the query `status`. */
export interface ValidationStatus {
  readonly name: string;
  readonly phase: ValidationPhase;
  /** In words. */
  readonly detail: string;
}

export interface ValidationOutcome extends ValidationSummary {
  /** Named by their load: "idle" and "peak". */
  readonly judgements: readonly RecordedJudgement[];
  readonly update: RolloutOutcomeKind;
  /** Absent where the node stays updated. */
  readonly putBack?: RolloutOutcomeKind;
}

type OnNodes = {
  readonly access: ClusterAccess;
  readonly nodes: readonly string[];
};

/** Activities of a cluster's task queue that load nodes. */
export interface LoadActivities {
  /** Starts what loads disk and network of each node; it ends by itself after `limitSeconds`. */
  startLoad(input: OnNodes & { readonly load: Load; readonly limitSeconds: number }): Promise<void>;
  /** Starts pods on each node, waits until they have ended, and removes them. */
  churn(input: OnNodes & { readonly load: Load }): Promise<{ readonly ended: number }>;
  stopLoad(input: OnNodes): Promise<void>;
}

/** Activities of the task queue of workflows. */
export interface ValidationActivities {
  prepareValidation(input: ValidationInput): Promise<PreparedValidation>;
}
