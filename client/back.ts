/** Makes, from what a finished rollout recorded, the rollout that takes its nodes back. Pure. */
import type { Command, NodeOutcome, RolloutOutcome } from '../workflows/contract.ts';
import { parseDocument } from '../workflows/domain/documents.ts';
import type { Plan, PlannedNode, PlannedPackage } from '../workflows/domain/plan-types.ts';
import { API_VERSION, type Bundle, type Policy, type Rollout } from '../workflows/domain/spec.ts';

/** What a finished rollout recorded, and who wants it taken back. */
export interface BackInput {
  /** Document that the finished rollout was started with. */
  readonly request: unknown;
  /** Plan that it recorded: holds the exact versions and digests, whatever files say today. */
  readonly plan: Plan;
  readonly outcome: Pick<RolloutOutcome, 'nodes' | 'rolledBack'>;
  /** Names of the nodes to take back; default: all that were updated. */
  readonly nodes?: readonly string[] | undefined;
  readonly command: Command;
}

/** The document of the way back, or why there is none. */
export type BackAnswer =
  | { readonly kind: 'Made'; readonly rollout: Rollout }
  | { readonly kind: 'Refused'; readonly reason: string };

/** Returns the Rollout document `<name>-back` for the updated nodes, or why there is none. */
export function makeBackRollout(input: BackInput): BackAnswer {
  const parsed = parseDocument('Rollout', input.request);
  if (parsed.kind === 'Invalid') return refuse('the recorded document is not valid any more');
  const updated = stillUpdated(input.outcome);
  const strangers = input.nodes?.filter((name) => !updated.some((entry) => entry.node === name));
  if (strangers && strangers.length > 0) {
    const known = updated.map((entry) => entry.node).join(', ') || 'none';
    return refuse(
      `${strangers.join(', ')} does not run this rollout's update (those that do: ${known})`,
    );
  }
  const chosen = updated.filter((entry) => input.nodes?.includes(entry.node) ?? true);
  if (chosen.length === 0) return refuse('no node runs its update: there is nothing to take back');
  const planned = plannedNodes(input.plan, chosen);
  const bundle = bundleFor(input.plan, planned);
  if (bundle.kind === 'Mixed') return refuse(bundle.reason);
  const { metadata, spec } = parsed.document;
  const nodes = chosen.map((entry) => `${entry.cluster}/${entry.node}`);
  const { nodes: canaryNodes, ...canary } = spec.strategy.canary;
  const first = canaryNodes?.filter((name) => chosen.some((entry) => isNamed(entry, name))) ?? [];
  return {
    kind: 'Made',
    rollout: {
      apiVersion: API_VERSION,
      kind: 'Rollout',
      metadata: { name: `${metadata.name}-back` },
      spec: {
        ...spec,
        requestedBy: input.command.by,
        reason: input.command.reason ?? `take back ${metadata.name}`,
        direction: input.plan.direction === 'Forward' ? 'Back' : 'Forward',
        bundle: bundle.bundle,
        policy: policyOf(input.plan),
        targets: { clusters: [...new Set(chosen.map((entry) => entry.cluster))], nodes },
        strategy: {
          ...spec.strategy,
          canary: { ...canary, ...(first.length > 0 ? { nodes: first } : {}) },
        },
      },
    },
  };
}

/** Nodes that were updated and not taken back since by the rollout itself. */
function stillUpdated({ nodes, rolledBack }: BackInput['outcome']): NodeOutcome[] {
  const returned = rolledBack.filter(({ outcome }) => ['Updated', 'AlreadyDone'].includes(outcome));
  return nodes.filter(
    ({ cluster, node, outcome }) =>
      outcome === 'Updated' &&
      !returned.some((entry) => entry.cluster === cluster && entry.node === node),
  );
}

function isNamed({ cluster, node }: NodeOutcome, name: string): boolean {
  return name === node || name === `${cluster}/${node}`;
}

function refuse(reason: string): BackAnswer {
  return { kind: 'Refused', reason };
}

function plannedNodes(plan: Plan, chosen: readonly NodeOutcome[]): PlannedNode[] {
  return plan.waves
    .flatMap((wave) => wave.nodes)
    .filter((node) =>
      chosen.some((entry) => entry.cluster === node.cluster && entry.node === node.node),
    );
}

function policyOf(plan: Plan): Policy {
  const { name, spec } = plan.policy;
  return { apiVersion: API_VERSION, kind: 'Policy', metadata: { name }, spec };
}

type BundleAnswer =
  | { readonly kind: 'One'; readonly bundle: Bundle }
  | { readonly kind: 'Mixed'; readonly reason: string };

/** The bundle as the plan recorded it, with exactly the versions that these nodes came from. */
function bundleFor(plan: Plan, nodes: readonly PlannedNode[]): BundleAnswer {
  const mixed = mixedOrigin(nodes);
  if (mixed !== '') return { kind: 'Mixed', reason: mixed };
  const { name, reason, fixes, expectedChanges, disruption } = plan.bundle;
  return {
    kind: 'One',
    bundle: {
      apiVersion: API_VERSION,
      kind: 'Bundle',
      metadata: { name },
      spec: {
        reason,
        disruption,
        fixes: [...fixes],
        expectedChanges: [...expectedChanges],
        releases: releasesOf(plan, nodes),
      },
    },
  };
}

type Release = Bundle['spec']['releases'][number];

function releasesOf(plan: Plan, nodes: readonly PlannedNode[]): Release[] {
  const releases = new Map<string, Release>();
  for (const node of nodes) {
    const { os } = node.expects;
    const architecture = node.expects.architecture as Release['architecture'];
    const key = `${os}/${architecture}`;
    const release = releases.get(key) ?? { os, architecture, packages: [] };
    for (const planned of node.packages) {
      if (release.packages.some((known) => known.name === planned.name)) continue;
      const { from, to } = inBundleOrder(plan, planned);
      const daemon = planned.daemon ? { daemon: planned.daemon } : {};
      const onHold = planned.onHold ?? 'Refuse';
      release.packages.push({ name: planned.name, ...daemon, onHold, to, from: [from] });
    }
    releases.set(key, release);
  }
  return [...releases.values()];
}

/** One rollout goes back to one version of a package for each release; says where there are more. */
function mixedOrigin(nodes: readonly PlannedNode[]): string {
  const origins = new Map<string, Map<string, string[]>>();
  for (const { node, expects, packages } of nodes) {
    for (const { name, from } of packages) {
      const key = `${name} on ${expects.os}/${expects.architecture}`;
      const versions = origins.get(key) ?? new Map<string, string[]>();
      versions.set(from.version, [...(versions.get(from.version) ?? []), node]);
      origins.set(key, versions);
    }
  }
  const mixed = [...origins].filter(([, versions]) => versions.size > 1);
  return mixed
    .map(([key, versions]) => {
      const groups = [...versions].map(([version, names]) => `${version}: ${names.join(',')}`);
      return `its nodes came from different versions of ${key} (${groups.join('; ')}); take back each group by itself with --nodes`;
    })
    .join('; ');
}

/** In a plan that went back already, `from` is the bundle's `to`. */
function inBundleOrder(plan: Plan, { from, to }: PlannedPackage) {
  return plan.direction === 'Forward' ? { from, to } : { from: to, to: from };
}
