/** The shape of a plan: immutable data with a digest, made once and then only read. */
import type { ValidationSummary } from './analysis-types.ts';
import type { ClusterAccess, PodImpact } from './inventory.ts';
import type { Disruption, Policy, Strategy } from './spec.ts';

export interface PackageVersion {
  readonly version: string;
  readonly sha256: string;
  /** What the running daemon must report once this version is installed. */
  readonly daemonVersion: string;
  /** What "uname -r" must print once this version runs; absent where the package is no kernel. */
  readonly kernelRelease?: string;
}

export interface PlannedPackage {
  readonly name: string;
  readonly daemon?: 'containerd' | 'crio';
  /** A hold is taken off for the change and put back; without it a held package is refused. */
  readonly onHold?: 'Rehold';
  readonly from: PackageVersion;
  readonly to: PackageVersion;
}

/** What a node must look like right before its step, else it is skipped. */
export interface ExpectedState {
  readonly os: string;
  readonly architecture: string;
  readonly kernel: string;
}

export interface PlannedNode {
  readonly cluster: string;
  readonly node: string;
  /** Of the Node object; empty where it may be another one by then. */
  readonly uid: string;
  readonly address: string;
  readonly failureDomain: string;
  /** Found cordoned when the plan was made: it will be cordoned afterwards as well. */
  readonly cordoned: boolean;
  readonly disruption: Disruption;
  readonly packages: readonly PlannedPackage[];
  readonly expects: ExpectedState;
}

export interface PlannedWave {
  readonly index: number;
  /** A canary stops the rollout with its first failure. */
  readonly canary: boolean;
  readonly name: string;
  readonly cluster: string;
  /** Nodes of the cluster that may be unavailable at once, whoever made them so. */
  readonly maxUnavailable: number;
  readonly maxPerFailureDomain: number;
  readonly soakSeconds: number;
  readonly nodes: readonly PlannedNode[];
}

export interface ExcludedNode {
  readonly cluster: string;
  readonly node: string;
  readonly reason: string;
}

export interface Plan {
  readonly rollout: string;
  readonly direction: 'Forward' | 'Back';
  readonly requestedBy: string;
  readonly reason: string;
  /** Set where the rollout goes the policy's urgent path. */
  readonly urgent?: { readonly reason: string };
  readonly bundle: {
    readonly name: string;
    readonly digest: string;
    readonly reason: string;
    readonly fixes: readonly string[];
    readonly expectedChanges: readonly string[];
    readonly disruption: Disruption;
    /** The day on which it came out; absent where the bundle does not say. */
    readonly published?: string;
  };
  readonly policy: { readonly name: string; readonly spec: Policy['spec'] };
  readonly strategy: Pick<Strategy, 'failureBudget' | 'onFailure'>;
  readonly clusters: readonly ClusterAccess[];
  readonly waves: readonly PlannedWave[];
  readonly alreadyDone: readonly ExcludedNode[];
  readonly excluded: readonly ExcludedNode[];
  /** "sha256:" and the hash of the canonical JSON of everything above. */
  readonly digest: string;
}

/** What a plan will disturb, as seen when it was made. Not part of the digest: pods come and go. */
export interface NodeImpact {
  readonly cluster: string;
  readonly node: string;
  readonly containersThatMustSurvive: number;
  readonly pods: readonly PodImpact[];
}

/** A pod that would block the drain of its node, or of the wave as a whole. */
export interface DrainBlocker {
  readonly node: string;
  /** "namespace/name". */
  readonly pod: string;
  /** Kind/name of the controller; "none" for a bare pod. */
  readonly owner: string;
  /** Whose workload it is, by a label or annotation. */
  readonly contact?: string;
  /** The budget that holds the pod, and how many disruptions it allows now. */
  readonly budget?: { readonly name: string; readonly disruptionsAllowed: number };
  /** Whether waiting cannot help, such as with a budget that can never allow a disruption. */
  readonly permanent: boolean;
  readonly reason: string;
  /** What a person can do about it. */
  readonly advice: string;
}

/** A CronJob whose firing a node's turn may delay or kill. */
export interface FiringConflict {
  readonly node: string;
  /** "namespace/name". */
  readonly cronJob: string;
  /** RFC 3339; of the first firing in question. */
  readonly nextAt: string;
  /** False where no minute is free of it: the firing will suffer. */
  readonly avoidable: boolean;
  readonly reason: string;
}

/** What draining one wave would meet, simulated when the plan was made; nothing was evicted. */
export interface WaveDrain {
  readonly wave: string;
  readonly cluster: string;
  readonly blockers: readonly DrainBlocker[];
  readonly firings: readonly FiringConflict[];
}

/** What a plan does to the workloads of one owner. */
export interface OwnerImpact {
  /** By a label or annotation; absent for all workloads that name none. */
  readonly owner?: string;
  /** "namespace/name (Kind)"; the first ones. */
  readonly workloads: readonly string[];
  /** How many there are of them. */
  readonly count: number;
  readonly waves: readonly OwnerWave[];
}

/** Pods of one owner on the nodes of a wave. */
export interface OwnerWave {
  readonly wave: string;
  readonly evicted: number;
  readonly waitedFor: number;
  /** That hold up the drain of their node. */
  readonly blocked: number;
  /** That go down and come back with their node. */
  readonly restarted: number;
}

/** Result of the activity `plan`. */
export interface PlanResult {
  readonly plan: Plan;
  readonly impact: readonly NodeImpact[];
  /** Of the waves that drain; absent in plans of before. */
  readonly drains?: readonly WaveDrain[];
  /** What may stop or surprise, as seen when the plan was made; absent where there is nothing. */
  readonly warnings?: readonly string[];
  /** Whose workloads are disturbed; absent where none are, and in plans of before. */
  readonly owners?: readonly OwnerImpact[];
  /** RFC 3339; when the policy's calendar first lets a node start, as seen when the plan was made; absent where it does already. */
  readonly firstOpening?: string;
  /** Runs of `tidegate validate` of the same bundle, newest first; absent where there are none. */
  readonly validations?: readonly ValidationSummary[];
  /** What an approval before the canary has to name, where warnings belong to it; else the plan's digest. */
  readonly approve?: string;
}
