/** Writes what people are told of a rollout: one message a cause. Called from workflows: deterministic, and visible in queries only. */
import type { NodeOutcome, RecordedVote, RolloutOutcome } from '../contract.ts';
import { words } from './duration-words.ts';
import { gateAt, standardApproval } from './gates.ts';
import { ATTENTION_ANNOTATION } from './inventory.ts';
import { isFailedNode } from './lifecycle.ts';
import { type NamedOwner, routed, type Told } from './notice-routing.ts';
import {
  affected,
  backLine,
  eachOwner,
  impactLine,
  namesOf,
  nodesOf,
  objectLine,
  ownersLine,
  sizeWords,
  whatLine,
  whenLine,
  whereLine,
  whyLine,
} from './notice-words.ts';
import { counted, listed, podWords } from './owner-words.ts';
import type { OwnerImpact, Plan, PlannedWave, PlanResult } from './plan-types.ts';

/** Returns what is told in advance; `anew` where a plan was told before. */
export function plannedNotices(planned: PlanResult, at: string, anew = false): readonly Told[] {
  const { plan, owners = [] } = planned;
  const waits = gateAt(plan, 'BeforeCanary') && !standardApproval(plan, at.slice(0, 10));
  const head = `Rollout ${plan.rollout} is planned${anew ? ' anew' : ''}`;
  const rest = [
    whenLine(planned, at),
    objectLine(plan, Boolean(waits)),
    backLine(plan),
    `Details: \`tidegate status ${plan.rollout}\``,
  ];
  return tell(plan, {
    cause: 'Planned',
    general: [
      `${head}: ${plan.bundle.name} on ${sizeWords(plan)}`,
      ...[whyLine(plan), whatLine(plan), whereLine(plan), impactLine(planned)],
      ...ownersLine(owners),
      ...rest,
    ],
    owners,
    toOwners: (concerned) => [
      `${head} and will disturb workloads of ${namesOf(concerned)}`,
      ...eachOwner(concerned, affected),
      ...[whyLine(plan), whatLine(plan), ...rest],
    ],
  });
}

/** Returns what is told when the first node starts. */
export function startedNotices(
  { plan, owners = [] }: PlanResult,
  wave: PlannedWave,
): readonly Told[] {
  const head = `Rollout ${plan.rollout} has started`;
  const stop = `To stop it: \`tidegate pause ${plan.rollout} --as WHO\` or \`tidegate stop ${plan.rollout} --as WHO\``;
  return tell(plan, {
    cause: 'Started',
    general: [
      `${head}: ${plan.bundle.name} on ${sizeWords(plan)}, ${wave.name} first`,
      ...[whatLine(plan), whereLine(plan), stop, backLine(plan)],
    ],
    owners,
    toOwners: (concerned) => [
      `${head} and disturbs workloads of ${namesOf(concerned)}`,
      ...eachOwner(concerned, affected),
      ...[whatLine(plan), stop],
    ],
  });
}

/** Nodes and reasons that one message names. */
const NAMED_NODES = 5;

/** Returns what is told of a wave that went wrong in part, while the rollout goes on; nothing where all went well. */
export function waveNotices(
  { plan, owners = [] }: PlanResult,
  { wave, nodes }: { readonly wave: string; readonly nodes: readonly NodeOutcome[] },
): readonly Told[] {
  const failed = nodes.filter(({ outcome }) => isFailedNode(outcome));
  if (failed.length === 0) return [];
  const left = failed.filter(({ outcome }) => outcome === 'NeedsAttention');
  const ends = [
    ...(failed.length > left.length ? [`${failed.length - left.length} put back`] : []),
    ...(left.length > 0 ? [`${left.length} left to a person`] : []),
  ];
  const count = `${failed.length} of ${counted(nodes.length, 'node')} of ${wave} failed`;
  const head = `Rollout ${plan.rollout}: ${count} (${ends.join(', ')}); it goes on`;
  const details = [...failed.slice(0, NAMED_NODES).map(nodeLine), ...moreThan(failed.length)];
  return tell(plan, {
    cause: 'Trouble',
    general: [head, ...details, ...leftLine(left.map(({ node }) => node))],
    owners: owners.filter(({ waves }) => waves.some((entry) => entry.wave === wave)),
    toOwners: (concerned) => [head, `It concerns workloads of ${namesOf(concerned)}`, ...details],
  });
}

function nodeLine({ node, outcome, reasons }: NodeOutcome): string {
  return `${node} ${outcome}: ${reasons.join('; ')}`;
}

function moreThan(count: number): string[] {
  return count > NAMED_NODES ? [`and ${count - NAMED_NODES} more`] : [];
}

function leftLine(nodes: readonly string[]): string[] {
  if (nodes.length === 0) return [];
  return [
    `For people: ${listed(nodes)}; the annotation ${ATTENTION_ANNOTATION} of the node says why`,
  ];
}

/** Returns what is told when updated nodes are to go back. */
export function backNotices(
  { plan, owners = [] }: PlanResult,
  { reason, nodes }: { readonly reason: string; readonly nodes: readonly string[] },
): readonly Told[] {
  if (nodes.length === 0) return [];
  const gate = gateAt(plan, 'BeforeRollback') ? ', once that is approved' : '';
  const many = nodes.length === 1 ? '1 updated node goes' : `${nodes.length} updated nodes go`;
  const head = `Rollout ${plan.rollout} is taken back: ${many} back to what ran before${gate}`;
  const rest = [
    `Why: ${reason}`,
    `To leave them as they are: \`tidegate stop ${plan.rollout} --as WHO\``,
  ];
  const touched = wavesOf(plan, nodes);
  return tell(plan, {
    cause: 'Trouble',
    general: [head, ...rest],
    owners: onWaves(owners, touched),
    toOwners: (concerned) => [
      head,
      ...eachOwner(concerned, ({ waves }) => {
        const again = waves.filter(({ wave }) => touched.has(wave));
        return `${podWords(again)} once more in ${listed(again.map(({ wave }) => wave))}`;
      }),
      ...rest,
    ],
  });
}

