/** Fakes typed by the real adapters' interfaces, for what no test machine has. */
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import type {
  BoundVolume,
  EvictionAnswer,
  KubeAdapter,
  LeaseRecord,
  V1CronJob,
  V1Job,
  V1Namespace,
  V1Node,
  V1Pod,
  V1PodDisruptionBudget,
  VolumeAttachment,
  WorkloadRecord,
} from '../../activities/adapters/kube-adapter.ts';
import type { ActivityContext, Clock } from '../../activities/context.ts';
import type { ActivityDeps, WorkflowState } from '../../activities/deps.ts';
import { fail } from '../../activities/failure.ts';
import type { MaintenanceLease } from '../../workflows/domain/other-tools.ts';

export const access = {
  cluster: 'east',
  ssh: { user: 'root', port: 22, privateKeyFile: 'key', knownHostsFile: 'hosts', sudo: false },
};
export const ref = { access, cluster: 'east', node: 'east-1', address: '192.0.2.1' };

/** A clock that jumps: sleeping takes no time, but `now` moves. */
export class FakeClock implements Clock {
  private ms = Date.parse('2026-01-01T00:00:00Z');
  now(): number {
    return this.ms;
  }
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.ms += ms;
    await Promise.resolve();
  }
}

/** A cluster in memory: nodes with versions, pods that go when evicted. */
export class FakeKube implements KubeAdapter {
  readonly nodes = new Map<string, V1Node>();
  pods: V1Pod[] = [];
  budgets: V1PodDisruptionBudget[] = [];
  namespaces: V1Namespace[] = [];
  lease: LeaseRecord | undefined;
  leases: MaintenanceLease[] = [];
  workloadsThere: WorkloadRecord[] = [];
  cronJobsThere: V1CronJob[] = [];
  jobsThere: V1Job[] = [];
  /** What the API server answers to an eviction; by default the pod is gone at once. */
  onEvict: (pod: { namespace: string; name: string; uid: string }) => EvictionAnswer = (pod) => {
    this.pods = this.pods.filter((known) => known.metadata?.uid !== pod.uid);
    return { kind: 'Accepted' };
  };
  /** Called before a pod is deleted. */
  onDelete: (pod: { namespace: string; name: string; uid?: string }) => void = () => undefined;
  /** By the name of the claim. */
  volumes: Record<string, BoundVolume> = {};
  attachments: VolumeAttachment[] = [];
  /** Called before each list of attachments. */
  onAttachments: () => void = () => undefined;
  /** Phase that a created pod is found in. */
  createdPhase = 'Running';
  /** What else the status of a created pod says. */
  createdStatus: V1Pod['status'] = {};
  /** Address of a created pod; "" for none. */
  createdAddress = '192.0.2.100';
  /** Called before each list of pods. */
  onList: () => void = () => undefined;
  /** Called before each patch, e.g. to change the node meanwhile. */
  onPatch: (node: V1Node) => void = () => undefined;
  readonly evictions: string[] = [];
  private version = 1;

  addNode(name: string, node: Partial<V1Node> = {}): V1Node {
    const made: V1Node = {
      spec: {},
      ...node,
      metadata: {
        name,
        uid: `uid-${name}`,
        resourceVersion: String(this.version++),
        ...node.metadata,
      },
      status: { conditions: [{ type: 'Ready', status: 'True' }], ...node.status },
    };
    this.nodes.set(name, made);
    return made;
  }

