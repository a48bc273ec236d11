/** Follows each node through a rollout: when it was worked on, by which steps, and how it stands. */
import { keyOf } from './lifecycle.ts';
import { type KnownEntry, ofKind } from './report-entries.ts';
import type {
  DisruptionCount,
  NodeEnd,
  NodeRun,
  ReportedNode,
  ReportedPlan,
} from './report-types.ts';

/** Phases in which a node takes no new pods. */
const CORDONED = [
  ...(['Cordoning', 'Draining', 'Applying', 'Rebooting'] as const),
  ...(['Verifying', 'Uncordoning', 'Unwinding'] as const),
];

/** Returns every plan, with whether it is the way back of this rollout. */
export function plansOf(entries: readonly KnownEntry[]): readonly ReportedPlan[] {
  const planned = ofKind(entries, 'Planned');
  const direction = planned[0]?.body.direction;
  return planned.map(({ at, body }) => ({ ...body, at, wayBack: body.direction !== direction }));
}

/** Returns the plan that a rollout went by: the last one before its way back. */
export function planFollowed(plans: readonly ReportedPlan[]): ReportedPlan | undefined {
  return plans.findLast(({ wayBack }) => !wayBack);
}

/** Returns every node of the plan in its order, those that it leaves alone at the end. */
export function nodesOf(
  entries: readonly KnownEntry[],
  plans: readonly ReportedPlan[],
): readonly ReportedNode[] {
  const plan = planFollowed(plans);
  const keys = new Map<string, string>();
  for (const wave of plan?.waves ?? []) {
    for (const node of wave.nodes) keys.set(qualified(node, wave.cluster), wave.name);
  }
  const away = new Map(
    [...(plan?.alreadyDone ?? []), ...(plan?.excluded ?? [])].map((left) => [keyOf(left), left]),
  );
  for (const key of away.keys()) keys.set(key, keys.get(key) ?? '');
  for (const { body } of ofKind(entries, 'Node')) {
    if (!keys.has(keyOf(body))) keys.set(keyOf(body), body.wave);
  }
  const done = new Set(plan?.alreadyDone.map(keyOf));
  return [...keys].map(([key, wave]) => {
    const runs = runsOfNode(key, entries, plans);
    const left = away.get(key);
    const rest = left ? (done.has(key) ? 'AlreadyDone' : 'Excluded') : 'NotStarted';
    const commands = runs.flatMap(({ steps }) =>
      steps.flatMap(({ activity, commands: own }) => own.map((entry) => ({ ...entry, activity }))),
    );
    return {
      ...{
        ...named(key),
        wave,
        runs,
        commandsRun: commands.reduce((sum, { times = 1 }) => sum + times, 0),
      },
      end: endOf(runs, rest),
      commandsFailed: commands.filter(({ exitCode }) => exitCode !== 0),
      ...(left ? { why: left.reason } : {}),
    };
  });
}

/** A wave names its nodes with or without their cluster. */
function qualified(node: string, cluster: string): string {
  return node.includes('/') ? node : `${cluster}/${node}`;
}

function named(key: string): { cluster: string; node: string } {
  const slash = key.indexOf('/');
  return { cluster: key.slice(0, slash), node: key.slice(slash + 1) };
}

/** A step belongs to the run that ended next; what comes after the last end is in work. */
function runsOfNode(
  key: string,
  entries: readonly KnownEntry[],
  plans: readonly ReportedPlan[],
): readonly NodeRun[] {
  const runs: NodeRun[] = [];
  let steps: NodeRun['steps'][number][] = [];
  for (const entry of entries) {
    if (entry.kind === 'Step' && entry.subject === key) {
      steps.push({ ...entry.body, at: entry.at });
    }
    if (entry.kind !== 'Node' || keyOf(entry.body) !== key) continue;
    const { wave, direction, ...outcome } = entry.body;
    const wayBack = plans.length > 0 && direction !== plans[0]?.direction;
    const { startedAt, endedAt } = spanOf(steps, entry.at, outcome.durationMs);
    runs.push({ direction, wayBack, wave, startedAt, endedAt, outcome, steps });
    steps = [];
  }
  const [first] = steps;
  // What tidies up behind an outcome is no work of its own.
  if (!first || steps.every(({ activity }) => TIDYING.has(activity))) {
    const last = runs.pop();
    return last ? [...runs, { ...last, steps: [...last.steps, ...steps] }] : [];
  }
  const startedAt = before(first.at, first.durationMs);
  const plan = plans.findLast((known) => Date.parse(known.at) <= Date.parse(startedAt));
  const direction = plan?.direction ?? 'Forward';
  return [...runs, { direction, wayBack: plan?.wayBack ?? false, wave: '', startedAt, steps }];
}

