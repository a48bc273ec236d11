/** Decides what a disruption does to each pod of a node. Called from activities only: may change any day. */
import type { PodImpact } from './inventory.ts';
import type { Disruption, Policy } from './spec.ts';

/** A pod of a node, as far as it matters here. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  /** Its controller; absent for a bare pod. */
  readonly owner?: { readonly kind: string; readonly name: string };
  /** A static pod, which only the kubelet of the node can stop. */
  readonly mirror: boolean;
  /** Started by Tidegate itself. */
  readonly probe: boolean;
  readonly terminating: boolean;
  /** PodDisruptionBudgets that select the pod. */
  readonly budgets: readonly { readonly name: string; readonly disruptionsAllowed: number }[];
}

/** How far a disruption goes, and what the policy says of Jobs. */
export interface EvictionRule {
  readonly disruption: Disruption;
  readonly jobs: Policy['spec']['drain']['jobs'];
}

/** Returns what happens to each pod of a node. */
export function impactOf(pods: readonly PodFacts[], rule: EvictionRule): readonly PodImpact[] {
  return pods.map((pod) => ({
    namespace: pod.namespace,
    pod: pod.name,
    owner: ownerOf(pod),
    ...effectOn(pod, rule),
  }));
}

/** Returns Kind/name of a pod's controller, or "none". */
export function ownerOf(pod: PodFacts): string {
  return pod.owner ? `${pod.owner.kind}/${pod.owner.name}` : 'none';
}

function effectOn(pod: PodFacts, rule: EvictionRule): Pick<PodImpact, 'effect' | 'reason'> {
  switch (rule.disruption) {
    case 'None':
    case 'Restart':
      return { effect: 'Stays' };
    case 'Drain':
    case 'Reboot':
      return effectOfDrain(pod, rule.jobs);
  }
}

function effectOfDrain(
  pod: PodFacts,
  jobs: EvictionRule['jobs'],
): Pick<PodImpact, 'effect' | 'reason'> {
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') {
    return { effect: 'Stays', reason: 'has finished' };
  }
  if (pod.mirror) return { effect: 'Stays', reason: 'is a static pod of the node' };
  if (pod.probe) return { effect: 'Stays', reason: 'is a probe of Tidegate' };
  if (pod.owner?.kind === 'DaemonSet') {
    return { effect: 'Stays', reason: 'belongs to a DaemonSet' };
  }
  if (pod.terminating) return { effect: 'Evicted', reason: 'is terminating already' };
  if (!pod.owner) {
    return { effect: 'Blocks', reason: 'has no controller: nothing would start it again' };
  }
  if (pod.owner.kind === 'Job' && jobs === 'Wait') return { effect: 'WaitedFor' };
  return effectOfBudgets(pod);
}

function effectOfBudgets(pod: PodFacts): Pick<PodImpact, 'effect' | 'reason'> {
  if (pod.budgets.length > 1) {
    const names = pod.budgets.map((budget) => budget.name).join(', ');
    return { effect: 'Blocks', reason: `is in several disruption budgets (${names})` };
  }
  const [budget] = pod.budgets;
  if (budget && budget.disruptionsAllowed < 1) {
    return { effect: 'Blocks', reason: `disruption budget ${budget.name} allows none now` };
  }
  return { effect: 'Evicted' };
}
