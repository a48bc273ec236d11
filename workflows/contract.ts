/**
 * What workflows, activities and clients agree on: names, ids, messages, activity interfaces
 * and their timeouts. Everything here is JSON-safe; nothing here has an effect.
 */
import type { ActivityOptions } from '@temporalio/common';
import type { ClusterAccess, ContainerFacts, HostFacts, NodeFacts } from './domain/inventory.ts';
import type {
  Plan,
  PlannedNode,
  PlannedPackage,
  PlannedWave,
  PlanResult,
} from './domain/plan-types.ts';
import type { Fleet, Policy } from './domain/spec.ts';

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

/** Search attributes; must match what `lab/temporal.ts`, docker-compose.yml and worker/ register. */
export const SEARCH_ATTRIBUTES = {
  rollout: 'TidegateRollout',
  phase: 'TidegatePhase',
  waitingFor: 'TidegateWaitingFor',
  cluster: 'TidegateCluster',
  node: 'TidegateNode',
  nodesFailed: 'TidegateNodesFailed',
} as const;

// --- messages: each an update and a signal of the same name, with one JSON argument -------------

export const MESSAGES = ['approve', 'reject', 'stop', 'rollback'] as const;
export type MessageName = (typeof MESSAGES)[number];

export interface Vote {
  /** Who votes; believed as said (asserted). */
  readonly by: string;
  /** Digest of the plan that is approved; required for `approve`. */
  readonly digest?: string;
  readonly reason?: string;
}
export interface Command {
  readonly by: string;
  readonly reason?: string;
}

/** Sent to a node's workflow that asks what becomes of its Jobs; an update and a signal as well. */
export const JOBS_MESSAGE = 'jobs';
export interface JobDecision extends Command {
  readonly choice: JobChoice;
}

// --- states and outcomes ----------------------------------------------------------------------

export type RolloutPhase =
  | 'Planning'
  | 'AwaitingApproval'
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
  readonly phasesMs: Readonly<Partial<Record<NodePhase, number>>>;
  readonly containersBefore: number;
  readonly containersSurvived: number;
  readonly podsEvicted: readonly string[];
  readonly jobPodsLost: readonly string[];
  readonly probeMs?: number;
  /** What was met on the way and is worth knowing; absent in outcomes of before. */
  readonly notes?: readonly string[];
}

export interface WaveOutcome {
  readonly wave: string;
  readonly nodes: readonly NodeOutcome[];
  /** Nodes that were not started, with the reason. */
  readonly notStarted: readonly string[];
  readonly reason?: string;
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
  readonly votes: readonly (Vote & {
    readonly at: string;
    readonly decision: 'Approve' | 'Reject';
  })[];
  readonly refusedVotes: readonly { readonly by: string; readonly reason: string }[];
  readonly waves: readonly WaveStatus[];
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
}

export interface NodeInput {
  readonly rollout: string;
  readonly direction: 'Forward' | 'Back';
  readonly target: PlannedNode;
  readonly access: ClusterAccess;
  readonly policy: Policy['spec'];
}

// --- activities -------------------------------------------------------------------------------

/** Which node an activity works on, and how to get there. */
export interface NodeRef {
  readonly access: ClusterAccess;
  readonly cluster: string;
  readonly node: string;
  /** Where sshd listens; the InternalIP of the plan. */
  readonly address: string;
}

export interface PlanningActivities {
  /** `request` is whatever was given to the workflow: validated here. */
  plan(input: { readonly request: unknown }): Promise<PlanResult>;
  /** Inverts a plan for the nodes given, as "cluster/node". */
  planRollback(input: { readonly plan: Plan; readonly nodes: readonly string[] }): Promise<Plan>;
  /** `fleet` is a document or the name of one. */
  inventory(input: { readonly fleet: unknown }): Promise<Inventory>;
}
export interface Inventory {
  readonly fleet: Fleet['metadata']['name'];
  readonly nodes: readonly NodeFacts[];
}

export interface InspectResult {
  readonly host: HostFacts;
  readonly uid: string;
  readonly address: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  readonly containers: readonly ContainerFacts[];
}
export interface VerifyResult {
  readonly packages: NodeOutcome['packages'];
  readonly containersSurvived: number;
  readonly containersLost: readonly string[];
  readonly probeMs?: number;
}
export interface DrainResult extends StepReport {
  readonly evicted: readonly string[];
  readonly jobPodsEvicted: readonly string[];
}

/** What a step met on the way, in words; nothing at all in histories of before. */
export interface StepReport {
  readonly notes?: readonly string[];
}

/** What a person says of Jobs that outlast their time. */
export const JOB_CHOICES = ['Wait', 'Later', 'Evict'] as const;
export type JobChoice = (typeof JOB_CHOICES)[number];

/** Why a node does not start yet, though the budget has room for it. */
export interface Hold {
  /** Absent where it holds every node of the cluster. */
  readonly node?: string;
  readonly reason: string;
  /** RFC 3339; when it ends by itself, as far as is known. */
  readonly until?: string;
}

/** The state of a cluster right before a node starts. */
export interface StartLook {
  /** Names of nodes that are not Ready or are unschedulable, whoever made them so. */
  readonly unavailable: readonly string[];
  readonly holds: readonly Hold[];
  /** Workloads with fewer ready pods than they want, as "Kind/namespace/name". */
  readonly unhealthy: readonly string[];
}

