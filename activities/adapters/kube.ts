/** Clusters through the Kubernetes API: thin, one method a call, errors as our failures. */
import {
  CoordinationV1Api,
  CoreV1Api,
  type KubeConfig,
  PolicyV1Api,
  type V1Lease,
  V1MicroTime,
} from '@kubernetes/client-node';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import { fail } from '../failure.ts';
import type { EvictionAnswer, KubeAdapter, LeaseRecord } from './kube-adapter.ts';
import { apiClient, loadKubeConfig } from './kube-config.ts';
import { apiAnswer, failApi } from './kube-errors.ts';
import { execInPod } from './kube-exec.ts';

/** Returns the adapter of one cluster. */
export function kubeCluster(access: ClusterAccess): KubeAdapter {
  const config = loadKubeConfig(access);
  const core = apiClient(config, CoreV1Api);
  return {
    ...nodeCalls(core, access.cluster),
    ...podCalls(core, config, access.cluster),
    ...leaseCalls(apiClient(config, CoordinationV1Api), access.cluster),
  };
}

/** Runs a call; an answer with one of the codes in `otherwise` becomes that value. */
async function call<T>(
  what: string,
  work: () => Promise<T>,
  otherwise: Readonly<Record<number, T>> = {},
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = apiAnswer(error)?.code;
    if (code !== undefined && code in otherwise) return otherwise[code] as T;
    return failApi(what, error);
  }
}

type NodeCalls = Pick<KubeAdapter, 'listNodes' | 'getNode' | 'patchNode'>;

function nodeCalls(core: CoreV1Api, cluster: string): NodeCalls {
  const gone = (node: string) =>
    fail('NodeGone', `Node ${node} does not exist in cluster ${cluster} (any more). Plan again.`);
  return {
    listNodes: (selector) =>
      call(`list the nodes of ${cluster}`, async () => {
        const list = await core.listNode(selector ? { labelSelector: selector } : {});
        return list.items;
      }),
    getNode: async (node) => {
      const found = await call(
        `get node ${node} of ${cluster}`,
        async () => await core.readNode({ name: node }),
        { 404: undefined as never },
      );
      return found ?? gone(node);
    },
    patchNode: async (node, patch) => {
      const answer = await call<Awaited<ReturnType<KubeAdapter['patchNode']>> | undefined>(
        `patch node ${node} of ${cluster}`,
        async () => ({
          kind: 'Patched',
          node: await core.patchNode({ name: node, body: patch, fieldManager: 'tidegate' }),
        }),
        { 404: undefined, 409: { kind: 'Conflict' } },
      );
      return answer ?? gone(node);
    },
  };
}

type PodCalls = Pick<
  KubeAdapter,
  'podsOn' | 'getPod' | 'createPod' | 'deletePod' | 'evict' | 'budgetsIn' | 'exec'
>;

function podCalls(core: CoreV1Api, config: KubeConfig, cluster: string): PodCalls {
  const policy = apiClient(config, PolicyV1Api);
  return {
    podsOn: (node) =>
      call(`list the pods of node ${node} of ${cluster}`, async () => {
        const selector = `spec.nodeName=${node}`;
        return (await core.listPodForAllNamespaces({ fieldSelector: selector })).items;
      }),
    getPod: (namespace, name) =>
      call(
        `get pod ${namespace}/${name} of ${cluster}`,
        async () => await core.readNamespacedPod({ namespace, name }),
        { 404: undefined as never },
      ),
    createPod: (namespace, pod) =>
      call(
        `create pod ${namespace}/${pod.metadata?.name} in ${cluster}`,
        async () => await core.createNamespacedPod({ namespace, body: pod }),
        { 409: undefined as never },
      ),
    deletePod: (namespace, name) =>
      call<void>(
        `delete pod ${namespace}/${name} of ${cluster}`,
        async () => {
          await core.deleteNamespacedPod({ namespace, name });
        },
        { 404: undefined },
      ),
    evict: (pod) => evict(core, pod, cluster),
    budgetsIn: (namespace) =>
      call(`list the disruption budgets of ${cluster}/${namespace}`, async () => {
        return (await policy.listNamespacedPodDisruptionBudget({ namespace })).items;
      }),
    exec: (input) => execInPod(config, input),
  };
}

