/** Activities that read a host. */
import type { InspectResult, NodeActivities } from '../workflows/contract.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { inspectHost } from './host-facts.ts';
import { addressOf, hasCondition } from './node-facts.ts';

/** Returns the activity `inspect`. */
export function hostActivities(deps: ActivityDeps): Pick<NodeActivities, 'inspect'> {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; one round trip each to the API server and the host.
     * *Fails with*: NodeGone, Kubernetes…, Host….
     */
    async inspect(input): Promise<InspectResult> {
      const [node, inspection] = await Promise.all([
        deps.kube(input.access).getNode(input.node),
        withHost(deps, input, (host) => inspectHost(host, input.node, input.packages)),
      ]);
      return {
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
