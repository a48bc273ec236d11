/** Makes, from what a finished rollout recorded, the rollout that tries its failed nodes again. Pure. */
import type { Command, NodeOutcome, RolloutOutcome, RolloutStatus } from '../workflows/contract.ts';
import { parseDocument } from '../workflows/domain/documents.ts';
import type { Plan } from '../workflows/domain/plan-types.ts';
import { API_VERSION, type Rollout } from '../workflows/domain/spec.ts';
import { isNamed, plannedNodes, recordedBundle, recordedPolicy } from './recorded.ts';

/** What a finished rollout recorded, and who wants nodes of it tried again. */
export interface RetryInput {
  /** Document that the finished rollout was started with. */
  readonly request: unknown;
  /** Plan that it recorded: holds the exact versions and digests, whatever files say today. */
  readonly plan: Plan;
  readonly outcome: Pick<RolloutOutcome, 'nodes' | 'rolledBack'>;
  /** Names of the nodes; default: those that were put back or left for later. */
  readonly nodes?: readonly string[] | undefined;
  readonly command: Command;
  /** What the new rollout is called. */
  readonly name: string;
}

/** The document of the new attempt, or why there is none. */
export type RetryAnswer =
  | { readonly kind: 'Made'; readonly rollout: Rollout }
  | { readonly kind: 'Refused'; readonly reason: string };

/** Outcomes after which a node is tried again without being named. */
const FAILED = ['RolledBack', 'Deferred'];
/** Outcomes after which there is nothing to do; in a rollout-level rollback they mean "taken back". */
const DONE = ['Updated', 'AlreadyDone'];

/** Returns the name of a rollout's attempt number `n`. */
export function retryName(rollout: string, n: number): string {
  return `${rollout.replace(/-retry-\d+$/, '')}-retry-${n}`;
}

/** Returns the nodes of a running rollout that were put back, and not tried again since. */
export function failedSoFar(waves: RolloutStatus['waves']): string[] {
  const last = new Map(
    waves.flatMap(({ nodes }) => nodes.map(({ node, phase }) => [node, phase] as const)),
  );
  return [...last].filter(([, phase]) => phase === 'RolledBack').map(([node]) => node);
}

/** Returns the Rollout document that tries nodes again by the recorded documents, or why there is none. */
export function makeRetryRollout(input: RetryInput): RetryAnswer {
  const parsed = parseDocument('Rollout', input.request);
  if (parsed.kind === 'Invalid') return refuse('the recorded document is not valid any more');
  const { plan, outcome, nodes, command, name } = input;
  const open = plannedNodes(
    plan,
    plan.waves.flatMap((wave) => wave.nodes),
  ).filter((target) => !runsUpdate(outcome, target));
  const strangers = nodes?.filter((given) => !open.some((target) => isNamed(target, given))) ?? [];
  if (strangers.length > 0) {
    const known = open.map(({ node }) => node).join(', ') || 'none';
    return refuse(
      `${strangers.join(', ')} is none of its nodes without the update (those are: ${known})`,
    );
  }
  const failed = outcome.nodes.filter((entry) => FAILED.includes(entry.outcome));
  const chosen = nodes
    ? open.filter((target) => nodes.some((given) => isNamed(target, given)))
    : plannedNodes(plan, failed);
  if (chosen.length === 0) {
    return refuse('no node was put back or left for later; name others with --node');
  }
  const { spec } = parsed.document;
  const { nodes: canaryNodes, ...canary } = spec.strategy.canary;
  const first = canaryNodes?.filter((given) => chosen.some((target) => isNamed(target, given)));
  return {
    kind: 'Made',
    rollout: {
      apiVersion: API_VERSION,
      kind: 'Rollout',
      metadata: { name },
      spec: {
        ...spec,
        requestedBy: command.by,
        reason: command.reason ?? `try nodes of ${plan.rollout} again: ${spec.reason}`,
        bundle: recordedBundle(plan, chosen),
        policy: recordedPolicy(plan),
        targets: {
          clusters: [...new Set(chosen.map((target) => target.cluster))],
          nodes: chosen.map(({ cluster, node }) => `${cluster}/${node}`),
        },
        strategy: {
          ...spec.strategy,
          canary: { ...canary, ...(first?.length ? { nodes: first } : {}) },
        },
      },
    },
  };
}

/** Tells whether a node was updated and not taken back since by the rollout itself. */
function runsUpdate(
  { nodes, rolledBack }: RetryInput['outcome'],
  target: { readonly cluster: string; readonly node: string },
): boolean {
  const isOf = ({ cluster, node }: NodeOutcome) =>
    cluster === target.cluster && node === target.node;
  const done = (list: readonly NodeOutcome[]) =>
    list.some((entry) => isOf(entry) && DONE.includes(entry.outcome));
  return done(nodes) && !done(rolledBack);
}

function refuse(reason: string): RetryAnswer {
  return { kind: 'Refused', reason };
}