const TIDYING: ReadonlySet<string> = new Set(['unstage', 'clearProbe', 'release', 'unsilence']);

/**
 * A wave tells of its nodes when it ends as a whole: when a node ended its last step says. Steps are told
 * of when they end.
 */
function spanOf(
  steps: NodeRun['steps'],
  toldAt: string,
  durationMs: number,
): { readonly startedAt: string; readonly endedAt: string } {
  const [first] = steps;
  const last = steps.findLast(({ activity }) => !TIDYING.has(activity)) ?? steps.at(-1);
  if (!first || !last) return { startedAt: before(toldAt, durationMs), endedAt: toldAt };
  return { startedAt: before(first.at, first.durationMs), endedAt: last.at };
}

function before(at: string, ms: number): string {
  return new Date(Date.parse(at) - ms).toISOString();
}

function endOf(runs: readonly NodeRun[], rest: NodeEnd): NodeEnd {
  const last = runs.at(-1);
  if (!last) return rest;
  if (!last.outcome) return 'InWork';
  const { outcome } = last.outcome;
  if (!last.wayBack) return outcome;
  if (outcome === 'Updated' || outcome === 'AlreadyDone') return 'TakenBack';
  // Whatever kept it from going back, it runs the update.
  return outcome === 'NeedsAttention' ? outcome : 'Updated';
}

/** Tells whether a node runs the update. */
export function isPatched({ end }: ReportedNode): boolean {
  return end === 'Updated' || end === 'AlreadyDone';
}

/** Tells whether a node was changed, whatever became of it. */
export function wasTouched({ runs }: ReportedNode): boolean {
  return runs.some(({ outcome }) => outcome !== undefined && !UNTOUCHED.has(outcome.outcome));
}

/** Counts what the rollout cost, there and back. */
export function disruptionOf(
  nodes: readonly ReportedNode[],
  plan: ReportedPlan | undefined,
): DisruptionCount {
  const outcomes = nodes.flatMap(({ runs }) => runs.flatMap(({ outcome }) => outcome ?? []));
  const touched = outcomes.filter(({ outcome }) => !UNTOUCHED.has(outcome));
  const sum = (of: (outcome: (typeof outcomes)[number]) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const kept = touched.filter(({ podsEvicted }) => podsEvicted.length === 0);
  const owners = plan?.owners ?? [];
  const evictions = owners.flatMap(({ waves }) => waves.map(({ evicted }) => evicted));
  return {
    nodesTouched: nodes.filter(wasTouched).length,
    podsEvicted: sum(({ podsEvicted }) => podsEvicted.length),
    jobPodsLost: sum(({ jobPodsLost }) => jobPodsLost.length),
    containersBefore: kept.reduce((total, { containersBefore }) => total + containersBefore, 0),
    containersSurvived: kept.reduce((total, entry) => total + entry.containersSurvived, 0),
    reboots: outcomes.filter(({ phasesMs }) => phasesMs.Rebooting !== undefined).length,
    cordonedMs: sum(({ phasesMs }) =>
      phasesMs.Cordoning === undefined
        ? 0
        : CORDONED.reduce((total, phase) => total + (phasesMs[phase] ?? 0), 0),
    ),
    owners,
    ...(owners.length > 0
      ? { plannedEvictions: evictions.reduce((total, count) => total + count, 0) }
      : {}),
  };
}

const UNTOUCHED: ReadonlySet<string> = new Set(['AlreadyDone', 'Skipped', 'Deferred']);
