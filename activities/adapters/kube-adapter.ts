/** What activities need of a Kubernetes cluster. */
import type {
  V1CronJob,
  V1Job,
  V1Namespace,
  V1Node,
  V1Pod,
  V1PodDisruptionBudget,
  V1Volume,
} from '@kubernetes/client-node';
import type { WorkloadFacts } from '../../workflows/domain/holds.ts';
import type { MaintenanceLease } from '../../workflows/domain/other-tools.ts';

export type { V1CronJob, V1Job, V1Namespace, V1Node, V1Pod, V1PodDisruptionBudget, V1Volume };

/** What the API server said to an eviction. */
export type EvictionAnswer =
  | { readonly kind: 'Accepted' }
  /** The pod is gone, or another one has its name by now. */
  | { readonly kind: 'Gone' }
  /** A PodDisruptionBudget allows no disruption now. */
  | { readonly kind: 'BudgetRefused'; readonly message: string }
  /** The API server throttles, or had a passing error. */
  | { readonly kind: 'TryLater'; readonly message: string; readonly retryAfterSeconds?: number }
  /** An error that names the pod, e.g. because two budgets select it. */
  | { readonly kind: 'Failed'; readonly message: string };

/** The result of a command in a container. */
export interface ExecAnswer {
  readonly ok: boolean;
  readonly message: string;
}

/** A PersistentVolume that a claim is bound to. */
export interface BoundVolume {
  readonly name: string;
  /** Its data is on one node. */
  readonly local: boolean;
}

/** A VolumeAttachment, as far as it matters here. */
export interface VolumeAttachment {
  readonly name: string;
  /** Name of the PersistentVolume; "" for an inline volume. */
  readonly volume: string;
  readonly attacher: string;
}

/** A patch either happened, or met a newer version of the object. */
export type PatchAnswer =
  | { readonly kind: 'Patched'; readonly node: V1Node }
  | { readonly kind: 'Conflict' };

/** A coordination.k8s.io Lease, as far as it matters here. */
export interface LeaseRecord {
  /** "" if nobody holds it. */
  readonly holder: string;
  readonly acquiredAtMs: number;
  readonly renewedAtMs: number;
  /** Of our own: the Temporal namespace (its id) in which the holder runs, where it is known. */
  readonly home?: string;
  /** Of the object that was read; absent for one to be created. */
  readonly version?: string;
}

/** A workload with what is needed to judge it. */
export interface WorkloadRecord extends WorkloadFacts {
  readonly annotations: Readonly<Record<string, string>>;
  /** Of a DaemonSet: labels of the nodes it wants to be on. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** One cluster's API; each call has a deadline and fails with one of our failures. */
export interface KubeAdapter {
  listNodes(selector?: string): Promise<readonly V1Node[]>;
  /** Fails with NodeGone if there is none. */
  getNode(node: string): Promise<V1Node>;
  /** Merge patch; with metadata.resourceVersion in it, only that version is patched. */
  patchNode(node: string, patch: object): Promise<PatchAnswer>;
  podsOn(node: string): Promise<readonly V1Pod[]>;
  getPod(namespace: string, name: string): Promise<V1Pod | undefined>;
  /** Returns undefined if a pod of this name exists. */
  createPod(namespace: string, pod: V1Pod): Promise<V1Pod | undefined>;
  /** Does nothing if there is none, or none with the uid where one is given; keeps its grace period. */
  deletePod(namespace: string, name: string, uid?: string): Promise<void>;
  evict(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  }): Promise<EvictionAnswer>;
  budgetsIn(namespace: string): Promise<readonly V1PodDisruptionBudget[]>;
  listNamespaces(): Promise<readonly V1Namespace[]>;
  /** Returns undefined for a claim that is gone or bound to nothing. */
  volumeOfClaim(namespace: string, claim: string): Promise<BoundVolume | undefined>;
  /** What is attached to a node, or on its way. */
  attachmentsOn(node: string): Promise<readonly VolumeAttachment[]>;
  exec(input: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly command: readonly string[];
  }): Promise<ExecAnswer>;
  getLease(namespace: string, name: string): Promise<LeaseRecord | undefined>;
  /** Creates the lease, or replaces the version given; false if another version is there. */
  putLease(namespace: string, name: string, lease: LeaseRecord): Promise<boolean>;
  /** Deletes exactly this version; false if another version is there. */
  deleteLease(namespace: string, name: string, lease: LeaseRecord): Promise<boolean>;
  /** Leases of all namespaces but that of the nodes' heartbeats. */
  maintenanceLeases(): Promise<readonly MaintenanceLease[]>;
  /** Deployments, StatefulSets and DaemonSets of all namespaces, or only some of these: a call for each. */
  workloads(kinds?: readonly WorkloadFacts['kind'][]): Promise<readonly WorkloadRecord[]>;
  /** Of all namespaces. */
  cronJobs(): Promise<readonly V1CronJob[]>;
  /** Of all namespaces. */
  jobs(): Promise<readonly V1Job[]>;
}
