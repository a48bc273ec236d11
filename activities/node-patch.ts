/** Patches of Node objects, and whose lease is on them. */
import type { NodeRef } from '../workflows/contract.ts';
import { LEASE_ANNOTATION, type NodeLease } from '../workflows/domain/inventory.ts';
import type { V1Node } from './adapters/kube-adapter.ts';
import type { ActivityDeps } from './deps.ts';
import { fail, failureType } from './failure.ts';
import { readLease } from './node-facts.ts';

/** Everybody patches nodes, kubelets every few seconds; more conflicts in a row than this is odd. */
const MAX_CONFLICTS = 8;
/** A node that has rebooted may be without its Node object until its kubelet has registered again. */
const RETURN_MS = 60_000;
const LOOK_AGAIN_MS = 1000;

/** A node's activity of somebody who says who it is. */
export type HolderRef = NodeRef & { readonly holder: string };

/** Reads a node, decides, and patches exactly the version that was read; again if it has moved on. */
export async function updateNode<T>(
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
    // An attempt that is cancelled or was given up writes nothing behind the back of a later one.
    deps.context().signal.throwIfAborted();
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

/** Runs work on a node; while there is no such Node object, looks again for a minute. */
export async function onceThere<T>(deps: ActivityDeps, work: () => Promise<T>): Promise<T> {
  const deadline = deps.clock.now() + RETURN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (failureType(error) !== 'NodeGone' || deps.clock.now() >= deadline) throw error;
      await deps.clock.sleep(LOOK_AGAIN_MS, deps.context().signal);
    }
  }
}

/** Runs work on a node, and is content if there is no such node. */
export async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (failureType(error) !== 'NodeGone') throw error;
  }
}

/** Returns a patch of annotations; null takes one away. */
export function annotate(annotations: Readonly<Record<string, string | null>>) {
  return { metadata: { annotations } };
}

/** Returns whether the lease on a node is the holder's. */
export function isOwn(node: V1Node, holder: string): boolean {
  const held = readLease(node);
  return held !== undefined && held !== 'Unreadable' && held.holder === holder;
}

/** Fails unless the lease on a node is the holder's. */
export function requireOwn(node: V1Node, input: HolderRef): void {
  const held = readLease(node);
  if (held) ownLease(held, input);
  else {
    fail(
      'LeaseHeld',
      `Node ${input.node} of ${input.cluster} is not leased by ${input.holder} any more: somebody removed the annotation ${LEASE_ANNOTATION}.`,
    );
  }
}

/** Returns a lease that is the holder's; fails with one that is another's. */
export function ownLease(held: NodeLease | 'Unreadable', input: HolderRef): NodeLease {
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
