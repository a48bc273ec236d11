/** Short workflows that only read: a person's `plan` and `inventory`. */
import { proxyActivities } from '@temporalio/workflow';
import { type Inventory, PLANNING_OPTIONS, type PlanningActivities } from './contract.ts';
import type { PlanResult } from './domain/plan-types.ts';
import { failWorkflow } from './failures.ts';

const { plan, inventory } = proxyActivities<PlanningActivities>(PLANNING_OPTIONS);

/** Makes the plan of a rollout and touches nothing; fails with the reasons where there can be none. */
export async function planWorkflow(request: unknown): Promise<PlanResult> {
  return await plan({ request }).catch(failWorkflow);
}

/** Lists what every node of a fleet runs. */
export async function inventoryWorkflow(input: { readonly fleet: unknown }): Promise<Inventory> {
  return await inventory({ fleet: input.fleet }).catch(failWorkflow);
}