/** Returns what is told when they stay after all, since nodes are tried again first. */
export function stayNotices(
  { plan, owners = [] }: PlanResult,
  nodes: readonly string[],
): readonly Told[] {
  const head = `Rollout ${plan.rollout} is not taken back for now: what has failed is tried again`;
  return tell(plan, {
    cause: 'Trouble',
    general: [head],
    owners: onWaves(owners, wavesOf(plan, nodes)),
    toOwners: (concerned) => [head, `It concerns workloads of ${namesOf(concerned)}`],
  });
}

/** Names of the waves that some nodes ("cluster/node") are in. */
function wavesOf(plan: Plan, nodes: readonly string[]): ReadonlySet<string> {
  const known = new Set(nodes);
  const waves = plan.waves.filter((wave) =>
    wave.nodes.some(({ cluster, node }) => known.has(`${cluster}/${node}`)),
  );
  return new Set(waves.map(({ name }) => name));
}

function onWaves(owners: readonly OwnerImpact[], names: ReadonlySet<string>): OwnerImpact[] {
  return owners.filter(({ waves }) => waves.some(({ wave }) => names.has(wave)));
}

/** Returns what is told to those whose votes count no more. */
export function voidNotices(
  { plan }: PlanResult,
  { votes, why }: { readonly votes: readonly RecordedVote[]; readonly why: string },
): readonly Told[] {
  const people = [...new Set(votes.map(({ by }) => by))];
  if (people.length === 0) return [];
  return tell(plan, {
    cause: 'Void',
    general: [
      `Rollout ${plan.rollout}: the approval of ${listed(people)} does not count any more`,
      `Why: ${why}`,
      `Look at it and vote again: \`tidegate status ${plan.rollout}\` shows what to approve`,
    ],
    people,
  });
}

/** Returns what is told at the end. */
export function endedNotices(
  { plan, owners = [] }: PlanResult,
  outcome: RolloutOutcome,
): readonly Told[] {
  const head = `Rollout ${plan.rollout} has ended as ${outcome.outcome}`;
  const reasons = [
    ...outcome.reasons.slice(0, NAMED_NODES).map((reason) => `Why: ${reason}`),
    ...moreThan(outcome.reasons.length),
  ];
  const tookMs = Date.parse(outcome.finishedAt) - Date.parse(outcome.startedAt);
  const done = wavesOf(
    plan,
    outcome.nodes.map(({ cluster, node }) => `${cluster}/${node}`),
  );
  return tell(plan, {
    cause: 'Ended',
    general: [
      `${head}: ${endWords(plan, outcome)}`,
      ...reasons,
      ...leftLine(outcome.needsAttention),
      `It took ${words(tookMs)}`,
      ...(outcome.outcome === 'Succeeded'
        ? [`Way back: \`tidegate rollback ${plan.rollout} --as WHO\``]
        : []),
    ],
    owners,
    toOwners: (concerned) => [
      `${head}: it disturbs workloads of ${namesOf(concerned)} no more`,
      ...eachOwner(concerned, (owner) => pastWords(owner, done)),
      ...reasons,
    ],
  });
}

/** Returns what is told of what became known after the end. */
export function addedNotices({ plan }: PlanResult, reasons: readonly string[]): readonly Told[] {
  const head = `Rollout ${plan.rollout}, after its end`;
  return tell(plan, { cause: 'Ended', general: [`${head}:`, ...reasons.slice(0, NAMED_NODES)] });
}

/** Returns what is told where somebody ended the workflow from outside. */
export function cancelledNotices({ plan, owners = [] }: PlanResult): readonly Told[] {
  const head = `Rollout ${plan.rollout} was cancelled from Temporal`;
  const rest = ['Nodes in work were put back; updated nodes stay updated'];
  return tell(plan, {
    cause: 'Ended',
    general: [head, ...rest],
    owners,
    toOwners: (concerned) => [
      `${head}: it disturbs workloads of ${namesOf(concerned)} no more`,
      ...rest,
    ],
  });
}

function endWords(plan: Plan, outcome: RolloutOutcome): string {
  const all = nodesOf(plan).length;
  if (outcome.nodes.length === 0) return `none of ${counted(all, 'node')} was touched`;
  const counts = new Map<string, number>();
  for (const entry of outcome.nodes)
    counts.set(entry.outcome, (counts.get(entry.outcome) ?? 0) + 1);
  const said = [...counts].map(([kind, count]) => `${count} ${kind}`);
  const back = outcome.rolledBack.filter((entry) => entry.outcome === 'Updated').length;
  return [
    `of ${counted(all, 'node')} ${said.join(', ')}`,
    ...(back > 0 ? [`${back} taken back afterwards`] : []),
    ...(outcome.untouched.length > 0 ? [`${outcome.untouched.length} not touched`] : []),
  ].join(', ');
}

function pastWords({ waves }: NamedOwner, done: ReadonlySet<string>): string {
  const names = waves.map(({ wave }) => wave);
  const worked = names.filter((name) => done.has(name));
  const rest = names.filter((name) => !done.has(name));
  return [
    ...(worked.length > 0 ? [`${listed(worked)} done`] : []),
    ...(rest.length > 0 ? [`${listed(rest)} not begun`] : []),
  ].join(', ');
}

/** A policy of before tells nobody. */
function tell(plan: Plan, message: Parameters<typeof routed>[1]): readonly Told[] {
  const { notices } = plan.policy.spec;
  return notices ? routed(notices, message) : [];
}
