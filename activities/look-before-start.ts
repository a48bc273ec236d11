/** The activity that looks at a cluster right before nodes start. */
import type { ClusterActivities, StartLook } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { hasCondition, nameOf } from './node-facts.ts';

/** Returns the activity `lookBeforeStart`. */
export function lookActivities(deps: ActivityDeps): Pick<ClusterActivities, 'lookBeforeStart'> {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: Kubernetes….
     */
    async lookBeforeStart({ access }): Promise<StartLook> {
      const nodes = await deps.kube(access).listNodes();
      const unavailable = nodes
        .filter((node) => !hasCondition(node, 'Ready') || node.spec?.unschedulable === true)
        .map(nameOf);
      return { unavailable, holds: [], unhealthy: [] };
    },
  };
}
