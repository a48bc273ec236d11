/** Says of each pod that blocks a drain whose it is, and which budget holds it. */
import { ownerOf, type PodFacts } from '../workflows/domain/eviction.ts';
import type { KubeAdapter, V1PodDisruptionBudget } from './adapters/kube-adapter.ts';
import { failureType, messageOf } from './failure.ts';
import { selects } from './selector.ts';

/** Returns one clause for each blocker: pod, owner, what was said, budgets with what they allow. */
export async function describeBlockers(
  kube: KubeAdapter,
  blockers: readonly { readonly pod: PodFacts; readonly said: string }[],
): Promise<string[]> {
  const namespaces = [...new Set(blockers.map(({ pod }) => pod.namespace))];
  const budgets = new Map(
    await Promise.all(namespaces.map(async (name) => [name, await read(kube, name)] as const)),
  );
  const labels = new Map<string, Readonly<Record<string, string>>>();
  await Promise.all(
    blockers.map(async ({ pod }) => {
      const found = await kube.getPod(pod.namespace, pod.name);
      labels.set(`${pod.namespace}/${pod.name}`, found?.metadata?.labels ?? {});
    }),
  );
  return blockers.map(({ pod, said }) => {
    const key = `${pod.namespace}/${pod.name}`;
    const known = budgets.get(pod.namespace);
    const held = typeof known === 'string' ? known : budgetText(known ?? [], labels.get(key) ?? {});
    return `${key} (owner ${ownerOf(pod)}) ${said}${held && ` [${held}]`}`;
  });
}

/** A drain that is blocked is reported even where budgets cannot be read. */
async function read(
  kube: KubeAdapter,
  namespace: string,
): Promise<readonly V1PodDisruptionBudget[] | string> {
  try {
    return await kube.budgetsIn(namespace);
  } catch (error) {
    if (!failureType(error)) throw error;
    return `budgets unknown: ${messageOf(error)}`;
  }
}

function budgetText(
  budgets: readonly V1PodDisruptionBudget[],
  labels: Readonly<Record<string, string>>,
): string {
  return budgets
    .filter((budget) => budget.spec?.selector && selects(budget.spec.selector, labels))
    .map(({ metadata, status }) => {
      const allowed = status?.disruptionsAllowed ?? 0;
      const healthy = `${status?.currentHealthy ?? '?'} of ${status?.desiredHealthy ?? '?'} needed are healthy`;
      return `budget ${metadata?.name} allows ${allowed} disruption(s), ${healthy}`;
    })
    .join(', ');
}
