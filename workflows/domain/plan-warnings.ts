/** What a person should know before approving a plan that can be made. Called from activities only: may change any day. */
import { gateWarnings } from './plan-gates.ts';
import type { Plan, PlannedNode, PlannedPackage } from './plan-types.ts';
import { byName } from './plan-waves.ts';

/** A node that is not Ready or is unschedulable when the plan is made, whoever made it so. */
export interface UnavailableNode {
  readonly cluster: string;
  readonly node: string;
  /** "not Ready" or "cordoned". */
  readonly why: string;
}

/** More nodes than this are counted instead of named. */
const NAMED_NODES = 4;

/** Returns sentences about what will stop a rollout or surprise its people, though no rule forbids it. */
export function planWarnings(
  plan: Plan,
  unavailable: readonly UnavailableNode[],
): readonly string[] {
  const clusters = plan.clusters.flatMap(({ cluster }) => {
    const waves = plan.waves.filter((wave) => wave.cluster === cluster);
    const limit = Math.min(...waves.map((wave) => wave.maxUnavailable));
    if (waves.length === 0) return [];
    const nodes = waves.flatMap((wave) => wave.nodes);
    const away = unavailable.filter((entry) => entry.cluster === cluster);
    return [...exhausted(cluster, limit, nodes, away), ...quarantineStops(plan, cluster, limit)];
  });
  return [...clusters, ...seriesWarnings(plan), ...gateWarnings(plan)];
}

/** Nodes that are away count against the budget, whether or not the rollout is about them. */
function exhausted(
  cluster: string,
  limit: number,
  nodes: readonly PlannedNode[],
  away: readonly UnavailableNode[],
): string[] {
  const present = nodes.filter(({ node }) => !away.some((entry) => entry.node === node));
  if (away.length < limit || present.length === 0) return [];
  const sorted = [...away].sort((a, b) => byName(a.node, b.node));
  const named = sorted.slice(0, NAMED_NODES).map(({ node, why }) => `${node} (${why})`);
  const more = sorted.length - named.length;
  const names = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const [is, uses, it] = away.length === 1 ? ['is', 'uses', 'it'] : ['are', 'use', 'they'];
  return [
    `cluster ${cluster}: ${names} ${is} unavailable now and ${uses} up maxUnavailable ${limit}: no other node starts until ${it} ${is} back. Repair, uncordon or remove, or raise maxUnavailable`,
  ];
}

function quarantineStops({ bundle, policy }: Plan, cluster: string, limit: number): string[] {
  const { atTimeout, maxQuarantined } = policy.spec.drain;
  const drains = bundle.disruption === 'Drain' || bundle.disruption === 'Reboot';
  if (!drains || atTimeout !== 'Quarantine' || maxQuarantined < limit) return [];
  const nodes = limit === 1 ? 'one node in quarantine uses' : `${limit} nodes in quarantine use`;
  return [
    `cluster ${cluster}: the policy's maxQuarantined ${maxQuarantined} is not below maxUnavailable ${limit}: ${nodes} it up, and the rollout halts then. Raise maxUnavailable, or lower maxQuarantined`,
  ];
}

/** Returns what a change of a daemon's series means for what runs, and for its configuration. */
function seriesWarnings(plan: Plan): string[] {
  const packages = plan.waves.flatMap((wave) => wave.nodes).flatMap((node) => node.packages);
  const survives = plan.bundle.disruption === 'Restart' || plan.bundle.disruption === 'None';
  return [...new Set(packages.flatMap((entry) => seriesWarning(entry, survives)))];
}

function seriesWarning({ name, daemon, from, to }: PlannedPackage, survives: boolean): string[] {
  const [before, after] = [seriesOf(from.version), seriesOf(to.version)];
  if (!daemon || !before || !after || before.series === after.series) return [];
  const change = `${name} ${from.version} to ${to.version}`;
  return [
    ...(survives
      ? [
          `${change} is another series, and containers stay under what the old one started them with, until they restart. Disruption Drain starts all of them anew`,
        ]
      : []),
    ...(before.major === after.major
      ? []
      : [
          `${change} is another major version: its configuration on the node is kept as it is, and what the new one writes the old one may not read. Try both ways on one node first`,
        ]),
  ];
}

/** Upstream's major and minor version, without Debian's epoch. */
function seriesOf(version: string): { major: string; series: string } | undefined {
  const [, major, minor] = /^(?:\d+:)?(\d+)\.(\d+)/.exec(version) ?? [];
  return major && minor ? { major, series: `${major}.${minor}` } : undefined;
}
