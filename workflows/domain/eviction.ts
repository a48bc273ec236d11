/** Decides what a disruption does to each pod of a node. Called from activities only: may change any day. */
import type { JobChoice } from '../contract.ts';
import {
  type BudgetFacts,
  type BudgetRefusal,
  budgetAsked,
  refusalOf,
} from './disruption-budget.ts';
import type { PodImpact } from './inventory.ts';
import type { Disruption } from './spec.ts';
import { type DrainRules, ruleFor, waitOf } from './workload-rules.ts';

/** A volume whose data does not follow its pod to another node. */
export interface LocalVolume {
  readonly name: string;
  /** The data of an emptyDir ends with the pod; the others leave theirs on the node. */
  readonly kind: 'emptyDir' | 'hostPath' | 'local';
}

/** A pod of a node, as far as it matters here. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  /** Its controller; absent for a bare pod. */
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly labels?: Readonly<Record<string, string>>;
  /** Whose workload it is, by a label or annotation of the pod or its namespace. */
  readonly contact?: string;
  /** A static pod, which only the kubelet of the node can stop. */
  readonly mirror: boolean;
  /** Started by Tidegate itself. */
  readonly probe: boolean;
  readonly terminating: boolean;
  readonly ready: boolean;
  /** Of a terminating pod: when its grace period ends, in milliseconds since 1970. */
  readonly graceEndsMs?: number;
  readonly graceSeconds?: number;
  readonly finalizers?: readonly string[];
  /** Names of its PersistentVolumeClaims. */
  readonly claims?: readonly string[];
  readonly localVolumes?: readonly LocalVolume[];
  /** The scheduler puts it on cordoned nodes as well. */
  readonly toleratesCordon?: boolean;
  /** PodDisruptionBudgets that select the pod. */
  readonly budgets: readonly BudgetFacts[];
}

/** How far a disruption goes, what the policy says of drains, and how far one has come. */
export interface EvictionRule extends DrainRules {
  readonly disruption: Disruption;
  /** What a person decided of Jobs that outlasted their time. */
  readonly jobChoice?: JobChoice;
  /** How long pods have been waited for; absent in a plan. */
  readonly waitedSeconds?: number;
  /** Milliseconds since 1970; absent in a plan, where no pod has been terminating for too long. */
  readonly nowMs?: number;
}

type Effect = Pick<PodImpact, 'effect' | 'reason'>;

/** Returns what happens to each pod of a node. */
export function impactOf(pods: readonly PodFacts[], rule: EvictionRule): readonly PodImpact[] {
  const judged = pods.map((pod) => ({ pod, ...effectOn(pod, rule) }));
  const going = judged.filter(({ effect }) => effect === 'Evicted').map(({ pod }) => pod);
  return judged.map(({ pod, effect, reason = going.includes(pod) ? inTurn(pod, going) : '' }) => ({
    namespace: pod.namespace,
    pod: pod.name,
    owner: ownerOf(pod),
    effect,
    ...(reason ? { reason } : {}),
    ...(pod.contact && isDisturbed(pod, effect, rule) ? { contact: pod.contact } : {}),
  }));
}

/** Tells whether a pod does not just go on: what stays on a node that reboots goes down with it. */
export function isDisturbed(
  pod: PodFacts,
  effect: PodImpact['effect'],
  { disruption }: Pick<EvictionRule, 'disruption'>,
): boolean {
  if (effect !== 'Stays') return true;
  return disruption === 'Reboot' && !pod.probe && !hasEnded(pod);
}

/** Pods that a budget does not let go at once are no block: each waits until another is well elsewhere. */
function inTurn(pod: PodFacts, going: readonly PodFacts[]): string {
  const budget = budgetAsked(pod);
  if (!budget) return '';
  const same = going.filter((other) => {
    const asked = budgetAsked(other);
    return asked?.name === budget.name && asked.namespace === budget.namespace;
  });
  const { name, disruptionsAllowed } = budget;
  if (same.length <= disruptionsAllowed) return '';
  return `one after the other: budget ${name} allows ${disruptionsAllowed} at a time, and ${same.length} of its pods are here`;
}

/** Returns Kind/name of a pod's controller, or "none". */
export function ownerOf(pod: PodFacts): string {
  return pod.owner ? `${pod.owner.kind}/${pod.owner.name}` : 'none';
}

