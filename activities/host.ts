/** Activities that read a host. */
import type { InspectResult, NodeActivities } from '../workflows/contract.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { inspectHost } from './host-facts.ts';
import { addressOf, hasCondition, readLease } from './node-facts.ts';

/** Returns the activity `inspect`. */
export function hostActivities(deps: ActivityDeps): Pick<NodeActivities, 'inspect'> {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: { phase } every 2 s, so that a dead worker is noticed.
     * *Fails with*: NodeGone, Kubernetes…, Host….
     */
    async inspect(input): Promise<InspectResult> {
      const [node, inspection] = await withHeartbeats(
        deps.context(),
        () => ({ phase: 'Inspecting' }),
        () =>
          Promise.all([
            deps.kube(input.access).getNode(input.node),
            withHost(deps, input, (host) => inspectHost(host, input.node, input.packages)),
          ]),
      );
      const lease = readLease(node);
      const { runningTransactions } = inspection;
      return {
        ...(runningTransactions.length > 0 ? { runningTransactions } : {}),
        ...(lease && lease !== 'Unreadable' ? { lease } : {}),
        host: inspection.host,
        uid: node.metadata?.uid ?? '',
        address: addressOf(node),
        ready: hasCondition(node, 'Ready'),
        unschedulable: node.spec?.unschedulable === true,
        containers: inspection.containers,
      };
    },
  };
}
