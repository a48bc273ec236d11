/** Makes and inverts plans: documents and facts come in, an immutable plan or reasons come out. */
import { canonicalJson } from './canonical.ts';
import type { ClusterAccess, NodeFacts, OfferedPackage } from './inventory.ts';
import { keyOf } from './lifecycle.ts';
import { gateReasons } from './plan-gates.ts';
import { judgeNode, type NodeAnswer } from './plan-node.ts';
import type { Plan, PlannedNode, PlannedWave } from './plan-types.ts';
import { byName, makeWaves } from './plan-waves.ts';
import type { Bundle, Cluster, Fleet, Policy, Rollout } from './spec.ts';

/** Returns the hexadecimal sha256 of a text; passed in, since workflows have no crypto. */
export type Hash = (text: string) => string;

export interface PlanInput {
  readonly rollout: Rollout;
  readonly fleet: Fleet;
  readonly bundle: Bundle;
  readonly policy: Policy;
  readonly facts: readonly NodeFacts[];
  /** Per "cluster/node", what the node's own package sources offer. */
  readonly offered: Readonly<Record<string, readonly OfferedPackage[]>>;
  readonly hash: Hash;
  /** The day in UTC, as "2026-11-25", by which exceptions hold; without it every one does. */
  readonly today?: string;
}

export type PlanAnswer =
  | { readonly kind: 'Planned'; readonly plan: Plan }
  | { readonly kind: 'Refused'; readonly reasons: readonly string[] };

interface Judged {
  readonly facts: NodeFacts;
  readonly answer: NodeAnswer;
}

/** Makes the plan of a rollout, or returns every reason why there can be none. */
export function makePlan(input: PlanInput): PlanAnswer {
  const { rollout, fleet, bundle, policy, hash } = input;
  const targeting = selectTargets(input);
  const judged = targeting.nodes.map((facts) => judge(facts, input));
  const reasons = [
    ...targeting.reasons,
    ...bundleProblems(bundle),
    ...judged.flatMap(({ facts, answer }) =>
      answer.kind === 'Refused' ? answer.reasons.map((why) => `${keyOf(facts)}: ${why}`) : [],
    ),
    ...canaryProblems(rollout, judged),
  ];
  if (reasons.length > 0) return { kind: 'Refused', reasons };
  const clusters = orderClusters(fleet.spec.clusters, targeting.nodes);
  const waves = wavesOf({ rollout, clusters, judged });
  const gates = gateReasons({ rollout, policy, waves });
  if (gates.length > 0) return { kind: 'Refused', reasons: gates };
  const content: Omit<Plan, 'digest'> = {
    rollout: rollout.metadata.name,
    direction: rollout.spec.direction,
    requestedBy: rollout.spec.requestedBy,
    reason: rollout.spec.reason,
    ...(rollout.spec.urgent ? { urgent: rollout.spec.urgent } : {}),
    bundle: {
      name: bundle.metadata.name,
      digest: `sha256:${hash(canonicalJson(bundle))}`,
      reason: bundle.spec.reason,
      fixes: bundle.spec.fixes,
      expectedChanges: bundle.spec.expectedChanges,
      disruption: bundle.spec.disruption,
      ...(bundle.spec.published ? { published: bundle.spec.published } : {}),
    },
    policy: { name: policy.metadata.name, spec: policy.spec },
    strategy: {
      failureBudget: rollout.spec.strategy.failureBudget,
      onFailure: rollout.spec.strategy.onFailure,
    },
    clusters: clusters.map(accessOf),
    waves,
    alreadyDone: listed(judged, 'AlreadyDone'),
    excluded: listed(judged, 'Excluded'),
  };
  return { kind: 'Planned', plan: withDigest(content, hash) };
}

/**
 * Returns the plan that takes the given nodes ("cluster/node") back to where they were: the same
 * waves in reverse order, under the same budgets, with the ends of every package exchanged.
 */
export function invertPlan(input: { plan: Plan; nodes: readonly string[]; hash: Hash }): Plan {
  const { digest: _, ...plan } = input.plan;
  const wanted = new Set(input.nodes);
  const waves = [...plan.waves]
    .reverse()
    .map((wave) => ({ ...wave, nodes: wave.nodes.filter((node) => wanted.has(keyOf(node))) }))
    .filter((wave) => wave.nodes.length > 0)
    .map((wave, index) => ({
      ...wave,
      index,
      name: `back-${wave.name}`,
      canary: false,
      soakSeconds: 0,
      nodes: [...wave.nodes].reverse().map(invertNode),
    }));
  return withDigest(
    {
      ...plan,
      direction: plan.direction === 'Forward' ? 'Back' : 'Forward',
      waves,
      alreadyDone: [],
      excluded: [],
    },
    input.hash,
  );
}

/** A node that has been rebooted into another kernel runs that one when it goes back. */
function invertNode(node: PlannedNode): PlannedNode {
  const kernel = node.packages.flatMap(({ to }) => to.kernelRelease ?? [])[0];
  // A reboot may have made it another Node object.
  const uid = node.disruption === 'Reboot' ? '' : node.uid;
  return {
    ...node,
    uid,
    ...(kernel === undefined ? {} : { expects: { ...node.expects, kernel } }),
    packages: node.packages.map((entry) => ({ ...entry, from: entry.to, to: entry.from })),
  };
}

function withDigest(content: Omit<Plan, 'digest'>, hash: Hash): Plan {
  return { ...content, digest: `sha256:${hash(canonicalJson(content))}` };
}

