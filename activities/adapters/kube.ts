/** Clusters through the Kubernetes API: thin, one method a call, errors as our failures. */
import { CoreV1Api, type KubeConfig, PolicyV1Api } from '@kubernetes/client-node';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import { fail } from '../failure.ts';
import type { EvictionAnswer, KubeAdapter, V1Pod } from './kube-adapter.ts';
import { apiClient, loadKubeConfig } from './kube-config.ts';
import { apiAnswer, byAdmission, call, failApi, lookUp, unlessRefused } from './kube-errors.ts';
import { execInPod } from './kube-exec.ts';
import { jobCalls } from './kube-jobs.ts';
import { leaseCalls } from './kube-leases.ts';
import { storageCalls } from './kube-storage.ts';
import { workloadCalls } from './kube-workloads.ts';

/** Returns the adapter of one cluster. */
export function kubeCluster(access: ClusterAccess): KubeAdapter {
  const config = loadKubeConfig(access);
  const core = apiClient(config, CoreV1Api);
  return {
    ...nodeCalls(core, access.cluster),
    ...podCalls(core, config, access.cluster),
    ...leaseCalls(config, access.cluster),
    ...storageCalls(config, access.cluster),
    ...workloadCalls(config, access.cluster),
    ...jobCalls(config, access.cluster),
  };
}

type NodeCalls = Pick<KubeAdapter, 'listNodes' | 'getNode' | 'patchNode' | 'listNamespaces'>;

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
      const found = await lookUp(`get node ${node} of ${cluster}`, () =>
        core.readNode({ name: node }),
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
    listNamespaces: () =>
      call(`list the namespaces of ${cluster}`, async () => (await core.listNamespace()).items),
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
      lookUp(`get pod ${namespace}/${name} of ${cluster}`, () =>
        core.readNamespacedPod({ namespace, name }),
      ),
    createPod: (namespace, pod) =>
      call<V1Pod | undefined>(
        `create pod ${namespace}/${pod.metadata?.name} in ${cluster}`,
        () => core.createNamespacedPod({ namespace, body: pod }),
        { 409: undefined },
      ),
    deletePod: (namespace, name, uid) =>
      call<void>(
        `delete pod ${namespace}/${name} of ${cluster}`,
        async () => {
          const body = uid ? { preconditions: { uid } } : {};
          await core.deleteNamespacedPod({ namespace, name, body });
        },
        { 404: undefined, 409: undefined },
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
    await unlessRefused(() => core.createNamespacedPodEviction({ name, namespace, body }));
    return { kind: 'Accepted' };
  } catch (error) {
    return judgeEviction(error, `evict pod ${namespace}/${name} of ${cluster}`);
  }
}

/** Tells apart what an eviction can run into; a budget's 429 names its cause, throttling does not. */
export function judgeEviction(error: unknown, what: string): EvictionAnswer {
  const answer = apiAnswer(error);
  const message = answer?.message ?? '';
  // Admission may deny with any code; what it says is of this pod, not of our permissions.
  if (byAdmission(message)) return { kind: 'Failed', message };
  switch (answer?.code) {
    case 404:
    case 409:
      return { kind: 'Gone' };
    case 403:
      // A budget with more evictions than its controller has yet seen; that settles by itself.
      if (/^poddisruptionbudget/.test(message)) return { kind: 'BudgetRefused', message };
      // A pod of a namespace that is going goes by itself; nothing may be created there any more.
      return answer.causes.includes('NamespaceTerminating')
        ? { kind: 'TryLater', message }
        : failApi(what, error);
    case 429:
      return answer.causes.includes('DisruptionBudget') || /disruption budget/i.test(message)
        ? { kind: 'BudgetRefused', message }
        : { kind: 'TryLater', message, ...retryAfter(answer.retryAfterSeconds) };
    case 500:
      return { kind: 'Failed', message };
    case 502:
    case 503:
    case 504:
      return { kind: 'TryLater', message, ...retryAfter(answer.retryAfterSeconds) };
    default:
      return failApi(what, error);
  }
}

function retryAfter(seconds: number | undefined) {
  return seconds === undefined ? {} : { retryAfterSeconds: seconds };
}
