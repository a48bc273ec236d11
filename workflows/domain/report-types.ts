/** The shape of a report: what the ledger says of one run of a rollout, put in order. JSON-safe. */
import type { NodeOutcome, RolloutOutcomeKind, RolloutPhase } from '../contract.ts';
import type { CommandRecord, LedgerKind, PlannedBody, StepBody } from '../ledger-contract.ts';
import type { GateRules, RecordedVote, RefusedVote } from '../people-contract.ts';
import type { RecordedJudgement, ValidationSummary } from './analysis-types.ts';
import type { Spread } from './report-numbers.ts';

/** How a finding is meant; never told by colour alone. */
export type ReportTone = 'Good' | 'Careful' | 'Bad' | 'Neutral';

export interface Report {
  readonly rollout: string;
  readonly run: string;
  /** Of the same name, oldest first. */
  readonly otherRuns: readonly OtherRun[];
  /** InWork: no end is recorded. */
  readonly state: RolloutOutcomeKind | 'InWork';
  readonly phase?: RolloutPhase;
  readonly tone: ReportTone;
  /** What came of it, in one sentence. */
  readonly headline: string;
  /** As the rollout has said it at its end. */
  readonly reasons: readonly string[];
  /** What the ledger does not hold, in words; empty where nothing is missing. */
  readonly missing: readonly string[];
  readonly times: ReportTimes;
  /** Oldest first: of replanning and of the way back there is one more each. */
  readonly plans: readonly ReportedPlan[];
  readonly gates: readonly ReportedGate[];
  /** Votes that were refused while no gate was open. */
  readonly strayRefusals: readonly (RefusedVote & { readonly at: string })[];
  readonly commands: readonly ReportedCommand[];
  readonly timeline: readonly TimelineItem[];
  readonly nodes: readonly ReportedNode[];
  readonly fixes: readonly Fix[];
  readonly disruption: DisruptionCount;
  readonly verdicts: readonly RecordedJudgement[];
  readonly charts: readonly Chart[];
  /** In the order of time; charts show them by their number. */
  readonly moments: readonly Moment[];
  readonly soaks: readonly Soak[];
  readonly validations: readonly ValidationSummary[];
  readonly surprises: readonly Surprise[];
  readonly next: readonly NextStep[];
  readonly proof: Proof;
}

export interface OtherRun {
  readonly run: string;
  readonly startedAt: string;
  readonly state: Report['state'];
}

export interface ReportTimes {
  readonly requestedAt: string;
  /** Of the last entry while it is in work. */
  readonly endedAt: string;
  /** When the first node was begun and the last one ended, forward; absent while none was. */
  readonly firstNodeAt?: string;
  readonly lastNodeAt?: string;
  /** How long a gate was open; gates that were open at once count once. */
  readonly awaitedApprovalMs: number;
  readonly totalMs: number;
}

export interface ReportedPlan extends PlannedBody {
  readonly at: string;
  /** Whether it takes back what this rollout has done. */
  readonly wayBack: boolean;
}

export interface ReportedGate {
  readonly id: string;
  readonly digest: string;
  readonly evidence: readonly string[];
  readonly rules: GateRules;
  readonly openedAt: string;
  readonly expiresAt?: string;
  /** Absent while it is open. Replaced: it has opened again with other evidence. */
  readonly how?: 'Passed' | 'Rejected' | 'Expired' | 'Interrupted' | 'Woken' | 'Replaced';
  readonly closedAt?: string;
  readonly reason?: string;
  readonly approvedBy: readonly string[];
  readonly votes: readonly RecordedVote[];
  readonly refused: readonly (RefusedVote & { readonly at: string })[];
}

export interface ReportedCommand {
  readonly at: string;
  readonly by: string;
  readonly command: string;
  readonly reason?: string;
  readonly via?: string;
  readonly details: Readonly<Record<string, string>>;
  readonly answer: string;
}

export interface TimelineItem {
  readonly at: string;
  readonly kind:
    | 'Request'
    | 'Plan'
    | 'Phase'
    | 'Gate'
    | 'Vote'
    | 'Command'
    | 'Node'
    | 'Wave'
    | 'Verdict'
    | 'End';
  readonly text: string;
  readonly by?: string;
  readonly tone: ReportTone;
}