async function evict(
  core: CoreV1Api,
  pod: Parameters<KubeAdapter['evict']>[0],
  cluster: string,
): Promise<EvictionAnswer> {
  const { namespace, name, uid } = pod;
  const body = { metadata: { name, namespace }, deleteOptions: { preconditions: { uid } } };
  try {
    await core.createNamespacedPodEviction({ name, namespace, body });
    return { kind: 'Accepted' };
  } catch (error) {
    return judgeEviction(error, `evict pod ${namespace}/${name} of ${cluster}`);
  }
}

/** Tells apart what an eviction can run into; a budget's 429 names its cause, throttling does not. */
export function judgeEviction(error: unknown, what: string): EvictionAnswer {
  const answer = apiAnswer(error);
  const message = answer?.message ?? '';
  switch (answer?.code) {
    case 404:
    case 409:
      return { kind: 'Gone' };
    case 429:
      return answer.causes.includes('DisruptionBudget') || /disruption budget/i.test(message)
        ? { kind: 'BudgetRefused', message }
        : { kind: 'TryLater', message };
    case 500:
      return { kind: 'Failed', message };
    case 502:
    case 503:
    case 504:
      return { kind: 'TryLater', message };
    default:
      return failApi(what, error);
  }
}

type LeaseCalls = Pick<KubeAdapter, 'getLease' | 'putLease' | 'deleteLease'>;

function leaseCalls(api: CoordinationV1Api, cluster: string): LeaseCalls {
  return {
    getLease: async (namespace, name) => {
      const lease = await call(
        `get lease ${namespace}/${name} of ${cluster}`,
        async () => await api.readNamespacedLease({ namespace, name }),
        { 404: undefined as never },
      );
      return lease && readLease(lease);
    },
    putLease: (namespace, name, lease) =>
      call(
        `write lease ${namespace}/${name} of ${cluster}`,
        async () => {
          const body = writeLease(namespace, name, lease);
          if (lease.version) await api.replaceNamespacedLease({ namespace, name, body });
          else await api.createNamespacedLease({ namespace, body });
          return true;
        },
        { 409: false },
      ),
    deleteLease: (namespace, name, { version }) =>
      call(
        `delete lease ${namespace}/${name} of ${cluster}`,
        async () => {
          const preconditions = version ? { resourceVersion: version } : {};
          await api.deleteNamespacedLease({ namespace, name, body: { preconditions } });
          return true;
        },
        { 404: true, 409: false },
      ),
  };
}

function readLease(lease: V1Lease): LeaseRecord {
  const { holderIdentity, acquireTime, renewTime } = lease.spec ?? {};
  const version = lease.metadata?.resourceVersion;
  return {
    holder: holderIdentity ?? '',
    acquiredAtMs: timeOf(acquireTime),
    renewedAtMs: timeOf(renewTime),
    ...(version ? { version } : {}),
  };
}

/** The library types these times as dates, and hands them over as text. */
function timeOf(time: unknown): number {
  const ms = new Date(time instanceof Date ? time : String(time)).getTime();
  return Number.isNaN(ms) ? 0 : ms;
}

/** Lease times need the library's own date: the API server insists on six decimals. */
function writeLease(namespace: string, name: string, lease: LeaseRecord): V1Lease {
  return {
    metadata: { namespace, name, ...(lease.version ? { resourceVersion: lease.version } : {}) },
    spec: {
      holderIdentity: lease.holder,
      acquireTime: new V1MicroTime(lease.acquiredAtMs),
      renewTime: new V1MicroTime(lease.renewedAtMs),
    },
  };
}