/** Activities that touch a cluster or its hosts. Names are those of the saga's steps. */
export interface NodeActivities {
  inspect(input: NodeRef & { readonly packages: readonly string[] }): Promise<InspectResult>;
  lease(
    input: NodeRef & {
      readonly holder: string;
      readonly for: string;
    },
  ): Promise<StepReport & { readonly cordonedBefore: boolean }>;
  release(input: NodeRef & { readonly holder: string }): Promise<void>;
  /** Fetches and verifies both directions; changes nothing that runs. */
  stage(input: NodeRef & { readonly packages: readonly PlannedPackage[] }): Promise<StepReport>;
  unstage(input: NodeRef & { readonly packages: readonly PlannedPackage[] }): Promise<void>;
  cordon(input: NodeRef & { readonly holder: string }): Promise<void>;
  /** Restores schedulability as it was found. */
  uncordon(
    input: NodeRef & { readonly holder: string; readonly cordonedBefore: boolean },
  ): Promise<void>;
  drain(
    input: NodeRef & {
      readonly policy: Policy['spec']['drain'];
      /** What a person decided of the Jobs that outlasted their time (Ask). */
      readonly jobChoice?: JobChoice;
    },
  ): Promise<DrainResult>;
  /** Installs `to` in a transient unit named after `transaction`; a later attempt reads its result. */
  apply(
    input: NodeRef & {
      readonly packages: readonly PlannedPackage[];
      readonly transaction: string;
    },
  ): Promise<StepReport>;
  /** Reboots the node unless its boot id is another one already, and waits until it is back. */
  reboot(
    input: NodeRef & {
      /** Of the boot that has to end. */
      readonly bootId: string;
      readonly timeoutSeconds: number;
    },
  ): Promise<StepReport & { readonly bootId: string }>;
  /** Installs `from` the same way; does nothing where `from` is installed and runs. */
  revert(
    input: NodeRef & {
      readonly packages: readonly PlannedPackage[];
      readonly transaction: string;
    },
  ): Promise<void>;
  verify(
    input: NodeRef & {
      readonly packages: readonly PlannedPackage[];
      readonly expect: 'From' | 'To';
      readonly containersBefore: readonly ContainerFacts[];
      /** Containers may be gone after a drain or reboot. */
      readonly containersMustSurvive: boolean;
      /** After a reboot the Node object may be gone for a while, and be another one then. */
      readonly mayRejoin?: boolean;
      readonly verification: Policy['spec']['verification'];
    },
  ): Promise<VerifyResult>;
  /** Leaves the node cordoned, labelled and tainted, and says why in an annotation; removes our lease. */
  quarantine(
    input: NodeRef & {
      readonly holder: string;
      readonly reason: string;
      /** Fails with QuarantineFull where so many nodes of the cluster are in quarantine already. */
      readonly limit?: number;
    },
  ): Promise<void>;
}

export interface ClusterActivities {
  acquireClusterLease(input: {
    readonly access: ClusterAccess;
    readonly holder: string;
  }): Promise<void>;
  releaseClusterLease(input: {
    readonly access: ClusterAccess;
    readonly holder: string;
  }): Promise<void>;
  /** Names of nodes that are not Ready or are unschedulable, whoever made them so. */
  unavailableNodes(input: { readonly access: ClusterAccess }): Promise<readonly string[]>;
  /** Everything to know right before nodes start: who is unavailable, and what holds which node back. */
  lookBeforeStart(input: {
    readonly access: ClusterAccess;
    readonly rollout: string;
    /** In the order of the plan; those in work come not among them. */
    readonly waiting: readonly PlannedNode[];
    readonly inWork: readonly string[];
    readonly policy: Policy['spec'];
    /** How long one node is expected to take. */
    readonly expectedMs: number;
    /** What was unhealthy at the first look of the rollout, and is not waited for; absent then. */
    readonly unhealthyBefore?: readonly string[];
  }): Promise<StartLook>;
  /** Looks at nodes after their soak; returns what is wrong with them, in words. */
  checkHealth(input: {
    readonly access: ClusterAccess;
    readonly nodes: readonly PlannedNode[];
  }): Promise<readonly string[]>;
}

export type TidegateActivities = PlanningActivities & NodeActivities & ClusterActivities;

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Reading: quick, repeated freely. */
export const READ_OPTIONS = {
  startToCloseTimeout: 60 * SECOND,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: {
    initialInterval: SECOND,
    backoffCoefficient: 2,
    maximumInterval: 15 * SECOND,
    maximumAttempts: 6,
  },
} satisfies ActivityOptions;

/** Reading a host: a dead worker is noticed by its silence. */
export const INSPECT_OPTIONS = {
  ...READ_OPTIONS,
  heartbeatTimeout: 10 * SECOND,
} satisfies ActivityOptions;

/** Planning reads the whole fleet. */
export const PLANNING_OPTIONS = {
  startToCloseTimeout: 15 * MINUTE,
  heartbeatTimeout: 30 * SECOND,
  retry: { initialInterval: SECOND, maximumInterval: 15 * SECOND, maximumAttempts: 4 },
} satisfies ActivityOptions;

/** Steps that change a node. WAIT_CANCELLATION_COMPLETED keeps an undo from starting beside its step. */
export const CHANGE_OPTIONS = {
  startToCloseTimeout: 15 * MINUTE,
  heartbeatTimeout: 10 * SECOND,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: {
    initialInterval: SECOND,
    backoffCoefficient: 2,
    maximumInterval: 15 * SECOND,
    maximumAttempts: 10,
  },
} satisfies ActivityOptions;

/** Undos: retried until the policy's deadline, which the caller sets as scheduleToCloseTimeout. */
export const UNDO_OPTIONS = {
  ...CHANGE_OPTIONS,
  retry: { initialInterval: SECOND, backoffCoefficient: 2, maximumInterval: 30 * SECOND },
} satisfies ActivityOptions;
