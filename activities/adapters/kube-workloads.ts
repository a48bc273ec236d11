/** Workloads of a cluster, as far as their pods are counted. */
import { AppsV1Api, type KubeConfig } from '@kubernetes/client-node';
import type { KubeAdapter, WorkloadRecord } from './kube-adapter.ts';
import { apiClient } from './kube-config.ts';
import { call } from './kube-errors.ts';

/** Returns the call that lists Deployments, StatefulSets and DaemonSets, or some of these kinds. */
export function workloadCalls(config: KubeConfig, cluster: string): Pick<KubeAdapter, 'workloads'> {
  const apps = apiClient(config, AppsV1Api);
  const lists: Record<WorkloadRecord['kind'], () => Promise<WorkloadRecord[]>> = {
    Deployment: async () => {
      const { items } = await apps.listDeploymentForAllNamespaces();
      return items.map(({ metadata, spec, status }) => {
        // A paused one does not make its pods anew by itself.
        const wanted = spec?.paused ? 0 : (spec?.replicas ?? 1);
        return { kind: 'Deployment', ...names(metadata), wanted, ready: ready(status) };
      });
    },
    StatefulSet: async () => {
      const { items } = await apps.listStatefulSetForAllNamespaces();
      return items.map(({ metadata, spec, status }) => {
        const wanted = spec?.replicas ?? 1;
        return { kind: 'StatefulSet', ...names(metadata), wanted, ready: ready(status) };
      });
    },
    DaemonSet: async () => {
      const { items } = await apps.listDaemonSetForAllNamespaces();
      return items.map(({ metadata, spec, status }) => {
        const wanted = status?.desiredNumberScheduled ?? 0;
        const nodeSelector = spec?.template.spec?.nodeSelector ?? {};
        const facts = { ...names(metadata), wanted, ready: status?.numberReady ?? 0 };
        return { kind: 'DaemonSet', ...facts, nodeSelector };
      });
    },
  };
  return {
    workloads: async (kinds = ['Deployment', 'StatefulSet', 'DaemonSet']) => {
      const found = kinds.map((kind) => call(`list the ${kind}s of ${cluster}`, lists[kind]));
      return (await Promise.all(found)).flat();
    },
  };
}

interface Names {
  readonly namespace?: string;
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function names(metadata: Names | undefined) {
  const { namespace = '', name = '', annotations = {} } = metadata ?? {};
  return { namespace, name, annotations };
}

function ready(status: { readonly readyReplicas?: number } | undefined): number {
  return status?.readyReplicas ?? 0;
}
