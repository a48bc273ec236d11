import type { NodeFacts } from './fleet-facts.ts';
import type { Disturbance } from './observation.ts';

/** What the demo measured around its rollout, by its own means. */
export interface Measured {
  readonly before: readonly NodeFacts[];
  readonly after: readonly NodeFacts[];
  readonly disturbance: Disturbance;
  /** Whether a pod is of a Job and came to its own good end meanwhile. */
  readonly jobPodSucceeded: (namespace: string, name: string) => boolean;
}

/** What became of the containers that ran on one node before. */
export interface Survival {
  readonly before: number;
  readonly survived: number;
  /** Of Jobs that were done meanwhile. */
  readonly completed: number;
  /** Gone or started anew, as "namespace/pod". */
  readonly lost: readonly string[];
}

/** Counts which of a node's containers still run as the same process. */
export function survivalOn(node: string, measured: Measured): Survival {
  const before = measured.before.find((entry) => entry.node === node)?.containers ?? [];
  const after = measured.after.find((entry) => entry.node === node)?.containers ?? [];
  const processOf = new Map(after.map(({ id, process }) => [id, process]));
  const missing = before.filter(({ id, process }) => processOf.get(id) !== process);
  const isDone = ({ namespace, pod }: { readonly namespace: string; readonly pod: string }) =>
    measured.jobPodSucceeded(namespace, pod);
  return {
    before: before.length,
    survived: before.length - missing.length,
    completed: missing.filter(isDone).length,
    lost: missing.filter((entry) => !isDone(entry)).map((c) => `${c.namespace}/${c.pod}`),
  };
}

/** Returns everything that is not as the demo promises; empty if all of it is. */
export function brokenPromises(measured: Measured, wanted: string): readonly string[] {
  const { after, disturbance } = measured;
  return [
    ...after.flatMap((facts) => nodeProblems(facts, wanted)),
    ...after.flatMap(({ node }) =>
      survivalOn(node, measured).lost.map((pod) => `${node}: a container of ${pod} is lost`),
    ),
    ...disturbanceProblems(disturbance),
  ];
}

function nodeProblems(facts: NodeFacts, wanted: string): string[] {
  const { node, dpkg, daemon, ready, schedulable, annotations } = facts;
  return [
    ...(dpkg === wanted ? [] : [`${node}: dpkg says ${dpkg || 'nothing'}, not ${wanted}`]),
    ...(daemon === wanted ? [] : [`${node}: the daemon runs ${daemon || 'not'}, not ${wanted}`]),
    ...(ready ? [] : [`${node} is not Ready`]),
    ...(schedulable ? [] : [`${node} is cordoned`]),
    ...annotations.map((name) => `${node} still has the annotation ${name}`),
  ];
}

function disturbanceProblems(seen: Disturbance): string[] {
  const { evicted, jobPodsLost, otherPodsEnded, cron, http } = seen;
  return [
    ...evicted.map((pod) => `pod ${pod} was evicted`),
    ...jobPodsLost.map((pod) => `pod ${pod} of a Job was lost`),
    ...otherPodsEnded.map((pod) => `pod ${pod} was ended`),
    ...cron.missed.map((at) => `the CronJob did not fire at ${at}`),
    ...(http.failed === 0
      ? []
      : [`${http.failed} of ${http.sent} requests failed: ${http.examples.join('; ')}`]),
  ];
}
