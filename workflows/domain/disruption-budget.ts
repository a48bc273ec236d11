/** Tells what PodDisruptionBudgets make of an eviction. Called from activities only: may change any day. */
import type { PodFacts } from './eviction.ts';

/** What a PodDisruptionBudget asks for, and what it counts now. */
export interface BudgetFacts {
  readonly namespace: string;
  readonly name: string;
  /** False where the status is missing or of an earlier version of the budget. */
  readonly counted: boolean;
  readonly disruptionsAllowed: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly expectedPods: number;
  /** As written, e.g. "2" or "50%". */
  readonly minAvailable?: string;
  readonly maxUnavailable?: string;
  /** Whether unhealthyPodEvictionPolicy is AlwaysAllow. */
  readonly unhealthyAlways: boolean;
}

/** What the API server looks at when it is asked to evict a pod. */
type Asked = Pick<PodFacts, 'phase' | 'terminating' | 'ready' | 'budgets'>;

export type BudgetRefusal =
  /** The eviction API knows no pod under several budgets. */
  | { readonly kind: 'Several' }
  /** Kubernetes has not counted the budget's pods since it was written. */
  | { readonly kind: 'Uncounted'; readonly budget: BudgetFacts }
  /** The pod is not ready, and too few of the others are. */
  | { readonly kind: 'NotReady'; readonly budget: BudgetFacts }
  | { readonly kind: 'Exhausted'; readonly budget: BudgetFacts };

/**
 * Returns why the API server would refuse to evict a pod now; undefined if it would not.
 * Must match pkg/registry/core/pod/storage/eviction.go of Kubernetes from 1.27 on.
 */
export function refusalOf(pod: Asked): BudgetRefusal | undefined {
  if (pod.budgets.length > 1 && !isPastBudgets(pod)) return { kind: 'Several' };
  const budget = budgetAsked(pod);
  if (!budget) return undefined;
  if (!budget.counted) return { kind: 'Uncounted', budget };
  if (budget.disruptionsAllowed > 0) return undefined;
  return { kind: pod.ready ? 'Exhausted' : 'NotReady', budget };
}

/** Returns the budget of which a pod's eviction would use up one disruption. */
export function budgetAsked(pod: Asked): BudgetFacts | undefined {
  const [budget, second] = pod.budgets;
  if (!budget || second || isPastBudgets(pod)) return undefined;
  return !pod.ready && letsUnhealthyGo(budget) ? undefined : budget;
}

/** A pod that has not begun to run, has ended or is going disturbs nobody: no budget is asked. */
function isPastBudgets({ phase, terminating }: Asked): boolean {
  return terminating || phase === 'Pending' || phase === 'Succeeded' || phase === 'Failed';
}

/** Pods that are not ready count for nothing; a budget that wants none has no healthy ones to go by. */
function letsUnhealthyGo({ unhealthyAlways, currentHealthy, desiredHealthy }: BudgetFacts) {
  return unhealthyAlways || (desiredHealthy > 0 && currentHealthy >= desiredHealthy);
}
