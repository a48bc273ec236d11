/** Activities that change a Node object: lease, cordon, and the undo of each. */
import type { NodeActivities } from '../workflows/contract.ts';
import { LEASE_ANNOTATION, type NodeLease } from '../workflows/domain/inventory.ts';
import type { V1Node } from './adapters/kube-adapter.ts';
import { type ActivityDeps, inPhase } from './deps.ts';
import { readLease } from './node-facts.ts';
import {
  annotate,
  type HolderRef,
  isOwn,
  onceThere,
  ownLease,
  requireOwn,
  unlessGone,
  updateNode,
} from './node-patch.ts';
import { quarantineActivities } from './quarantine.ts';

type Names = 'lease' | 'release' | 'cordon' | 'uncordon' | 'quarantine';

/** Returns the activities that change a Node object. */
export function kubernetesActivities(deps: ActivityDeps): Pick<NodeActivities, Names> {
  return {
    ...quarantineActivities(deps),

    /**
     * *Effect*: the annotation tidegate.dev/lease says who works on the node, since when, what for.
     * *Idempotent because*: the run's own lease is kept as first taken, `cordonedBefore` included.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: LeaseHeld, NodeGone, Kubernetes….
     */
    async lease(input) {
      const take = () =>
        updateNode<NodeLease>(deps, input, (node) => {
          const held = readLease(node);
          const mine = held && ownLease(held, input);
          if (mine && !isLeftOver(mine, input, deps)) return { done: mine };
          const taken = newLease(deps, input, node, mine);
          return { patch: annotate({ [LEASE_ANNOTATION]: JSON.stringify(taken) }), done: taken };
        });
      const lease = await inPhase(deps, 'Leasing', take);
      const { cordonedBefore, takenOver } = lease;
      return { cordonedBefore, ...(takenOver ? { notes: [takenOver] } : {}) };
    },

    /**
     * *Effect*: the holder's lease annotation is gone.
     * *Idempotent because*: a lease that is gone, or another's, or a node that is gone, is left.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: Kubernetes….
     */
    async release(input) {
      const giveBack = () =>
        updateNode(deps, input, (node) =>
          isOwn(node, input.holder)
            ? { patch: annotate({ [LEASE_ANNOTATION]: null }), done: null }
            : { done: null },
        );
      await inPhase(deps, 'Releasing', () => unlessGone(giveBack));
    },

    /**
     * *Effect*: the node takes no new pods.
     * *Idempotent because*: a cordoned node is left as it is.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: LeaseHeld if the lease is not the holder's, NodeGone, Kubernetes….
     */
    async cordon(input) {
      const cordon = () =>
        updateNode(deps, input, (node) => {
          requireOwn(node, input);
          if (node.spec?.unschedulable) return { done: null };
          return { patch: { spec: { unschedulable: true } }, done: null };
        });
      await inPhase(deps, 'Cordoning', cordon);
    },

    /**
     * *Effect*: the node takes pods again if it did before, and takes none if it did not: one that
     * has rejoined after a reboot comes back schedulable, and without our lease.
     * *Idempotent because*: a node that is as it was found is left.
     * *Heartbeats*: { phase } every 2 s; a Node object that is gone is waited for, for a minute.
     * *Fails with*: LeaseHeld if the lease is another's, NodeGone, Kubernetes….
     */
    async uncordon(input) {
      const restore = () =>
        updateNode(deps, input, (node) => {
          const held = readLease(node);
          if (held) ownLease(held, input);
          if ((node.spec?.unschedulable === true) === input.cordonedBefore) return { done: null };
          const unschedulable = input.cordonedBefore ? true : null;
          return { patch: { spec: { unschedulable } }, done: null };
        });
      await inPhase(deps, 'Uncordoning', () => onceThere(deps, restore));
    },
  };
}

type LeaseInput = HolderRef & { readonly for: string };

/** A node's workflow has one id for ever: a lease of that id may be of a run that was terminated. */
function isLeftOver(held: NodeLease, input: LeaseInput, deps: ActivityDeps): boolean {
  const { workflowRun } = deps.context();
  if (held.run && workflowRun) return held.run !== workflowRun;
  return held.for !== input.for;
}

/**
 * How the node was found is what the first of the runs saw: a cordon of now may be Tidegate's own.
 * Only a cordon that somebody has taken off since is no longer to be restored.
 */
function newLease(
  deps: ActivityDeps,
  input: LeaseInput,
  node: V1Node,
  leftOver: NodeLease | undefined,
): NodeLease {
  const { workflowRun } = deps.context();
  const cordoned = node.spec?.unschedulable === true;
  const cordonedBefore = leftOver ? leftOver.cordonedBefore && cordoned : cordoned;
  return {
    holder: input.holder,
    since: new Date(deps.clock.now()).toISOString(),
    for: input.for,
    cordonedBefore,
    ...(workflowRun ? { run: workflowRun } : {}),
    ...(leftOver ? { takenOver: takenOverText(leftOver) } : {}),
  };
}

function takenOverText({ since, for: purpose, cordonedBefore }: NodeLease): string {
  const found = cordonedBefore ? 'cordoned' : 'schedulable';
  return `took over the lease that an earlier run left behind (since ${since} for "${purpose}", which found the node ${found})`;
}