function judge(facts: NodeFacts, input: PlanInput): Judged {
  const { rollout, bundle, policy, today = '' } = input;
  const offered = input.offered[keyOf(facts)] ?? [];
  return { facts, answer: judgeNode({ rollout, bundle, policy, facts, offered, today }) };
}

function selectTargets(input: PlanInput): { nodes: NodeFacts[]; reasons: string[] } {
  const { targets } = input.rollout.spec;
  const clusters = input.fleet.spec.clusters;
  const groups = clusters.flatMap((cluster) => cluster.nodeGroups.map((group) => group.name));
  const reasons = [
    ...unknown(
      'spec.targets.clusters',
      targets.clusters,
      clusters.map((entry) => entry.name),
    ),
    ...unknown('spec.targets.nodeGroups', targets.nodeGroups, groups),
    ...(targets.nodes ?? [])
      .filter((name) => !input.facts.some((facts) => isCalled(facts, name)))
      .map(
        (name) =>
          `spec.targets.nodes: "${name}" is no node of the targeted clusters and node groups`,
      ),
  ];
  const nodes = input.facts
    .filter(
      (facts) =>
        (targets.clusters?.includes(facts.cluster) ?? true) &&
        (targets.nodeGroups?.includes(facts.nodeGroup) ?? true) &&
        (targets.nodes?.some((name) => isCalled(facts, name)) ?? true),
    )
    .sort((a, b) => byName(a.cluster, b.cluster) || byName(a.node, b.node));
  // Where nodes are named, only those are read: an empty group then says nothing of its selector.
  for (const cluster of targets.nodes ? [] : clusters) {
    if (targets.clusters && !targets.clusters.includes(cluster.name)) continue;
    for (const group of cluster.nodeGroups) {
      if (targets.nodeGroups && !targets.nodeGroups.includes(group.name)) continue;
      const matched = input.facts.some(
        (facts) => facts.cluster === cluster.name && facts.nodeGroup === group.name,
      );
      if (matched) continue;
      reasons.push(
        `cluster ${cluster.name}: selector "${group.selector}" of node group ${group.name} matches no node`,
      );
    }
  }
  if (nodes.length === 0 && reasons.length === 0) {
    reasons.push('spec.targets matches no node: the clusters, groups and nodes do not overlap');
  }
  return { nodes, reasons };
}

/** A node is named by itself, or with its cluster where two clusters have the same name. */
function isCalled(facts: NodeFacts, name: string): boolean {
  return facts.node === name || keyOf(facts) === name;
}

function unknown(path: string, wanted: readonly string[] | undefined, known: readonly string[]) {
  const names = [...new Set(known)].sort(byName).join(', ');
  return (wanted ?? [])
    .filter((name) => !known.includes(name))
    .map((name) => `${path}: "${name}" is not in the fleet (it has ${names})`);
}

/** What a bundle says of kernels is proved after a reboot, in both directions. */
function bundleProblems({ metadata, spec }: Bundle): string[] {
  const packages = spec.releases.flatMap((release) => release.packages);
  return packages.flatMap((entry) => {
    const told = [entry.to, ...entry.from].filter((version) => version.kernelRelease !== undefined);
    if (told.length === 0) return [];
    const where = `bundle ${metadata.name}: ${entry.name}`;
    if (spec.disruption !== 'Reboot') {
      return [`${where} has a kernelRelease, which needs disruption Reboot`];
    }
    return told.length === 1 + entry.from.length
      ? []
      : [`${where} has a kernelRelease for some of its versions: say it for all, or for none`];
  });
}

function canaryProblems(rollout: Rollout, judged: readonly Judged[]): string[] {
  const known = judged.map(({ facts }) => facts.node);
  return (rollout.spec.strategy.canary.nodes ?? [])
    .filter((name) => !known.includes(name))
    .map((name) => `spec.strategy.canary.nodes: "${name}" is not among the targeted nodes`);
}

const CRITICALITY_ORDER = { Low: 0, Normal: 1, High: 2 } as const;

function orderClusters(clusters: readonly Cluster[], nodes: readonly NodeFacts[]): Cluster[] {
  return clusters
    .filter((cluster) => nodes.some((facts) => facts.cluster === cluster.name))
    .sort(
      (a, b) =>
        CRITICALITY_ORDER[a.criticality] - CRITICALITY_ORDER[b.criticality] ||
        byName(a.region, b.region) ||
        byName(a.name, b.name),
    );
}

function accessOf(cluster: Cluster): ClusterAccess {
  return {
    cluster: cluster.name,
    region: cluster.region,
    ...(cluster.kubeconfig === undefined ? {} : { kubeconfig: cluster.kubeconfig }),
    context: cluster.context ?? cluster.name,
    ssh: cluster.ssh,
  };
}

function wavesOf(args: {
  rollout: Rollout;
  clusters: readonly Cluster[];
  judged: readonly Judged[];
}): PlannedWave[] {
  const waves: PlannedWave[] = [];
  for (const { name } of args.clusters) {
    const here = args.judged.filter(({ facts }) => facts.cluster === name);
    waves.push(
      ...makeWaves({
        cluster: name,
        nodes: here.flatMap(({ answer }) => (answer.kind === 'Planned' ? [answer.node] : [])),
        targeted: here.length,
        strategy: args.rollout.spec.strategy,
        prefix: args.clusters.length > 1 ? `${name}-` : '',
        firstIndex: waves.length,
      }),
    );
  }
  return waves;
}

function listed(judged: readonly Judged[], kind: 'AlreadyDone' | 'Excluded') {
  return judged.flatMap(({ facts, answer }) =>
    answer.kind === kind
      ? [{ cluster: facts.cluster, node: facts.node, reason: answer.reason }]
      : [],
  );
}
