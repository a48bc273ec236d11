/** The activities that measure, judge, and keep records; see activity-contract.ts for their options. */
import type { Analysis } from './domain/analysis-spec.ts';
import type { Comparison, Judgement, Round, ValidationSummary } from './domain/analysis-types.ts';
import type { ClusterAccess } from './domain/inventory.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import type { Policy } from './domain/spec.ts';
import type { LedgerEntry } from './ledger-contract.ts';

/** Activities of a cluster's task queue. */
export interface MeasuringActivities {
  /** Measures every indicator once on each of the nodes; what gives no answer is a reading as well. */
  measure(input: {
    readonly access: ClusterAccess;
    /** Whose work it is, for the ledger, which keeps attempts that fail; absent where nobody's. */
    readonly rollout?: string;
    readonly nodes: readonly Pick<PlannedNode, 'node' | 'address'>[];
    readonly analysis: Analysis;
    /** Gives the probe's image. */
    readonly verification: Policy['spec']['verification'];
  }): Promise<Round>;
  /** Silences alerts of a node for the lease's time, or renews that; returns what it met, in notes. */
  silence(input: {
    readonly alerts: NonNullable<Policy['spec']['alerts']>;
    readonly cluster: string;
    readonly node: string;
    readonly rollout: string;
  }): Promise<{ readonly notes?: readonly string[] }>;
  /** Ends the silences of a node. */
  unsilence(input: {
    readonly alerts: NonNullable<Policy['spec']['alerts']>;
    readonly cluster: string;
    readonly node: string;
  }): Promise<{ readonly notes?: readonly string[] }>;
}

/** Activities of the task queue of workflows; they touch no cluster. */
export interface RecordingActivities {
  /** Compares patched nodes with the others. */
  judge(input: {
    readonly analysis: Analysis;
    readonly rounds: readonly Round[];
    readonly comparison: Comparison;
  }): Promise<Judgement>;
  /** Hands entries to the ledger's own workflow, which writes them whenever the database answers. */
  record(input: {
    readonly rollout: string;
    readonly entries: readonly LedgerEntry[];
  }): Promise<void>;
  /** Writes entries to the ledger; one that is there already is left. */
  append(input: { readonly entries: readonly LedgerEntry[] }): Promise<{ readonly added: number }>;
  /** Signs the head of the ledger, where an anchor is due. */
  anchor(input: { readonly rollout: string }): Promise<void>;
  /** Returns the newest validations of a bundle, by its digest; none where there is no ledger. */
  validationsOf(input: { readonly bundleDigest: string }): Promise<readonly ValidationSummary[]>;
}
