/** Documents as a rollout's plan recorded them, whatever files say today. Pure. */
import type { Plan, PlannedNode, PlannedPackage } from '../workflows/domain/plan-types.ts';
import { API_VERSION, type Bundle, type Policy } from '../workflows/domain/spec.ts';

interface NamedNode {
  readonly cluster: string;
  readonly node: string;
}

/** Tells whether a person means this node: its name, or "cluster/name". */
export function isNamed({ cluster, node }: NamedNode, name: string): boolean {
  return name === node || name === `${cluster}/${node}`;
}

/** Returns what the plan says of the nodes, in its order. */
export function plannedNodes(plan: Plan, chosen: readonly NamedNode[]): PlannedNode[] {
  return plan.waves
    .flatMap((wave) => wave.nodes)
    .filter((node) =>
      chosen.some((entry) => entry.cluster === node.cluster && entry.node === node.node),
    );
}

/** Returns the policy as the plan recorded it; its gates are for whatever waves the next plan has. */
export function recordedPolicy(plan: Plan): Policy {
  const { name, spec } = plan.policy;
  const approval = { ...spec.approval, gates: gatesAnywhere(spec.approval.gates ?? []) };
  return {
    apiVersion: API_VERSION,
    kind: 'Policy',
    metadata: { name },
    spec: { ...spec, approval },
  };
}

type Gate = Policy['spec']['approval']['gates'][number];

/** A wave of a name is another one in another plan: the gate that asks for most names is at each. */
function gatesAnywhere(gates: readonly Gate[]): Gate[] {
  const strictest = new Map<Gate['at'], Gate>();
  for (const { waves: _, ...gate } of gates) {
    const known = strictest.get(gate.at);
    if (!known || (gate.quorum ?? 1) > (known.quorum ?? 1)) strictest.set(gate.at, gate);
  }
  return [...strictest.values()];
}

/** Returns the bundle as the plan recorded it, with exactly the versions that these nodes came from. */
export function recordedBundle(plan: Plan, nodes: readonly PlannedNode[]): Bundle {
  const { name, reason, fixes, expectedChanges, disruption, published } = plan.bundle;
  return {
    apiVersion: API_VERSION,
    kind: 'Bundle',
    metadata: { name },
    spec: {
      reason,
      disruption,
      ...(published ? { published } : {}),
      fixes: [...fixes],
      expectedChanges: [...expectedChanges],
      releases: releasesOf(plan, nodes),
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
    for (const planned of node.packages) addPackage(release, plan, planned);
    releases.set(key, release);
  }
  return [...releases.values()];
}

function addPackage(release: Release, plan: Plan, planned: PlannedPackage): void {
  const { from, to } = inBundleOrder(plan, planned);
  const known = release.packages.find((entry) => entry.name === planned.name);
  if (known) {
    if (!known.from.some(({ version }) => version === from.version)) known.from.push(from);
    return;
  }
  const daemon = planned.daemon ? { daemon: planned.daemon } : {};
  const onHold = planned.onHold ?? 'Refuse';
  release.packages.push({ name: planned.name, ...daemon, onHold, to, from: [from] });
}

/** In a plan that went back already, `from` is the bundle's `to`. */
function inBundleOrder(plan: Plan, { from, to }: PlannedPackage) {
  return plan.direction === 'Forward' ? { from, to } : { from: to, to: from };
}
