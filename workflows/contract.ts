/**
 * What workflows, activities and clients agree on: names, ids, messages, states and outcomes, and
 * through activity-contract.ts the activities. Everything is JSON-safe; nothing has an effect.
 */
import type { RecordedJudgement } from './domain/analysis-types.ts';
import type { Baseline } from './domain/baseline.ts';
import type { ClusterAccess } from './domain/inventory.ts';
import type { PlannedNode, PlannedWave } from './domain/plan-types.ts';
import type { Policy } from './domain/spec.ts';
import type {
  Command,
  FreezeOverride,
  GateStatus,
  Notice,
  RecordedVote,
  RefusedVote,
} from './people-contract.ts';

export * from './activity-contract.ts';
export { STOP_MODES, type StopMode } from './domain/control.ts';
export * from './evidence-contract.ts';
export * from './ledger-contract.ts';
export * from './people-contract.ts';
export * from './schedule-contract.ts';
export * from './validation-contract.ts';

/** Queue of workflows and of planning. */
export const TASK_QUEUE = 'tidegate';
/** Queue of the activities that touch one cluster and its hosts. */
export const clusterTaskQueue = (cluster: string) => `tidegate-${cluster}`;

export const ROLLOUT_WORKFLOW = 'rolloutWorkflow';
export const PLAN_WORKFLOW = 'planWorkflow';
export const INVENTORY_WORKFLOW = 'inventoryWorkflow';

export const rolloutWorkflowId = (rollout: string) => `rollout/${rollout}`;
export const waveWorkflowId = (rolloutId: string, wave: string) => `${rolloutId}/wave/${wave}`;
/** The id is the lock: Temporal refuses a second workflow for the same node. */
export const nodeWorkflowId = (cluster: string, node: string) => `node/${cluster}/${node}`;

/** Returns the rollout's name of a rollout's workflow id, or undefined for any other id. */
export function rolloutNameOf(workflowId: string): string | undefined {
  return /^rollout\/([^/]+)$/.exec(workflowId)?.[1];
}

/** Returns cluster and node of a node's workflow id, or undefined for any other id. */
export function nodeOf(workflowId: string): { cluster: string; node: string } | undefined {
  const match = /^node\/([^/]+)\/([^/]+)$/.exec(workflowId);
  return match?.[1] && match[2] ? { cluster: match[1], node: match[2] } : undefined;
}

/** Search attributes; docker-compose.yml must register the same ones, with the same types. */
export const SEARCH_ATTRIBUTES = {
  rollout: 'TidegateRollout',
  phase: 'TidegatePhase',
  waitingFor: 'TidegateWaitingFor',
  cluster: 'TidegateCluster',
  node: 'TidegateNode',
  nodesFailed: 'TidegateNodesFailed',
  actor: 'TidegateActor',
} as const;

/** The type of each, as Temporal names it. */
export const SEARCH_ATTRIBUTE_TYPES = {
  TidegateRollout: 'Keyword',
  TidegatePhase: 'Keyword',
  TidegateWaitingFor: 'Keyword',
  TidegateCluster: 'Keyword',
  TidegateNode: 'Keyword',
  TidegateNodesFailed: 'Int',
  TidegateActor: 'KeywordList',
} as const satisfies Record<
  (typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES],
  'Keyword' | 'KeywordList' | 'Int'
>;

// --- messages: each an update and a signal of the same name, with one JSON argument -------------

export const MESSAGES = [
  'approve',
  'reject',
  'pause',
  'resume',
  'stop',
  'rollback',
  'skipNode',
  'retryNode',
  'replan',
  'overrideFreeze',
] as const;
export type MessageName = (typeof MESSAGES)[number];

/** What a person says of Jobs that outlast their time. */
export const JOB_CHOICES = ['Wait', 'Later', 'Evict'] as const;
export type JobChoice = (typeof JOB_CHOICES)[number];

/** Sent to a node's workflow that asks what becomes of its Jobs; an update and a signal as well. */
export const JOBS_MESSAGE = 'jobs';
export interface JobDecision extends Command {
  readonly choice: JobChoice;
}