  /** Knows only selectors that ask whether a label is there. */
  async listNodes(label?: string): Promise<V1Node[]> {
    const all = structuredClone([...this.nodes.values()]);
    return label ? all.filter((node) => node.metadata?.labels?.[label] !== undefined) : all;
  }
  async getNode(node: string): Promise<V1Node> {
    return structuredClone(this.nodes.get(node) ?? fail('NodeGone', `${node} is gone`));
  }
  async patchNode(name: string, patch: object) {
    const node = this.nodes.get(name) ?? fail('NodeGone', `${name} is gone`);
    this.onPatch(node);
    const wanted = (patch as V1Node).metadata?.resourceVersion;
    if (wanted && wanted !== node.metadata?.resourceVersion) return { kind: 'Conflict' as const };
    const merged = merge(node, patch) as V1Node;
    merged.metadata = { ...merged.metadata, resourceVersion: String(this.version++) };
    this.nodes.set(name, merged);
    return { kind: 'Patched' as const, node: merged };
  }
  async podsOn(): Promise<V1Pod[]> {
    this.onList();
    return structuredClone(this.pods);
  }
  async getPod(namespace: string, name: string): Promise<V1Pod | undefined> {
    return this.pods.find((p) => p.metadata?.namespace === namespace && p.metadata.name === name);
  }
  async createPod(namespace: string, pod: V1Pod): Promise<V1Pod | undefined> {
    if (await this.getPod(namespace, pod.metadata?.name ?? '')) return undefined;
    const made = {
      ...pod,
      metadata: { ...pod.metadata, namespace },
      status: { phase: this.createdPhase, podIP: this.createdAddress, ...this.createdStatus },
    };
    this.pods.push(made);
    return made;
  }
  async deletePod(namespace: string, name: string, uid?: string): Promise<void> {
    this.onDelete({ namespace, name, ...(uid ? { uid } : {}) });
    this.pods = this.pods.filter(
      (p) =>
        p.metadata?.namespace !== namespace ||
        p.metadata.name !== name ||
        (uid !== undefined && p.metadata.uid !== uid),
    );
  }
  async evict(pod: { namespace: string; name: string; uid: string }): Promise<EvictionAnswer> {
    this.evictions.push(pod.name);
    return this.onEvict(pod);
  }
  async budgetsIn(): Promise<V1PodDisruptionBudget[]> {
    return this.budgets;
  }
  async listNamespaces(): Promise<V1Namespace[]> {
    return this.namespaces;
  }
  async volumeOfClaim(_namespace: string, claim: string): Promise<BoundVolume | undefined> {
    return this.volumes[claim];
  }
  async attachmentsOn(): Promise<VolumeAttachment[]> {
    this.onAttachments();
    return this.attachments;
  }
  async exec(_target?: { readonly pod: string }) {
    return { ok: true, message: '' };
  }
  async getLease(): Promise<LeaseRecord | undefined> {
    return this.lease;
  }
  async putLease(_namespace: string, _name: string, lease: LeaseRecord): Promise<boolean> {
    if (this.lease?.version !== lease.version) return false;
    this.lease = { ...lease, version: String(this.version++) };
    return true;
  }
  async deleteLease(_namespace: string, _name: string, lease: LeaseRecord): Promise<boolean> {
    if (this.lease?.version !== lease.version) return false;
    this.lease = undefined;
    return true;
  }
  async maintenanceLeases(): Promise<MaintenanceLease[]> {
    return this.leases;
  }
  async workloads(kinds?: readonly WorkloadRecord['kind'][]): Promise<WorkloadRecord[]> {
    return this.workloadsThere.filter(({ kind }) => kinds?.includes(kind) ?? true);
  }
  async cronJobs(): Promise<V1CronJob[]> {
    return this.cronJobsThere;
  }
  async jobs(): Promise<V1Job[]> {
    return this.jobsThere;
  }
}

/** A JSON merge patch: null deletes. */
function merge(target: object, patch: object): object {
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value)) {
      result[key] = merge((result[key] as object | undefined) ?? {}, value as object);
    } else result[key] = value;
  }
  return result;
}

export interface FakeRun {
  readonly deps: ActivityDeps;
  readonly heartbeats: unknown[];
  readonly cancel: AbortController;
}

interface FakeWorld {
  readonly previous?: unknown;
  /** Run id of the calling workflow. */
  readonly run?: string;
  /** What Temporal says of workflows; by default that it does not know. */
  readonly states?: Readonly<Record<string, WorkflowState>>;
  readonly home?: string;
  /** Collects what is logged as a warning. */
  readonly warnings?: string[];
}

/** Returns the parts for activities, over a fake cluster and a host that must not be touched. */
export function fakeDeps(kube: KubeAdapter, more: FakeWorld = {}): FakeRun {
  const heartbeats: unknown[] = [];
  const cancel = new AbortController();
  const context: ActivityContext = {
    signal: cancel.signal,
    attempt: 1,
    previous: more.previous,
    workflowRun: more.run,
    heartbeat: (details) => heartbeats.push(details),
  };
  const host = (): HostAdapter => {
    throw new Error('this test has no host');
  };
  const kubelet = () => {
    throw new Error('this test has no kubelet');
  };
  const provider = () => {
    throw new Error('this test has no provider');
  };
  const log = {
    info: () => undefined,
    warn: (_details: object, message: string) => void more.warnings?.push(message),
  };
  const workflows = {
    workflowState: async (id: string): Promise<WorkflowState> => more.states?.[id] ?? 'Unknown',
    home: async () => more.home,
  };
  const clock = new FakeClock();
  const parts = { host, kubelet, provider, workflows };
  const deps = { kube: () => kube, ...parts, configFolder: '.', clock, log };
  return { deps: { ...deps, context: () => context }, heartbeats, cancel };
}

export function pod(name: string, owner?: string, more: Partial<V1Pod> = {}): V1Pod {
  const [kind = '', ownerName = ''] = owner?.split('/') ?? [];
  const reference = { apiVersion: 'v1', kind, name: ownerName, uid: ownerName, controller: true };
  return {
    ...more,
    metadata: {
      namespace: 'shop',
      name,
      uid: `uid-${name}`,
      labels: { app: ownerName },
      ...(owner ? { ownerReferences: [reference] } : {}),
      ...more.metadata,
    },
    status: { phase: 'Running', ...more.status },
  };
}
