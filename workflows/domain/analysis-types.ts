/** What is measured of nodes, and what becomes of it. JSON-safe; rounds live in histories and in the ledger. */
import type { Indicator } from './analysis-spec.ts';

/** An indicator of a policy with its defaults filled in. */
export interface JudgedIndicator extends Indicator {
  /** E.g. "ms", "MiB", "millicores", "restarts"; empty for a Query. */
  readonly unit: string;
  /** Level: a value is what it is now. Counter: it only grows, and what counts is by how much. */
  readonly kind: 'Level' | 'Counter';
  readonly tolerance: number;
}

/** What one indicator came to on one node; the node is empty for the scope Fleet. */
export type Reading = { readonly node: string } & (
  | { readonly value: number }
  /** There is nothing to measure, such as no traffic: not a number, no series. */
  | { readonly noData: string }
  /** Whoever was asked gave no answer. */
  | { readonly error: string }
);

/** Everything that was measured at about the same time. */
export interface Round {
  readonly cluster: string;
  /** RFC 3339, of its beginning. */
  readonly at: string;
  /** By the indicator's name. */
  readonly readings: Readonly<Record<string, readonly Reading[]>>;
}

export const VERDICTS = ['Pass', 'Fail', 'Inconclusive', 'Error'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Which nodes are compared, and over which minutes. */
export interface Comparison {
  readonly cluster: string;
  /** Nodes that run the new version. */
  readonly patched: readonly string[];
  /** Nodes that run the old one over the same minutes. */
  readonly control: readonly string[];
  /** By patched node: RFC 3339, when its update began. Earlier rounds are its baseline. */
  readonly patchedAt: Readonly<Record<string, string>>;
  /** RFC 3339; rounds that began at or after it are of the soak. */
  readonly soakFrom: string;
}

/** What was found of one indicator. */
export interface IndicatorVerdict {
  readonly indicator: string;
  readonly verdict: Verdict;
  /** Which indicator, by how much, against what, in one sentence. */
  readonly sentence: string;
  readonly unit: string;
  /** Control: nodes of the same minutes. OwnPast: there were none, or it is one number for the fleet. */
  readonly against: 'Control' | 'OwnPast';
  /** Rounds in which both sides answered. */
  readonly samples: number;
  readonly tolerance: number;
  /** Medians (sums for counters); absent where there is no number. */
  readonly baseline?: number;
  readonly patched?: number;
  readonly control?: number;
  /** What it became worse by beyond the control nodes, in its unit; positive is worse. */
  readonly shift?: number;
  /** One-sided. */
  readonly pValue?: number;
  /** Rank-biserial correlation, -1 to 1; positive is worse. */
  readonly effect?: number;
}

/** What was found of a canary or wave after its soak. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Of the whole, in words. */
  readonly reason: string;
  /** Name of the test. */
  readonly method: string;
  readonly comparison: Comparison;
  /** RFC 3339, of the last round that counts. */
  readonly soakTo: string;
  readonly indicators: readonly IndicatorVerdict[];
}

/** A judgement as a rollout shows it. */
export interface RecordedJudgement extends Judgement {
  readonly wave: string;
  readonly at: string;
  /** How often its soak had been extended by then. */
  readonly extensions: number;
}

/** What a run of `tidegate validate` came to; shown with plans of the same bundle. */
export interface ValidationSummary {
  readonly name: string;
  readonly bundle: string;
  /** Of the bundle document. */
  readonly bundleDigest: string;
  readonly cluster: string;
  readonly node: string;
  readonly verdict: Verdict;
  /** A sentence each. */
  readonly findings: readonly string[];
  readonly finishedAt: string;
}