// --- states and outcomes ----------------------------------------------------------------------

export type RolloutPhase =
  | 'Planning'
  | 'AwaitingApproval'
  | 'AwaitingWindow'
  | 'AwaitingLease'
  | 'Canary'
  | 'Wave'
  | 'Soaking'
  | 'RollingBack'
  | 'Succeeded'
  | 'RolledBack'
  | 'Halted'
  | 'Rejected';

export type RolloutOutcomeKind = Extract<
  RolloutPhase,
  'Succeeded' | 'RolledBack' | 'Halted' | 'Rejected'
>;

/** How a node's run can end. */
export const NODE_OUTCOMES = [
  'Updated',
  'AlreadyDone',
  'Skipped',
  'Deferred',
  'RolledBack',
  'NeedsAttention',
] as const;
export type NodeOutcomeKind = (typeof NODE_OUTCOMES)[number];

export const NODE_PHASES = [
  'Pending',
  'Inspecting',
  'Leasing',
  'Staging',
  'Cordoning',
  'Draining',
  'Applying',
  'Rebooting',
  'Verifying',
  'Uncordoning',
  'Releasing',
  'Unwinding',
  ...NODE_OUTCOMES,
] as const;
export type NodePhase = (typeof NODE_PHASES)[number];

/** What happened to one node. Times are milliseconds of workflow time. */
export interface NodeOutcome {
  readonly cluster: string;
  readonly node: string;
  readonly outcome: NodeOutcomeKind;
  readonly reasons: readonly string[];
  readonly packages: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
    /** What the running daemon reported at the end, where the package has one. */
    readonly daemon?: string;
  }[];
  readonly durationMs: number;
  /** How much of it the node waited for people or for others; absent where it did not. */
  readonly waitedMs?: number;
  readonly phasesMs: Readonly<Partial<Record<NodePhase, number>>>;
  readonly containersBefore: number;
  readonly containersSurvived: number;
  /** At most 110 of each; a note says how many more there were. */
  readonly podsEvicted: readonly string[];
  readonly jobPodsLost: readonly string[];
  readonly probeMs?: number;
  /** What was met on the way and is worth knowing; absent in outcomes of before. */
  readonly notes?: readonly string[];
  /** What did not pass before anything was changed, and is not held against the update; absent where all did. */
  readonly alreadyFailing?: Baseline['alreadyFailing'];
  /** Set where its window had closed before it was disturbed: it is tried again in the next one. */
  readonly windowClosed?: true;
}

export interface WaveOutcome {
  readonly wave: string;
  readonly nodes: readonly NodeOutcome[];
  /** Nodes that were not started, with the reason. */
  readonly notStarted: readonly string[];
  readonly reason?: string;
  /** Set where nodes that others made unavailable have left no room for too long. */
  readonly noRoom?: true;
  /** Openings of windows in which its nodes have started; absent where no window was needed. */
  readonly openings?: readonly string[];
}

