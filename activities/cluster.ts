/** Activities that concern a whole cluster: its lease, its unavailable nodes. */
import type { ClusterActivities } from '../workflows/contract.ts';
import { acquireLease, releaseLease } from './cluster-lease.ts';
import { type ActivityDeps, inPhase } from './deps.ts';
import { isUnavailable, nameOf } from './node-facts.ts';

/** Returns the activities that concern a whole cluster. */
export function clusterActivities(
  deps: ActivityDeps,
): Omit<ClusterActivities, 'lookBeforeStart' | 'checkHealth'> {
  return {
    /**
     * *Effect*: the Lease tidegate/tidegate of the cluster names the holder; that of a rollout which
     * has ended without giving it back is taken over.
     * *Idempotent because*: the holder's own lease is renewed.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: LeaseHeld, Kubernetes….
     */
    async acquireClusterLease({ access, holder }) {
      await acquireLease(deps, access, holder);
    },

    /**
     * *Effect*: the holder's Lease is gone.
     * *Idempotent because*: a Lease that is gone, or another's, is left.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: Kubernetes….
     */
    async releaseClusterLease({ access, holder }) {
      await inPhase(deps, 'Releasing', () => releaseLease(deps, access, holder));
    },

    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; one call.
     * *Fails with*: Kubernetes….
     */
    async unavailableNodes({ access }) {
      const nodes = await deps.kube(access).listNodes();
      return nodes.filter(isUnavailable).map(nameOf);
    },
  };
}
