/** Decides whether a node may be left out or tried again. Called from workflows: replay-visible. */
import { isFailedNode, keyOf, waveFailure } from './lifecycle.ts';
import type { Plan, PlannedNode, PlannedWave } from './plan-types.ts';

/** How far a node is: waiting for its turn, in work, or how it has ended. */
export type NodeState = string;

export interface KnownOutcome {
  readonly cluster: string;
  readonly node: string;
  readonly outcome: string;
}

export interface FoundNode {
  readonly target: PlannedNode;
  /** The plan's own wave of the node. */
  readonly wave: PlannedWave;
}

/** Finds the node of a plan that a person means: its name, or "cluster/name"; or says why there is none. */
export function findNode(
  plan: Pick<Plan, 'waves'>,
  name: unknown,
): FoundNode | { readonly refused: string } {
  if (typeof name !== 'string' || name.trim() === '') {
    return { refused: '"node" must be the name of a node' };
  }
  const found = plan.waves.flatMap((wave) =>
    wave.nodes
      .filter((target) => target.node === name || keyOf(target) === name)
      .map((target) => ({ target, wave })),
  );
  const [one, ...more] = found;
  if (!one) return { refused: `the plan has no node ${name}` };
  if (more.length === 0) return one;
  return { refused: `say which one: ${found.map(({ target }) => keyOf(target)).join(', ')}` };
}

/** Returns why a node is not left out; empty where it is. */
export function judgeSkip(question: {
  readonly found: FoundNode;
  readonly state: NodeState;
  /** Whether people leave it out already. */
  readonly skipped: boolean;
  /** Nodes ("cluster/node") that people leave out already. */
  readonly left: ReadonlySet<string>;
}): string {
  const { found, state, skipped, left } = question;
  const { target, wave } = found;
  const { node } = target;
  if (skipped) return `${node} is left out already`;
  if (state === 'InWork') {
    return `${node} is in work: wait until it has ended, or stop the rollout in mode Now, which puts it back`;
  }
  if (state !== 'Waiting' && state !== 'Deferred') return `${node} has ended as ${state}`;
  const others = wave.nodes.filter((entry) => entry.node !== node && !left.has(keyOf(entry)));
  if (wave.canary && others.length === 0) {
    return `${node} is the last node of ${wave.name}: without it nothing would be tried before the other nodes; stop this rollout and start one whose canary is another node`;
  }
  return '';
}

/** Returns why a node is not tried again; empty where it is. */
export function judgeRetry(question: {
  readonly node: string;
  readonly state: NodeState;
  readonly skipped: boolean;
  readonly queued: boolean;
}): string {
  const { node, state, skipped, queued } = question;
  if (queued) return `${node} is tried again already`;
  switch (state) {
    case 'Waiting':
      return skipped ? '' : `${node} waits for its turn`;
    case 'InWork':
      return `${node} is in work`;
    case 'Updated':
    case 'AlreadyDone':
      return `${node} is updated already`;
    case 'NeedsAttention':
      return `${node} needs a person first: put it in order, take it out of quarantine, then start a rollout of it`;
    default:
      return '';
  }
}

/**
 * Returns the extra waves in which nodes ("cluster/node") are tried again: under the limits and the
 * soak of the waves they were in, and as a canary where they were one.
 */
export function retryWaves(plan: Plan, keys: readonly string[], first: number): PlannedWave[] {
  const groups = new Map<string, PlannedWave>();
  for (const wave of plan.waves) {
    const nodes = wave.nodes.filter((target) => keys.includes(keyOf(target)));
    if (nodes.length === 0) continue;
    const group = `${wave.cluster} ${wave.canary}`;
    const known = groups.get(group);
    groups.set(group, { ...(known ?? wave), nodes: [...(known?.nodes ?? []), ...nodes] });
  }
  return [...groups.values()].map((wave, index) => ({
    ...wave,
    index: plan.waves.length + first + index,
    name: `retry-${first + index}`,
  }));
}

/** Returns why waves that have ended have still failed, or an empty string where all is made good. */
export function stillFailing(
  plan: Plan,
  outcomes: readonly KnownOutcome[],
  left: ReadonlySet<string>,
): string {
  const { failureBudget } = plan.strategy;
  const known = outcomes.filter((entry) => !left.has(keyOf(entry)));
  const failed = known.filter((entry) => isFailedNode(entry.outcome));
  if (failed.length > failureBudget) {
    const names = failed.map((entry) => `${entry.node} ${entry.outcome}`).join(', ');
    return `${names} (failure budget ${failureBudget})`;
  }
  for (const { name, canary, nodes } of plan.waves) {
    const keys = nodes.map(keyOf);
    const ended = known.filter((entry) => keys.includes(keyOf(entry)));
    const whole = ended.length === keys.filter((key) => !left.has(key)).length;
    const why = whole || canary ? waveFailure({ canary, outcomes: ended, failureBudget }) : '';
    if (why !== '') return `${name} failed: ${why}`;
  }
  return '';
}
