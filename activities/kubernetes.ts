/** Activities that change a Node object: lease, cordon, and the undo of each. */
import type { NodeActivities, NodeRef } from '../workflows/contract.ts';
import {
  ATTENTION_ANNOTATION,
  LEASE_ANNOTATION,
  type NodeLease,
} from '../workflows/domain/inventory.ts';
import type { V1Node } from './adapters/kube-adapter.ts';
import type { ActivityDeps } from './deps.ts';
import { fail, failureType } from './failure.ts';
import { readLease } from './node-facts.ts';

type Names = 'lease' | 'release' | 'cordon' | 'uncordon' | 'quarantine';

/** Returns the activities that change a Node object. */
export function kubernetesActivities(deps: ActivityDeps): Pick<NodeActivities, Names> {
  return {
    /**
     * *Effect*: the annotation tidegate.dev/lease says who works on the node, since when, what for.
     * *Idempotent because*: the holder's own lease is kept as first taken, `cordonedBefore` included.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: LeaseHeld, NodeGone, Kubernetes….
     */
    async lease(input) {
      const lease = await updateNode<NodeLease>(deps, input, (node) => {
        const held = readLease(node);
        if (held) return { done: ownLease(held, input) };
        const taken: NodeLease = {
          holder: input.holder,
          since: new Date(deps.clock.now()).toISOString(),
          for: input.for,
          cordonedBefore: node.spec?.unschedulable === true,
        };
        return { patch: annotate({ [LEASE_ANNOTATION]: JSON.stringify(taken) }), done: taken };
      });
      return { cordonedBefore: lease.cordonedBefore };
    },

    /**
     * *Effect*: the holder's lease annotation is gone.
     * *Idempotent because*: a lease that is gone, or another's, or a node that is gone, is left.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: Kubernetes….
     */
    async release(input) {
      await unlessGone(() =>
        updateNode(deps, input, (node) =>
          isOwn(node, input.holder)
            ? { patch: annotate({ [LEASE_ANNOTATION]: null }), done: null }
            : { done: null },
        ),
      );
    },

    /**
     * *Effect*: the node takes no new pods.
     * *Idempotent because*: a cordoned node is left as it is.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: LeaseHeld if the lease is not the holder's, NodeGone, Kubernetes….
     */
    async cordon(input) {
      await updateNode(deps, input, (node) => {
        requireOwn(node, input);
        if (node.spec?.unschedulable) return { done: null };
        return { patch: { spec: { unschedulable: true } }, done: null };
      });
    },

    /**
     * *Effect*: the node takes pods again, if it did before.
     * *Idempotent because*: a node that is as it was found is left.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: LeaseHeld if the lease is another's, NodeGone, Kubernetes….
     */
    async uncordon(input) {
      if (input.cordonedBefore) return;
      await updateNode(deps, input, (node) => {
        const held = readLease(node);
        if (held) ownLease(held, input);
        if (!node.spec?.unschedulable) return { done: null };
        return { patch: { spec: { unschedulable: null } }, done: null };
      });
    },

    /**
     * *Effect*: the node is cordoned, says why in tidegate.dev/needs-attention, and is not leased.
     * *Idempotent because*: the same patch gives the same node; a node that is gone needs nobody.
     * *Heartbeats*: no; a few calls.
     * *Fails with*: Kubernetes….
     */
    async quarantine(input) {
      await unlessGone(() =>
        updateNode(deps, input, (node) => {
          const attention = {
            holder: input.holder,
            since: new Date(deps.clock.now()).toISOString(),
            reason: input.reason.slice(0, 4000),
          };
          const lease = isOwn(node, input.holder) ? { [LEASE_ANNOTATION]: null } : {};
          const text = JSON.stringify(attention);
          const patch = {
            ...annotate({ [ATTENTION_ANNOTATION]: text, ...lease }),
            spec: { unschedulable: true },
          };
          return { patch, done: null };
        }),
      );
    },
  };
}

/** Everybody patches nodes, kubelets every few seconds; more conflicts in a row than this is odd. */
const MAX_CONFLICTS = 8;

/** Reads a node, decides, and patches exactly the version that was read; again if it has moved on. */
async function updateNode<T>(
  deps: ActivityDeps,
  input: NodeRef,
  decide: (node: V1Node) => { readonly patch?: object; readonly done: T },
): Promise<T> {
  const kube = deps.kube(input.access);
  for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
    const node = await kube.getNode(input.node);
    const { patch, done } = decide(node);
    if (!patch) return done;
    const resourceVersion = node.metadata?.resourceVersion;
    const { metadata, ...rest } = patch as { metadata?: object };
    const answer = await kube.patchNode(input.node, {
      ...rest,
      metadata: { ...metadata, resourceVersion },
    });
    if (answer.kind === 'Patched') return done;
  }
  return fail(
    'KubernetesUnreachable',
    `Node ${input.node} of ${input.cluster} changed ${MAX_CONFLICTS} times while it was patched.`,
  );
}

function annotate(annotations: Readonly<Record<string, string | null>>) {
  return { metadata: { annotations } };
}

async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (failureType(error) !== 'NodeGone') throw error;
  }
}

function isOwn(node: V1Node, holder: string): boolean {
  const held = readLease(node);
  return held !== undefined && held !== 'Unreadable' && held.holder === holder;
}

function requireOwn(node: V1Node, input: NodeRef & { readonly holder: string }): void {
  const held = readLease(node);
  if (held) ownLease(held, input);
  else {
    fail(
      'LeaseHeld',
      `Node ${input.node} of ${input.cluster} is not leased by ${input.holder} any more: somebody removed the annotation ${LEASE_ANNOTATION}.`,
    );
  }
}

function ownLease(
  held: NodeLease | 'Unreadable',
  input: NodeRef & { readonly holder: string },
): NodeLease {
  const remove = `"kubectl annotate node ${input.node} ${LEASE_ANNOTATION}-" removes it`;
  if (held === 'Unreadable') {
    return fail(
      'LeaseHeld',
      `Node ${input.node} of ${input.cluster} has an annotation ${LEASE_ANNOTATION} that cannot be read. If nobody works on the node, ${remove}.`,
    );
  }
  if (held.holder === input.holder) return held;
  return fail(
    'LeaseHeld',
    `Node ${input.node} of ${input.cluster} is leased by ${held.holder} since ${held.since} for "${held.for}". Wait for it or end it; if it is long gone, ${remove}.`,
    held,
  );
}
