/** What a Node object says, as plain facts. */
import {
  ATTENTION_ANNOTATION,
  type KubeNodeFacts,
  LEASE_ANNOTATION,
  type NodeLease,
} from '../workflows/domain/inventory.ts';
import type { Attention } from '../workflows/domain/quarantine.ts';
import type { V1Node } from './adapters/kube-adapter.ts';

/** Returns whether a node's condition has the status "True". */
export function hasCondition(node: V1Node, type: string): boolean {
  return node.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
}

/** Returns whether a node is not Ready or is unschedulable, whoever made it so. */
export function isUnavailable(node: V1Node): boolean {
  return !hasCondition(node, 'Ready') || node.spec?.unschedulable === true;
}

/** Returns the reason and message of a node's condition, for messages. */
export function conditionText(node: V1Node, type: string): string {
  const condition = node.status?.conditions?.find((c) => c.type === type);
  return condition
    ? `${type}=${condition.status} (${[condition.reason, condition.message].filter(Boolean).join(': ')})`
    : `${type} is not reported`;
}

/** Returns the node's name. */
export function nameOf(node: V1Node): string {
  return node.metadata?.name ?? '';
}

/** Returns where the node's sshd listens: its InternalIP, or "" if it has none. */
export function addressOf(node: V1Node): string {
  return node.status?.addresses?.find((entry) => entry.type === 'InternalIP')?.address ?? '';
}

/** Returns the facts of a Node object of a node group. */
export function kubeFacts(
  node: V1Node,
  place: {
    readonly cluster: string;
    readonly nodeGroup: string;
    readonly failureDomainLabel: string;
  },
): KubeNodeFacts {
  const labels = node.metadata?.labels ?? {};
  const lease = readLease(node);
  const attention = node.metadata?.annotations?.[ATTENTION_ANNOTATION];
  return {
    cluster: place.cluster,
    node: nameOf(node),
    uid: node.metadata?.uid ?? '',
    address: addressOf(node),
    labels,
    nodeGroup: place.nodeGroup,
    failureDomain: labels[place.failureDomainLabel] ?? '',
    ready: hasCondition(node, 'Ready'),
    unschedulable: node.spec?.unschedulable === true,
    kubeletVersion: node.status?.nodeInfo?.kubeletVersion ?? '',
    containerRuntimeVersion: node.status?.nodeInfo?.containerRuntimeVersion ?? '',
    kernel: node.status?.nodeInfo?.kernelVersion ?? '',
    ...(lease && lease !== 'Unreadable' ? { lease } : {}),
    ...(attention === undefined ? {} : { needsAttention: attention }),
  };
}

/** Returns the lease annotation; an unreadable one is said to be so, never taken for none. */
export function readLease(node: V1Node): NodeLease | 'Unreadable' | undefined {
  const text = node.metadata?.annotations?.[LEASE_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isLease(value) ? value : 'Unreadable';
  } catch {
    return 'Unreadable';
  }
}

/** Returns why a node was left to a person; undefined if it was not, or nobody can read it. */
export function readAttention(node: V1Node): Attention | undefined {
  const text = node.metadata?.annotations?.[ATTENTION_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isAttention(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isAttention(value: unknown): value is Attention {
  if (typeof value !== 'object' || value === null) return false;
  const said = value as Partial<Record<keyof Attention, unknown>>;
  return [said.holder, said.since, said.reason].every((field) => typeof field === 'string');
}

function isLease(value: unknown): value is NodeLease {
  if (typeof value !== 'object' || value === null) return false;
  const lease = value as Partial<Record<keyof NodeLease, unknown>>;
  return typeof lease.holder === 'string' && typeof lease.cordonedBefore === 'boolean';
}
