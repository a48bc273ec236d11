/** Says of each pod that blocks a drain whose it is, and which budget holds it. */
import { refusalOf } from '../workflows/domain/disruption-budget.ts';
import { ownerOf, type PodFacts } from '../workflows/domain/eviction.ts';
import type { KubeAdapter, V1PodDisruptionBudget } from './adapters/kube-adapter.ts';
import { budgetFacts } from './budget-facts.ts';
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
  return blockers.map(({ pod, said }) => {
    const known = budgets.get(pod.namespace);
    const held = typeof known === 'string' ? known : budgetText(known ?? [], pod);
    return `${pod.namespace}/${pod.name} (owner ${ownerOf(pod)}) ${said}${held && ` [${held}]`}`;
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

/** A pod that is terminating is past its budgets. */
function budgetText(budgets: readonly V1PodDisruptionBudget[], pod: PodFacts): string {
  if (pod.terminating) return '';
  return budgets
    .filter(({ spec }) => spec?.selector && selects(spec.selector, pod.labels ?? {}))
    .map((budget) => {
      const { metadata, status } = budget;
      const allowed = status?.disruptionsAllowed ?? 0;
      const healthy = `${status?.currentHealthy ?? '?'} of ${status?.desiredHealthy ?? '?'} needed are healthy`;
      const said = `budget ${metadata?.name} allows ${allowed} disruption(s), ${healthy}`;
      const facts = { ...pod, budgets: [budgetFacts(budget)] };
      return refusalOf(facts)?.kind === 'NotReady'
        ? `${said}; the pod is not ready: unhealthyPodEvictionPolicy: AlwaysAllow would let it go`
        : said;
    })
    .join(', ');
}