/** How a node stands at the end; TakenBack: updated, and then put back with the rollout. */
export type NodeEnd = NodeOutcome['outcome'] | 'TakenBack' | 'NotStarted' | 'InWork' | 'Excluded';

export interface ReportedNode {
  readonly cluster: string;
  readonly node: string;
  /** Of the plan; empty for nodes that it has in no wave. */
  readonly wave: string;
  readonly end: NodeEnd;
  /** Why it was left out, where the plan did that. */
  readonly why?: string;
  /** Every time that it was worked on, oldest first. */
  readonly runs: readonly NodeRun[];
  readonly commandsRun: number;
  /** Those that ended with another exit code than 0, or without one. */
  readonly commandsFailed: readonly (CommandRecord & { readonly activity: string })[];
}

export interface NodeRun {
  readonly direction: 'Forward' | 'Back';
  /** Whether it takes back what this rollout has done. */
  readonly wayBack: boolean;
  readonly wave: string;
  readonly startedAt: string;
  /** Absent while it is in work. */
  readonly endedAt?: string;
  readonly outcome?: NodeOutcome;
  readonly steps: readonly (StepBody & { readonly at: string })[];
}

/** Whether a hole that the bundle closes is closed. */
export interface Fix {
  readonly id: string;
  /** As "cluster/node": those that run the bundle now. */
  readonly closedOn: readonly string[];
  readonly openOn: readonly string[];
}

export interface DisruptionCount {
  readonly nodesTouched: number;
  readonly podsEvicted: number;
  readonly jobPodsLost: number;
  readonly containersBefore: number;
  readonly containersSurvived: number;
  readonly reboots: number;
  /** For how long nodes took no new pods, summed over all of them. */
  readonly cordonedMs: number;
  /** By owner, what the plan said and whether it names the workloads. */
  readonly owners: PlannedBody['owners'];
  /** Pods that the plan said would be evicted; absent where it says nothing of owners. */
  readonly plannedEvictions?: number;
}

/** One indicator in one cluster over the whole rollout. */
export interface Chart {
  readonly cluster: string;
  readonly indicator: string;
  readonly unit: string;
  /** Of the last verdict, or what is usual for its source; absent where neither is known. */
  readonly tolerance?: number;
  /** How each node's values are shown: as measured, or what has been added since its first one. */
  readonly values: 'AsMeasured' | 'SinceFirst';
  /** One number for the whole fleet: nothing is compared with control nodes. */
  readonly fleet: boolean;
  readonly points: readonly ChartPoint[];
}

/** One round, or several close ones. A node in work is on neither side. */
export interface ChartPoint {
  readonly at: string;
  readonly patched?: Spread;
  readonly control?: Spread;
  readonly inWork?: Spread;
  /** Readings without a number. */
  readonly noData: number;
  readonly errors: number;
}

export interface Moment {
  /** From 1. */
  readonly number: number;
  readonly at: string;
  readonly kind: 'Updated' | 'PutBack' | 'Failed' | 'Verdict' | 'Command' | 'End';
  readonly text: string;
  readonly tone: ReportTone;
}

export interface Soak {
  readonly wave: string;
  readonly from: string;
  readonly to: string;
}

export interface Surprise {
  readonly kind:
    | 'Retry'
    | 'FailedStep'
    | 'Undone'
    | 'LeftOut'
    | 'Note'
    | 'Verdict'
    | 'OtherThanPlanned'
    | 'Vote'
    | 'Interruption';
  /** "cluster/node", a wave or a gate; empty for the rollout itself. */
  readonly subject: string;
  readonly text: string;
}

export interface NextStep {
  readonly why: string;
  /** To type; none where there is only something to read. */
  readonly commands: readonly string[];
}

/** Where in the ledger all of this stands. */
export interface Proof {
  readonly entries: number;
  readonly kinds: Readonly<Partial<Record<LedgerKind, number>>>;
  readonly firstAt: string;
  readonly lastAt: string;
  /** Absent where the entries were never chained. */
  readonly chain?: { readonly fromSeq: number; readonly toSeq: number; readonly headHash: string };
}
