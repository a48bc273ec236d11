/** Short ways to make plans in tests of the planner. */
import type { NodeFacts, OfferedPackage } from '../../workflows/domain/inventory.ts';
import { makePlan, type PlanAnswer } from '../../workflows/domain/plan.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import {
  type Bundle,
  type Cluster,
  type Fleet,
  fleetSchema,
  type Policy,
} from '../../workflows/domain/spec.ts';
import { FROM } from '../workflows/fake-fleet.ts';
import {
  bundleOf,
  factsOf,
  fleet,
  hash,
  offers,
  policy,
  rolloutOf,
} from '../workflows/fixtures.ts';

export interface Change {
  readonly facts: readonly NodeFacts[];
  readonly strategy?: object;
  readonly spec?: object;
  readonly bundle?: Bundle;
  readonly policy?: Policy;
  readonly fleet?: Fleet;
  readonly offered?: Readonly<Record<string, readonly OfferedPackage[]>>;
}

/** Returns what the planner says of a rollout that differs from the usual one as given. */
export function answerOf(change: Change): PlanAnswer {
  return makePlan({
    rollout: rolloutOf(change.strategy, change.spec),
    fleet: change.fleet ?? fleet,
    bundle: change.bundle ?? bundleOf(),
    policy: change.policy ?? policy,
    facts: change.facts,
    offered: change.offered ?? offers(change.facts),
    hash,
  });
}

/** Returns the plan; fails the test where it is refused. */
export function planned(change: Change): Plan {
  const answer = answerOf(change);
  if (answer.kind === 'Refused') throw new Error(answer.reasons.join('; '));
  return answer.plan;
}

/** Returns the reasons of a refusal; empty for a plan. */
export function reasonsOf(change: Change): readonly string[] {
  const answer = answerOf(change);
  return answer.kind === 'Refused' ? answer.reasons : [];
}

/** Returns "wave: node node" for each wave. */
export function waveLines(plan: Plan): string[] {
  return plan.waves.map(({ name, nodes }) => `${name}: ${nodes.map((n) => n.node).join(' ')}`);
}

/** Returns a fleet of clusters that differ from the usual one as given. */
export function fleetOf(...clusters: Partial<Cluster>[]): Fleet {
  const [usual] = fleet.spec.clusters;
  return fleetSchema.parse({
    ...fleet,
    spec: { clusters: clusters.map((change) => ({ ...usual, ...change })) },
  });
}

/** Returns the facts of a node whose host differs from the usual one as given. */
export function hostChanged(node: string, change: Partial<NonNullable<NodeFacts['host']>>) {
  const facts = factsOf(node, 'a');
  return { ...facts, host: { ...(facts.host as NonNullable<NodeFacts['host']>), ...change } };
}

/** Returns the facts of a node with containerd in the given version, installed and running. */
export function running(node: string, version: string, daemon = version): NodeFacts {
  const packages = [{ name: 'containerd', version, status: 'install ok installed', held: false }];
  return hostChanged(node, { packages, daemons: { containerd: daemon } });
}

/** Returns the facts of a node whose host could not be read. */
export function unread(node: string, type = 'HostUnreachable'): NodeFacts {
  const { host: _, ...facts } = factsOf(node, 'a');
  return { ...facts, unreachable: { type, message: `${node}: no answer` } };
}

/** Returns the facts of a node that has containerd on hold. */
export function held(node: string): NodeFacts {
  return hostChanged(node, { packages: [{ name: 'containerd', version: FROM, held: true }] });
}
