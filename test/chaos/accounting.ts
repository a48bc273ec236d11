/** The books: whether what a rollout and its histories say accounts for everything that happened. */
import type { NodeOutcome, RolloutOutcome } from '../../workflows/contract.ts';
import type { Story } from './history.ts';
import type { Told } from './invariant.ts';

/** What happened to one node, as it was seen, and as the rollout says. */
export interface NodeBooks {
  readonly node: string;
  readonly told: Told;
  /** Pods of the node that the eviction API ended, as "namespace/name". */
  readonly evictedSeen: readonly string[];
  readonly evictedSaid: readonly string[];
  /** How often each version was installed, by dpkg's own log. */
  readonly installed: { readonly to: number; readonly from: number };
  /** A node that lost power finishes an interrupted installation, which dpkg counts once more. */
  readonly powerLost: boolean;
}

const GOOD: readonly Told[] = ['Updated', 'AlreadyDone', 'Untouched', 'TakenBack'];

/** Returns what the books of one node do not account for. */
export function bookGaps(books: NodeBooks, stories: readonly Story[]): readonly string[] {
  return [...evictionGaps(books), ...installGaps(books, allowedInstalls(books.node, stories))];
}

/** Every eviction that was seen is told, and none is told that did not happen. */
function evictionGaps({ evictedSeen, evictedSaid }: NodeBooks): string[] {
  const silent = evictedSeen.filter((pod) => !evictedSaid.includes(pod));
  const invented = evictedSaid.filter((pod) => !evictedSeen.includes(pod));
  return [
    ...silent.map((pod) => `${pod} was evicted, and no outcome names it`),
    ...invented.map((pod) => `${pod} is told to be evicted, and was not`),
  ];
}

/** Each run of a node's workflow installs each version at most once, and only where it meant to. */
function installGaps(
  { told, installed, powerLost }: NodeBooks,
  allowed: { readonly to: number; readonly from: number },
): string[] {
  const { to, from } = installed;
  const again = powerLost ? 1 : 0;
  // dpkg writes the old version once more where it takes an unpacking back by itself.
  const ownBack = allowed.to > 0 ? 1 : 0;
  const gaps: string[] = [];
  if (to > allowed.to + again) {
    gaps.push(`the new version was installed ${to} times, the histories account for ${allowed.to}`);
  }
  if (from > allowed.from + again + ownBack) {
    gaps.push(
      `the old version was installed ${from} times, the histories account for ${allowed.from}`,
    );
  }
  if (told === 'Updated' && to === 0) gaps.push('said to be Updated, and nothing was installed');
  const untouched = told === 'Skipped' || told === 'Deferred' || told === 'Untouched';
  if (untouched && to > 0) gaps.push(`said to be ${told}, and the new version was installed`);
  return gaps;
}

/** How often histories mean to install each version: once for each run that came to it. */
function allowedInstalls(node: string, stories: readonly Story[]): { to: number; from: number } {
  const allowed = { to: 0, from: 0 };
  for (const story of nodeStories(stories, node)) {
    const back = (story.input as { direction?: string } | undefined)?.direction === 'Back';
    const began = (name: string) => (story.activities.some((entry) => entry.name === name) ? 1 : 0);
    allowed.to += began(back ? 'revert' : 'apply');
    allowed.from += began(back ? 'apply' : 'revert');
  }
  return allowed;
}

/** Every node of the plan is told of exactly once, and no other; what is not good has its reasons. */
export function outcomeGaps(planned: readonly string[], outcome: RolloutOutcome): string[] {
  const told = [...outcome.nodes.map(keyOf), ...outcome.untouched];
  const gaps = planned
    .map((key) => [key, told.filter((entry) => entry === key).length] as const)
    .filter(([, times]) => times !== 1)
    .map(([key, times]) => `${key} is in the plan, and ${times} times in the outcome`);
  const strangers = told.filter((key) => !planned.includes(key));
  const silent = [...outcome.nodes, ...outcome.rolledBack]
    .filter((entry) => !GOOD.includes(entry.outcome) && entry.reasons.join('').trim() === '')
    .map((entry) => `${keyOf(entry)} is ${entry.outcome} without a reason`);
  const attention = [...outcome.nodes, ...outcome.rolledBack]
    .filter((entry) => entry.outcome === 'NeedsAttention')
    .map(keyOf)
    .filter((key) => !outcome.needsAttention.includes(key))
    .map((key) => `${key} needs attention, and the rollout does not list it`);
  return [
    ...gaps,
    ...strangers.map((key) => `${key} is told of, and not in the plan`),
    ...silent,
    ...attention,
  ];
}

/** Every workflow has ended, and so has everything that it started, but where it was terminated. */
export function openWork(stories: readonly Story[]): string[] {
  return stories.flatMap(({ workflowId, end, activities }) => {
    if (!end) return [`${workflowId} is still open`];
    if (end.kind === 'Terminated') return [];
    return activities
      .filter((activity) => !activity.end)
      .map(({ name }) => `${name} of ${workflowId} was started, and has no end`);
  });
}

/** Returns what is told of a node: by the rollout, or where that gives no outcome, by the node itself. */
export function toldOf(node: string, stories: readonly Story[]): Told {
  const outcome = rolloutOutcome(stories);
  const back = outcome?.rolledBack.find((entry) => entry.node === node)?.outcome;
  if (back) return backTold(back);
  const own = outcome?.nodes.find((entry) => entry.node === node) ?? ownOutcome(node, stories);
  return own?.outcome ?? 'Untouched';
}

/** Returns the outcomes of a node's own workflows in the order in which they began. */
export function ownOutcomes(node: string, stories: readonly Story[]): readonly NodeOutcome[] {
  return nodeStories(stories, node).flatMap(({ end }) => {
    return end?.kind === 'Completed' ? [end.result as NodeOutcome] : [];
  });
}

/** Returns the rollout's outcome if it gave one. */
export function rolloutOutcome(stories: readonly Story[]): RolloutOutcome | undefined {
  const [rollout] = stories;
  return rollout?.end?.kind === 'Completed' ? (rollout.end.result as RolloutOutcome) : undefined;
}

function ownOutcome(node: string, stories: readonly Story[]): NodeOutcome | undefined {
  return ownOutcomes(node, stories).at(-1);
}

/** In a plan for the way back "Updated" means that the node runs what it ran before. */
function backTold(outcome: NodeOutcome['outcome']): Told {
  if (outcome === 'Updated' || outcome === 'AlreadyDone') return 'TakenBack';
  return outcome === 'NeedsAttention' ? outcome : 'Updated';
}

function nodeStories(stories: readonly Story[], node: string): readonly Story[] {
  return stories.filter(({ workflowId }) => workflowId === `node/east/${node}`);
}

function keyOf({ cluster, node }: { readonly cluster: string; readonly node: string }): string {
  return `${cluster}/${node}`;
}
