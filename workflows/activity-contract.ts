/** The activities: what each takes and returns, how long it may take and how often it is tried. */
import type { ActivityOptions } from '@temporalio/common';
import type { JobChoice, NodeOutcome, Notice, VoteProof } from './contract.ts';
import type { Baseline } from './domain/baseline.ts';
import type {
  ClusterAccess,
  ContainerFacts,
  HostFacts,
  NodeFacts,
  NodeLease,
} from './domain/inventory.ts';
import type { Plan, PlannedNode, PlannedPackage, PlanResult } from './domain/plan-types.ts';
import type { Fleet, Policy, Rollout } from './domain/spec.ts';
import type { MeasuringActivities, RecordingActivities } from './evidence-contract.ts';
import type { LoadActivities, ValidationActivities } from './validation-contract.ts';

/** Which node an activity works on, and how to get there. */
export interface NodeRef {
  readonly access: ClusterAccess;
  readonly cluster: string;
  readonly node: string;
  /** Where sshd listens; the InternalIP of the plan. */
  readonly address: string;
  /** Whose work it is, for the ledger; absent in histories of before. */
  readonly rollout?: string;
}

export interface PlanningActivities {
  /** `request` is whatever was given to the workflow: validated here. */
  plan(input: { readonly request: unknown }): Promise<PlanResult>;
  /** Inverts a plan for the nodes given, as "cluster/node". */
  planRollback(input: { readonly plan: Plan; readonly nodes: readonly string[] }): Promise<Plan>;
  /** `fleet` is a document or the name of one. */
  inventory(input: { readonly fleet: unknown }): Promise<Inventory>;
  /** Returns the rollout that a Schedule starts, given as a document or the name of one. */
  standingRollout(input: { readonly rollout: unknown }): Promise<Rollout>;
  /** Returns in words when the next windows of a policy open, and whom to tell. */
  announceWindows(input: {
    readonly policy: unknown;
    /** Default: every region. */
    readonly regions?: readonly string[];
    /** Default: those of the policy. */
    readonly channels?: readonly string[];
  }): Promise<Pick<Notice, 'lines' | 'channels'>>;
}

/** Activities about people and time; they touch no cluster. */
export interface PeopleActivities {
  /** Returns what a vote at this gate has to name: a digest of the plan's digest, the gate and the evidence. */
  sealGate(input: {
    /** Digest of the plan. */
    readonly plan: string;
    readonly gate: string;
    readonly evidence: readonly string[];
  }): Promise<{ readonly digest: string }>;
  /** Checks the signature of a vote; a bad one is an answer, not a failure. */
  verifyVote(input: {
    readonly statement: string;
    readonly by: string;
    readonly proof: VoteProof;
    readonly approval: Policy['spec']['approval'];
  }): Promise<VoteCheck>;
  /** Looks whether nodes of a region may start now, and if not, when they may. */
  lookAtWindow(input: WindowQuestion): Promise<WindowLook>;
}

export type VoteCheck =
  | { readonly kind: 'Attested'; readonly signedBy: string }
  | { readonly kind: 'Refused'; readonly reason: string };

export interface WindowQuestion {
  readonly policy: Pick<Policy['spec'], 'windows' | 'onCall' | 'freezes' | 'regionsTogether'>;
  readonly region: string;
  /** How long one node is expected to take: it has to fit. */
  readonly expectedMs: number;
  /** Freezes that were lifted for this rollout, by name. */
  readonly lifted: readonly string[];
  /** Openings in which nodes of other regions have started, as `WindowLook.opening` named them. */
  readonly taken: readonly string[];
}

export type WindowLook =
  | {
      readonly kind: 'Open';
      /** Name and beginning of the window, e.g. "nightly 2026-11-25T22:00:00+01:00"; absent without windows. */
      readonly opening?: string;
      /** RFC 3339; not before it, or as far as was looked. Absent where nothing ends it. */
      readonly closesAt?: string;
    }
  | {
      readonly kind: 'Closed';
      readonly reason: string;
      /** RFC 3339, of the next moment to ask again; absent where none is in sight. */
      readonly until?: string;
      /** The freeze that is in the way, if it is one. */
      readonly freeze?: string;
    };

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
  /** The lease that the Node object bears; absent where it bears none, and in histories of before. */
  readonly lease?: NodeLease;
  /** Units of Tidegate that still change the host, of whatever run; absent where there are none. */
  readonly runningTransactions?: readonly string[];
}
export interface VerifyResult extends StepReport {
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
  /** Runs what verification will ask of the cluster, before anything is disturbed: what fails already is no update's fault. */
  baseline(
    input: NodeRef & {
      readonly containersBefore: readonly ContainerFacts[];
      readonly verification: Policy['spec']['verification'];
    },
  ): Promise<Baseline>;
  /** Removes the probe of a baseline that was not told to its end. */
  clearProbe(input: NodeRef): Promise<void>;
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
      /** What did not pass before; absent where nobody looked. */
      readonly baseline?: Baseline;
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
    /** Whose work it is, for the ledger; absent in histories of before. */
    readonly rollout?: string;
  }): Promise<void>;
  releaseClusterLease(input: {
    readonly access: ClusterAccess;
    readonly holder: string;
    readonly rollout?: string;
  }): Promise<void>;
  /** Names of nodes that are not Ready or are unschedulable, whoever made them so. */
  unavailableNodes(input: { readonly access: ClusterAccess }): Promise<readonly string[]>;
  /** Everything to know right before nodes start: who is unavailable, and what holds which node back. */
  lookBeforeStart(input: {
    readonly access: ClusterAccess;
    readonly rollout: string;
    /** In the order of the plan; those in work come not among them. */
    readonly waiting: readonly Pick<PlannedNode, 'node' | 'disruption'>[];
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
    /** Whose work it is, for the ledger; absent in histories of before. */
    readonly rollout?: string;
    readonly nodes: readonly PlannedNode[];
    /** By node: what failed before the update, and is no finding. */
    readonly alreadyFailing?: Readonly<Record<string, Baseline['alreadyFailing']>>;
    /** For how long what is found is looked at again; one look without it. */
    readonly timeoutSeconds?: number;
  }): Promise<readonly string[]>;
}

export type TidegateActivities = PlanningActivities &
  PeopleActivities &
  NodeActivities &
  ClusterActivities &
  MeasuringActivities &
  RecordingActivities &
  LoadActivities &
  ValidationActivities;

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

/** Reading a host: one command may take a minute; a dead worker is noticed by its silence. */
export const INSPECT_OPTIONS = {
  ...READ_OPTIONS,
  startToCloseTimeout: 2 * MINUTE,
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
