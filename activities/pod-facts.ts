/** What Pod objects say, as plain facts. */
import type { PodFacts } from '../workflows/domain/eviction.ts';
import type { KubeAdapter, V1Pod, V1PodDisruptionBudget } from './adapters/kube-adapter.ts';
import { isProbe } from './checks/probe.ts';
import { selects } from './selector.ts';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Returns the facts of a pod, with the budgets of its namespace that select it. */
export function podFacts(pod: V1Pod, budgets: readonly V1PodDisruptionBudget[] = []): PodFacts {
  const { metadata, status } = pod;
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller);
  const labels = metadata?.labels ?? {};
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    phase: phaseOf(status?.phase),
    ...(owner ? { owner: { kind: owner.kind, name: owner.name } } : {}),
    mirror: metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined,
    probe: isProbe(pod),
    terminating: metadata?.deletionTimestamp !== undefined,
    budgets: budgets
      .filter((budget) => budget.spec?.selector && selects(budget.spec.selector, labels))
      .map((budget) => ({
        name: budget.metadata?.name ?? '',
        disruptionsAllowed: budget.status?.disruptionsAllowed ?? 0,
      })),
  };
}

function phaseOf(phase: string | undefined): PodFacts['phase'] {
  switch (phase) {
    case 'Pending':
    case 'Running':
    case 'Succeeded':
    case 'Failed':
      return phase;
    default:
      return 'Unknown';
  }
}

/** Returns the facts of all pods of a node, budgets included. */
export async function podsWithBudgets(kube: KubeAdapter, node: string): Promise<PodFacts[]> {
  const pods = await kube.podsOn(node);
  const namespaces = [...new Set(pods.map((pod) => pod.metadata?.namespace ?? ''))];
  const budgets = new Map(
    await Promise.all(namespaces.map(async (name) => [name, await kube.budgetsIn(name)] as const)),
  );
  return pods.map((pod) => podFacts(pod, budgets.get(pod.metadata?.namespace ?? '')));
}