/** Returns what people know a pod by: a ReplicaSet of a Deployment is named after it and the hash of its template. */
export function workloadOf({ name, owner, labels }: PodFacts): { kind: string; name: string } {
  if (!owner) return { kind: 'Pod', name };
  const suffix = `-${labels?.['pod-template-hash']}`;
  const ofDeployment = owner.kind === 'ReplicaSet' && owner.name.endsWith(suffix);
  return ofDeployment
    ? { kind: 'Deployment', name: owner.name.slice(0, -suffix.length) }
    : { kind: owner.kind, name: owner.name };
}

/** Returns how long a pod is terminating beyond its grace period; 0 for any other pod. */
export function overdueSeconds(pod: PodFacts, nowMs: number): number {
  if (pod.graceEndsMs === undefined) return 0;
  return Math.max(0, Math.floor((nowMs - pod.graceEndsMs) / 1000));
}

function effectOn(pod: PodFacts, rule: EvictionRule): Effect {
  switch (rule.disruption) {
    case 'None':
    case 'Restart':
      return { effect: 'Stays' };
    case 'Drain':
    case 'Reboot':
      return staying(pod, rule) ?? effectOfDrain(pod, rule);
  }
}

const hasEnded = ({ phase }: PodFacts) => phase === 'Succeeded' || phase === 'Failed';

/** Pods that no drain touches, whatever else is said of them. */
function staying(pod: PodFacts, rule: EvictionRule): Effect | undefined {
  const stays = (reason: string): Effect => ({ effect: 'Stays', reason });
  if (pod.mirror) return stays('is a static pod of the node');
  if (pod.probe) return stays('is a probe of Tidegate');
  if (pod.owner?.kind === 'DaemonSet') return stays('belongs to a DaemonSet');
  if (hasEnded(pod) && !pod.terminating) return stays('has finished');
  const named = ruleFor(pod, rule.rules);
  if (named?.action === 'Skip') return stays(`is left on the node by rule "${named.name}"`);
  const limit = rule.skipTerminatingAfterSeconds;
  if (!pod.terminating || limit === undefined || pod.graceEndsMs === undefined) return undefined;
  if (rule.nowMs === undefined || rule.nowMs < pod.graceEndsMs + limit * 1000) return undefined;
  return stays(
    `is still terminating ${overdueSeconds(pod, rule.nowMs)} s after its grace period and is not waited for`,
  );
}

function effectOfDrain(pod: PodFacts, rule: EvictionRule): Effect {
  if (pod.terminating) return { effect: 'Evicted', reason: 'is terminating already' };
  const wait = waitOf(pod, rule, rule.jobChoice);
  const waited = rule.waitedSeconds ?? -1;
  const late = wait?.atTimeout === 'Evict' && waited >= wait.seconds;
  if (wait && !late) {
    return wait.rule
      ? { effect: 'WaitedFor', reason: `rule "${wait.rule}": until it ends` }
      : { effect: 'WaitedFor' };
  }
  // A rule that names the pod has weighed what is said below.
  if (!ruleFor(pod, rule.rules)) {
    if (!pod.owner) {
      return { effect: 'Blocks', reason: 'has no controller: nothing would start it again' };
    }
    if (rule.localStorage === 'Block' && pod.localVolumes && pod.localVolumes.length > 0) {
      return { effect: 'Blocks', reason: `has local data (${volumesText(pod.localVolumes)})` };
    }
  }
  return effectOfBudgets(pod);
}

/** Returns volumes in words, e.g. "emptyDir scratch". */
export function volumesText(volumes: readonly LocalVolume[]): string {
  return volumes.map(({ kind, name }) => `${kind} ${name}`).join(', ');
}

function effectOfBudgets(pod: PodFacts): Effect {
  const refusal = refusalOf(pod);
  return refusal ? { effect: 'Blocks', reason: wordsOf(refusal, pod) } : { effect: 'Evicted' };
}

function wordsOf(refusal: BudgetRefusal, { budgets }: PodFacts): string {
  switch (refusal.kind) {
    case 'Several':
      return `is in several disruption budgets (${budgets.map(({ name }) => name).join(', ')})`;
    case 'Uncounted':
      return `disruption budget ${refusal.budget.name} has not been counted yet`;
    case 'NotReady':
      return `is not ready, and disruption budget ${refusal.budget.name} allows none now`;
    case 'Exhausted':
      return `disruption budget ${refusal.budget.name} allows none now`;
  }
}
