/** What is known of nodes: facts as they were observed, nothing concluded. */
import type { SshAccess } from './spec.ts';

/** How activities reach one cluster and its hosts; paths are read on the worker, never contents. */
export interface ClusterAccess {
  readonly cluster: string;
  /** Absent in plans of before. */
  readonly region?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly ssh: SshAccess;
}

/** One running container of the node's runtime. */
export interface ContainerFacts {
  readonly id: string;
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
  /** RFC 3339, from the runtime. */
  readonly startedAt: string;
}

export interface PackageFacts {
  readonly name: string;
  /** Installed version according to dpkg; absent if not installed. */
  readonly version?: string;
  /** dpkg's status, e.g. "install ok installed" or "install ok half-configured". */
  readonly status?: string;
  readonly held: boolean;
}

/** Facts read from the host over SSH. */
export interface HostFacts {
  /** ID-VERSION_ID of os-release, e.g. "debian-12". */
  readonly os: string;
  readonly osPrettyName: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly bootId: string;
  readonly cgroupVersion: 1 | 2;
  readonly packages: readonly PackageFacts[];
  /** Version that each running daemon itself reports; absent if it did not answer. */
  readonly daemons: Readonly<Record<string, string>>;
  /** True if dpkg has half-installed or half-configured packages. */
  readonly dpkgInterrupted: boolean;
  readonly diskFreeBytes: number;
  /** How far the host's clock is ahead of the worker's; absent in facts of before. */
  readonly clockSkewMs?: number;
  /** What may change packages of the host by itself, e.g. "unattended-upgrades (…)"; absent if nothing. */
  readonly automaticUpdates?: string;
  /** KillMode of each daemon's unit, as systemd says it; absent in facts of before. */
  readonly killModes?: Readonly<Record<string, string>>;
}

/** Facts read from the Kubernetes API. */
export interface KubeNodeFacts {
  readonly cluster: string;
  readonly node: string;
  readonly uid: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeGroup: string;
  readonly failureDomain: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  readonly kubeletVersion: string;
  /** As Kubernetes shows it, e.g. "containerd://1.6.20"; proves no distribution patch. */
  readonly containerRuntimeVersion: string;
  readonly kernel: string;
  /** Lease annotation of Tidegate on the node, if any. */
  readonly lease?: NodeLease;
  /** Why an earlier rollout left the node to a person, if one did. */
  readonly needsAttention?: string;
}

/** Everything known of one node when a plan or an inventory is made. */
export interface NodeFacts extends KubeNodeFacts {
  readonly host?: HostFacts;
  /** Why the host could not be read; set exactly when `host` is absent. */
  readonly unreachable?: { readonly type: string; readonly message: string };
}

/** Value of the annotation `tidegate.dev/lease` on a Node. */
export interface NodeLease {
  /** Workflow id of the holder. */
  readonly holder: string;
  /** RFC 3339. */
  readonly since: string;
  readonly for: string;
  /** Whether the node was unschedulable before Tidegate touched it. */
  readonly cordonedBefore: boolean;
  /** Run id of the holder; absent in leases of before. */
  readonly run?: string;
  /** In words, the lease of an earlier run that this one was made of. */
  readonly takenOver?: string;
}

export const LEASE_ANNOTATION = 'tidegate.dev/lease';
export const ATTENTION_ANNOTATION = 'tidegate.dev/needs-attention';
/** Label and taint (NoSchedule) of a node that was left to a person. */
export const QUARANTINE = 'tidegate.dev/quarantine';

/** A package as a node's own apt sources offer it. */
export interface OfferedPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Pods of a node that a drain would touch, or that block it. */
export interface PodImpact {
  readonly namespace: string;
  readonly pod: string;
  /** Kind/name of the controller, e.g. "Job/batch"; "none" for a bare pod. */
  readonly owner: string;
  readonly effect: 'Evicted' | 'WaitedFor' | 'Stays' | 'Blocks';
  /** Whose workload it is, by a label or annotation; only of pods that are disturbed. */
  readonly contact?: string;
  readonly reason?: string;
}
