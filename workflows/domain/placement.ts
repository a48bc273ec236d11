/** Decides where a pod could run, as far as its rules and the nodes' labels and taints say. */

import { holds, type Requirement } from './label-selector.ts';

/** One alternative of a required node affinity: all its conditions have to hold. */
export interface AffinityTerm {
  readonly matchExpressions?: readonly Requirement[] | undefined;
  readonly matchFields?: readonly Requirement[] | undefined;
}

export interface Toleration {
  readonly key?: string | undefined;
  readonly operator?: string | undefined;
  readonly value?: string | undefined;
  readonly effect?: string | undefined;
}

/** What a pod's spec says of where it may run. */
export interface Placement {
  readonly nodeName?: string | undefined;
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  /** Of requiredDuringSchedulingIgnoredDuringExecution; absent where there is none. */
  readonly affinity?: readonly AffinityTerm[] | undefined;
  readonly tolerations?: readonly Toleration[] | undefined;
}

export interface Place {
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly {
    readonly key: string;
    readonly value?: string | undefined;
    readonly effect: string;
  }[];
}

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const CORDON_TAINT = 'node.kubernetes.io/unschedulable';
/** Taints of a state that passes; whether a node is available is asked elsewhere. */
const PASSING: ReadonlySet<string> = new Set([CORDON_TAINT, NOT_READY, UNREACHABLE]);

/** Returns whether a pod could run on a node that is available; room for it is not looked at. */
export function couldRunOn(placement: Placement, place: Place): boolean {
  const { nodeName, nodeSelector = {}, affinity, tolerations = [] } = placement;
  // A pod that names its node is not scheduled, so neither labels nor NoSchedule concern it.
  if (nodeName) return nodeName === place.node;
  if (Object.entries(nodeSelector).some(([key, value]) => place.labels[key] !== value)) {
    return false;
  }
  if (affinity && !affinity.some((term) => termHolds(term, place))) return false;
  return place.taints
    .filter(({ key, effect }) => effect !== 'PreferNoSchedule' && !PASSING.has(key))
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));
}

/** A term without any condition matches no node. */
function termHolds({ matchExpressions = [], matchFields = [] }: AffinityTerm, place: Place) {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': place.node };
  return (
    matchExpressions.every((requirement) => holds(requirement, place.labels)) &&
    matchFields.every((requirement) => holds(requirement, fields))
  );
}

function tolerates(toleration: Toleration, taint: Place['taints'][number]): boolean {
  const { key, operator = 'Equal', value = '', effect } = toleration;
  if (effect && effect !== taint.effect) return false;
  if (!key) return operator === 'Exists';
  if (key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}
