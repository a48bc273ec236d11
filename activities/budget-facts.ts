/** What PodDisruptionBudget objects say, as plain facts. */
import type { BudgetFacts } from '../workflows/domain/disruption-budget.ts';
import type { V1PodDisruptionBudget } from './adapters/kube-adapter.ts';

/** Returns what a PodDisruptionBudget says. */
export function budgetFacts({ metadata, spec, status }: V1PodDisruptionBudget): BudgetFacts {
  const { minAvailable, maxUnavailable } = spec ?? {};
  const current = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    counted: status !== undefined && current,
    disruptionsAllowed: status?.disruptionsAllowed ?? 0,
    currentHealthy: status?.currentHealthy ?? 0,
    desiredHealthy: status?.desiredHealthy ?? 0,
    expectedPods: status?.expectedPods ?? 0,
    ...(minAvailable === undefined ? {} : { minAvailable: String(minAvailable) }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable: String(maxUnavailable) }),
    unhealthyAlways: spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow',
  };
}
