/** The shape of what many rollouts have come to; every number stands beside what it is a part of. JSON-safe. */
import type { RolloutOutcomeKind } from '../contract.ts';
import type { Verdict } from './analysis-types.ts';
import type { Durations, Share } from './report-numbers.ts';

export interface Outcomes {
  /** RFC 3339. */
  readonly since: string;
  readonly until: string;
  readonly rollouts: RolloutCounts;
  readonly coverage: readonly Coverage[];
  readonly timeToPatch: TimeToPatch;
  readonly timeToApply: TimeToApply;
  readonly changes: Changes;
  readonly exceptions: readonly KnownException[];
  readonly indicators: readonly IndicatorSummary[];
  /** Oldest first; by the month in which a rollout was requested, in UTC. */
  readonly months: readonly Month[];
}

export interface RolloutCounts {
  /** Requested in the time looked at. */
  readonly requested: number;
  readonly ended: Readonly<Record<RolloutOutcomeKind, number>>;
  readonly inWork: number;
  /** That have changed at least one node. */
  readonly touching: number;
  /** Of which the ledger has no plan. */
  readonly withoutPlan: number;
}

/** How far one bundle has come, over all rollouts of it. */
export interface Coverage {
  readonly bundle: string;
  readonly digest: string;
  readonly published?: string;
  readonly rollouts: number;
  /** Nodes that run it, of all that a plan of it has named. */
  readonly covered: Share;
  /** Of those that do not: how many an exception leaves out, and how many a plan did for another reason. */
  readonly excepted: number;
  readonly excluded: number;
}

/** From the day on which a bundle was published to the moment at which a node ran it. */
export interface TimeToPatch extends Durations {
  /** Nodes that were updated, with and without a day to count from. */
  readonly of: number;
}

/** From the request of a rollout to the end of its last node. */
export interface TimeToApply {
  readonly whole: Durations;
  /** For how long people were waited for within that. */
  readonly approvals: Durations;
  readonly work: Durations;
}

export interface Changes {
  /** Rollouts that took nodes back, of those that had changed one. */
  readonly rolledBack: Share;
  /** Nodes that were put back and verified, of those that were to be. */
  readonly putBack: Share;
  /** Urgent rollouts, of all requested. */
  readonly hotfixes: Share;
  /** By 30 days; absent where no time has gone by. */
  readonly hotfixesPerMonth?: number;
  /** Rollouts in which a node or a verdict failed, or that went back, of those that had changed a node. */
  readonly failed: Share;
}

/** An exception that a plan or a policy names. */
export interface KnownException {
  readonly name: string;
  /** The last day on which it holds. */
  readonly until: string;
  readonly over: boolean;
  readonly reason: string;
  readonly approvedBy: string;
  /** As "cluster/node", or as the policy names them. */
  readonly nodes: readonly string[];
  /** Of the newest plan that it was applied in; absent where only a policy names it. */
  readonly lastUsedAt?: string;
}

export interface IndicatorSummary {
  readonly indicator: string;
  readonly unit: string;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Judgements with a number before and after. */
  readonly compared: number;
  /** Medians over those. */
  readonly before?: number;
  readonly after?: number;
  /** Median of what it became worse by beyond control nodes; of judgements that had some. */
  readonly shift?: number;
}

export interface Month {
  /** E.g. "2026-11". */
  readonly month: string;
  readonly requested: number;
  readonly succeeded: number;
  readonly nodesUpdated: number;
  readonly failed: Share;
  readonly hotfixes: number;
  readonly medianTimeToPatchMs?: number;
  readonly medianTimeToApplyMs?: number;
}
