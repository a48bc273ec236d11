/** What a policy says of single workloads: who goes, who stays, who is waited for, and in which order. */
import type { JobChoice } from '../contract.ts';
import type { PodFacts } from './eviction.ts';
import { parseSelector, selects } from './label-selector.ts';
import type { Policy } from './spec.ts';

type Drain = Policy['spec']['drain'];
/** One of a policy's rules for workloads. */
export type WorkloadRule = Drain['rules'][number];
/** A policy's drain; a policy of before lacks most of it. */
export type DrainRules = Pick<Drain, 'jobs'> & Partial<Drain>;

/** Returns the first rule that matches a pod. */
export function ruleFor(
  pod: PodFacts,
  rules: readonly WorkloadRule[] | undefined,
): WorkloadRule | undefined {
  return rules?.find(({ match }) => {
    const { namespaces, owners, selector } = match;
    if (namespaces && !namespaces.includes(pod.namespace)) return false;
    if (owners && !owners.includes(pod.owner?.kind ?? 'none')) return false;
    return selector === undefined || selects(selectorOf(selector), pod.labels ?? {});
  });
}

/** Documents with a selector that cannot be read are refused long before. */
function selectorOf(text: string) {
  const selector = parseSelector(text);
  if (!selector) throw new Error(`"${text}" is no label selector`);
  return selector;
}

/** Returns when a pod's turn comes: lower ones go first; storage counts 1 more. */
export function turnOf(pod: PodFacts, drain: DrainRules): number {
  const storage = (pod.claims?.length ?? 0) > 0 ? 1 : 0;
  return (ruleFor(pod, drain.rules)?.order ?? 0) + storage;
}

/** How long a pod is waited for from the drain's start, and what happens then. */
export interface Wait {
  readonly seconds: number;
  readonly atTimeout: NonNullable<Drain['jobsAtTimeout']>;
  /** The rule that says so; absent for Jobs that no rule names. */
  readonly rule?: string;
}

/** Returns how long a pod is waited for to end by itself; undefined if it is not waited for. */
export function waitOf(pod: PodFacts, drain: DrainRules, choice?: JobChoice): Wait | undefined {
  const rule = ruleFor(pod, drain.rules);
  if (rule ? rule.action !== 'WaitCompleted' : pod.owner?.kind !== 'Job' || drain.jobs !== 'Wait') {
    return undefined;
  }
  const wait: Wait = {
    seconds: rule?.timeoutSeconds ?? jobSeconds(drain),
    atTimeout: rule?.atTimeout ?? drain.jobsAtTimeout ?? 'Fail',
    ...(rule ? { rule: rule.name } : {}),
  };
  if (wait.atTimeout !== 'Ask' || choice === undefined || choice === 'Wait') return wait;
  return { ...wait, seconds: 0, atTimeout: choice };
}

function jobSeconds(drain: DrainRules): number {
  return drain.jobTimeoutSeconds ?? drain.timeoutSeconds ?? 0;
}

/**
 * Returns how long a drain may take by its own limits: the longest wait, then the evictions.
 * What Force adds, the pods' grace periods, is not known before.
 */
export function drainLimitSeconds(drain: DrainRules): number {
  const waits = (drain.rules ?? [])
    .filter((rule) => rule.action === 'WaitCompleted')
    .map((rule) => rule.timeoutSeconds ?? jobSeconds(drain));
  if (drain.jobs === 'Wait') waits.push(jobSeconds(drain));
  return Math.max(0, ...waits) + (drain.timeoutSeconds ?? 0);
}