export interface RolloutOutcome {
  readonly rollout: string;
  readonly outcome: RolloutOutcomeKind;
  readonly reasons: readonly string[];
  readonly digest: string;
  readonly nodes: readonly NodeOutcome[];
  /** Nodes of the plan that were never touched. */
  readonly untouched: readonly string[];
  /** Outcomes of the rollout-level rollback, if there was one. */
  readonly rolledBack: readonly NodeOutcome[];
  /** Cluster-qualified nodes that a person must look at. */
  readonly needsAttention: readonly string[];
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface WaveStatus {
  readonly wave: string;
  readonly state: 'Pending' | 'Running' | 'Soaking' | 'Done' | 'Stopped' | 'Failed' | 'NotStarted';
  readonly workflowId: string;
  /** Why the next node is held back; absent while none is. */
  readonly waitingFor?: string;
  readonly nodes: readonly {
    readonly node: string;
    readonly phase: NodePhase;
    readonly reason?: string;
  }[];
}

/** Answer of the rollout's query `status`. */
export interface RolloutStatus {
  readonly rollout: string;
  readonly phase: RolloutPhase;
  /** What the rollout waits for, in words; empty while it works. */
  readonly waitingFor: string;
  readonly digest?: string;
  readonly requestedBy?: string;
  /** What waits for approval now; absent while nothing does. */
  readonly gate?: GateStatus;
  readonly votes: readonly RecordedVote[];
  readonly refusedVotes: readonly RefusedVote[];
  /** Freezes that people have lifted for this rollout. */
  readonly overrides?: readonly (FreezeOverride & { readonly at: string })[];
  /** What measurements have shown, oldest first; absent where the policy asks for none. */
  readonly judgements?: readonly RecordedJudgement[];
  /** What is to be told to whom, oldest first; absent in rollouts of before. */
  readonly notices?: readonly Notice[];
  readonly waves: readonly WaveStatus[];
  /** Who has paused the rollout and why, in words; absent while it is not. */
  readonly paused?: string;
  /** Commands a person can type now. */
  readonly next: readonly string[];
  readonly outcome?: RolloutOutcome;
}

/** Answer of a node's query `status`. */
export interface NodeStatus {
  readonly cluster: string;
  readonly node: string;
  readonly phase: NodePhase;
  readonly detail: string;
  readonly sinceMs: number;
  /** What a person has to decide; absent while nothing is asked. */
  readonly asks?: string;
}

// --- workflow inputs ----------------------------------------------------------------------------

export interface WaveInput {
  readonly rollout: string;
  readonly direction: 'Forward' | 'Back';
  readonly wave: PlannedWave;
  readonly access: ClusterAccess;
  readonly policy: Policy['spec'];
  readonly failureBudget: number;
  /** Workloads that were unhealthy when the rollout began; absent in waves of before. */
  readonly unhealthyBefore?: readonly string[];
  /** How long a node of this rollout has taken at most; absent while none has ended. */
  readonly expectedMs?: number;
  /** Set where the rollout takes back what it has done itself, which no gate may hold up. */
  readonly wayBack?: true;
  /** By node: why people leave it out; absent where they leave out none. */
  readonly skipped?: Readonly<Record<string, string>>;
  /** What is needed to ask when nodes may start; absent where they always may. */
  readonly calendar?: WaveCalendar;
  /** What an earlier run of the same wave has come to; absent in its first. */
  readonly carried?: CarriedWave;
}

/** What of the calendar is of this rollout. */
export interface WaveCalendar {
  /** Openings in which nodes of other regions have started. */
  readonly taken: readonly string[];
  /** Freezes that people have lifted. */
  readonly lifted: readonly string[];
}

/** What a wave passes on to its next run, when its history has grown long. */
export interface CarriedWave {
  readonly waiting: readonly string[];
  readonly outcomes: readonly NodeOutcome[];
  readonly heldSince: Readonly<Record<string, number>>;
  /** Why no wave comes after it; absent where that is not known. */
  readonly last?: string;
  /** Since when there was no room; absent while there is some. */
  readonly noRoomSince?: number;
  /** Openings in which nodes have started; absent where no window is needed. */
  readonly openings?: readonly string[];
  /** How often nodes have come too late for their window. */
  readonly returns?: Readonly<Record<string, number>>;
}

export interface NodeInput {
  readonly rollout: string;
  readonly direction: 'Forward' | 'Back';
  readonly target: PlannedNode;
  readonly access: ClusterAccess;
  readonly policy: Policy['spec'];
  /** How long the node is expected to take; absent in nodes of before. */
  readonly expectedMs?: number;
  /**
   * Workloads that were unhealthy when the rollout began. Absent where recovery is not the node's to
   * judge: nodes beside it may be in work, or it is on a way back, which no harm holds up.
   */
  readonly unhealthyBefore?: readonly string[];
  /** Absent where it may start at any time; without `closesAt` nothing ends the time in which it may. */
  readonly calendar?: WaveCalendar & { readonly closesAt?: string };
}
