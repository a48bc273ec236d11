/** Makes, from what a finished rollout recorded, the rollout that takes its nodes back. Pure. */
import type { Command, NodeOutcome, RolloutOutcome } from '../workflows/contract.ts';
import { parseDocument } from '../workflows/domain/documents.ts';
import type { Plan, PlannedNode } from '../workflows/domain/plan-types.ts';
import { API_VERSION, type Rollout } from '../workflows/domain/spec.ts';
import { isNamed, plannedNodes, recordedBundle, recordedPolicy } from './recorded.ts';

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
  const mixed = mixedOrigin(planned);
  if (mixed !== '') return refuse(mixed);
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
        bundle: recordedBundle(input.plan, planned),
        policy: recordedPolicy(input.plan),
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

function refuse(reason: string): BackAnswer {
  return { kind: 'Refused', reason };
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
