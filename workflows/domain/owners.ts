/** Tells whose workloads a plan disturbs. Called from activities only: may change any day. */
import { impactOf, isDisturbed, type PodFacts, workloadOf } from './eviction.ts';
import type { PodImpact } from './inventory.ts';
import type { OwnerImpact, OwnerWave, Plan, PlannedNode } from './plan-types.ts';
import { byName } from './plan-waves.ts';

/** What is known of an object of Kubernetes by its metadata. */
interface Named {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

const LONGEST_OWNER = 100;

/** Returns the value of the first key that one of the objects has, as a label or annotation; the first object counts most. */
export function ownerBy(
  keys: readonly string[],
  objects: readonly (Named | undefined)[],
): string | undefined {
  for (const object of objects) {
    for (const key of keys) {
      const value = object?.labels?.[key] ?? object?.annotations?.[key];
      const name = value?.trim().replace(/\s+/g, ' ').slice(0, LONGEST_OWNER);
      if (name) return name;
    }
  }
  return undefined;
}

/** More workloads than this are counted instead of named. */
const NAMED_WORKLOADS = 20;

/** Returns by owner what a plan disturbs of it, those without an owner last. */
export function ownersOf(
  plan: Plan,
  podsOf: (node: PlannedNode) => readonly PodFacts[],
): readonly OwnerImpact[] {
  const found = new Map<string | undefined, Gathered>();
  for (const { name: wave, nodes } of plan.waves) {
    for (const node of nodes) {
      const { disruption } = node;
      const pods = podsOf(node);
      const impact = impactOf(pods, { ...plan.policy.spec.drain, disruption });
      for (const [index, pod] of pods.entries()) {
        const effect = impact[index]?.effect ?? 'Stays';
        if (!isDisturbed(pod, effect, { disruption })) continue;
        const known = found.get(pod.contact) ?? { workloads: new Set(), waves: new Map() };
        found.set(pod.contact, known);
        add(known, { wave, pod, effect });
      }
    }
  }
  return [...found]
    .sort(([a], [b]) => (a === undefined ? 1 : b === undefined ? -1 : byName(a, b)))
    .map(([owner, { workloads, waves }]) => ({
      ...(owner === undefined ? {} : { owner }),
      workloads: [...workloads].sort(byName).slice(0, NAMED_WORKLOADS),
      count: workloads.size,
      waves: [...waves.values()],
    }));
}

interface Gathered {
  readonly workloads: Set<string>;
  readonly waves: Map<string, OwnerWave>;
}

const COUNTED: Readonly<Record<PodImpact['effect'], Exclude<keyof OwnerWave, 'wave'>>> = {
  Evicted: 'evicted',
  WaitedFor: 'waitedFor',
  Blocks: 'blocked',
  Stays: 'restarted',
};

function add(
  { workloads, waves }: Gathered,
  { wave, pod, effect }: { wave: string; pod: PodFacts; effect: PodImpact['effect'] },
): void {
  const { kind, name } = workloadOf(pod);
  workloads.add(`${pod.namespace}/${name} (${kind})`);
  const counts = waves.get(wave) ?? { wave, evicted: 0, waitedFor: 0, blocked: 0, restarted: 0 };
  const field = COUNTED[effect];
  waves.set(wave, { ...counts, [field]: counts[field] + 1 });
}
