/** Tells which of Tidegate's own pods a plan evicts. Called from activities only: may change any day. */
import { impactOf, type PodFacts } from './eviction.ts';
import type { Plan, PlannedNode } from './plan-types.ts';

const NAME_LABEL = 'app.kubernetes.io/name';
/** A rollout stands still without a worker, and without Temporal. */
const OWN_NAMES: ReadonlySet<string> = new Set(['tidegate', 'temporal']);

/** Returns a sentence for each node of a plan whose drain evicts pods of Tidegate or its Temporal. */
export function drainWarnings(
  plan: Plan,
  podsOf: (node: PlannedNode) => readonly PodFacts[],
): readonly string[] {
  const { drain } = plan.policy.spec;
  const nodes = plan.waves.flatMap((wave) => wave.nodes);
  return nodes.flatMap((planned) => {
    const own = podsOf(planned).filter(({ labels }) => OWN_NAMES.has(labels?.[NAME_LABEL] ?? ''));
    const going = impactOf(own, { ...drain, disruption: planned.disruption }).filter(
      ({ effect }) => effect !== 'Stays',
    );
    if (going.length === 0) return [];
    const names = going.map(({ namespace, pod }) => `${namespace}/${pod}`).join(', ');
    return [
      `cluster ${planned.cluster}: the drain of ${planned.node} evicts ${names}, which this rollout may need: it goes on by itself once another one runs. Keep two of each on different nodes`,
    ];
  });
}
