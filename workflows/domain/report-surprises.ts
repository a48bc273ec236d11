/** Finds what went otherwise than a reader of the plan would expect. */
import { keyOf } from './lifecycle.ts';
import { type KnownEntry, ofKind } from './report-entries.ts';
import { isPatched } from './report-nodes.ts';
import type { Fix, ReportedGate, ReportedNode, ReportedPlan, Surprise } from './report-types.ts';
import { counted } from './report-words.ts';

interface SurpriseFacts {
  readonly entries: readonly KnownEntry[];
  readonly plans: readonly ReportedPlan[];
  readonly nodes: readonly ReportedNode[];
  readonly gates: readonly ReportedGate[];
  readonly strayRefusals: readonly { readonly by: string; readonly reason: string }[];
  /** Evictions as planned, and as they were. */
  readonly evictions: { readonly planned?: number; readonly actual: number };
  readonly ended: boolean;
}

/** Returns all surprises: those of nodes first, in the order of the plan. */
export function surprisesOf(facts: SurpriseFacts): readonly Surprise[] {
  return [
    ...facts.nodes.flatMap(ofNode),
    ...sameNotes(facts.nodes),
    ...ofVerdicts(facts.entries),
    ...ofGates(facts),
    ...ofPlans(facts),
    ...ofCommands(facts.entries),
  ];
}

function ofNode(node: ReportedNode): Surprise[] {
  const subject = keyOf(node);
  const steps = node.runs.flatMap((run) => run.steps);
  const retried = steps.filter(({ attempt }) => attempt > 1);
  const last = new Map(retried.map((step) => [step.activity, step.attempt]));
  const failed = steps.filter(({ ended }) => ended === 'Failed');
  const outcomes = node.runs.flatMap(({ outcome }) => outcome ?? []);
  return [
    ...failed.map(
      ({ activity, attempt, failureType, message }): Surprise => ({
        kind: 'FailedStep',
        subject,
        text: `${activity} failed${attempt > 1 ? ` in attempt ${attempt}` : ''}: ${[failureType, message].filter(Boolean).join(': ') || 'no reason is recorded'}`,
      }),
    ),
    ...[...last].map(
      ([activity, attempt]): Surprise => ({
        kind: 'Retry',
        subject,
        text: `${activity} took ${attempt} attempts`,
      }),
    ),
    ...outcomes
      .filter(({ outcome }) => outcome === 'RolledBack' || outcome === 'NeedsAttention')
      .map(
        ({ outcome, reasons }): Surprise => ({
          kind: 'Undone',
          subject,
          text: `${outcome === 'RolledBack' ? 'was put back' : 'needs attention'}: ${reasons.join('; ') || 'no reason is recorded'}`,
        }),
      ),
    ...leftOut(node, subject),
  ];
}

function leftOut(node: ReportedNode, subject: string): Surprise[] {
  const { end, why, runs } = node;
  if (end === 'Excluded')
    return [{ kind: 'LeftOut', subject, text: why ?? 'left out of the plan' }];
  if (end !== 'Skipped' && end !== 'Deferred') return [];
  const reasons = runs.at(-1)?.outcome?.reasons.join('; ') || 'no reason is recorded';
  return [{ kind: 'LeftOut', subject, text: `${end}: ${reasons}` }];
}

/** The same note on several nodes stands here once. */
function sameNotes(nodes: readonly ReportedNode[]): Surprise[] {
  const nodesOf = new Map<string, string[]>();
  for (const node of nodes) {
    for (const note of node.runs.flatMap(({ outcome }) => outcome?.notes ?? [])) {
      nodesOf.set(note, [...new Set([...(nodesOf.get(note) ?? []), keyOf(node)])]);
    }
  }
  return [...nodesOf].map(([text, keys]) => ({ kind: 'Note', subject: keys.join(', '), text }));
}

function ofVerdicts(entries: readonly KnownEntry[]): Surprise[] {
  return ofKind(entries, 'Verdict')
    .filter(({ body }) => body.verdict !== 'Pass')
    .map(({ body }) => ({
      kind: 'Verdict',
      subject: body.wave,
      text: `${body.verdict}${body.extensions > 0 ? ` after ${counted(body.extensions, 'extension')} of the soak` : ''}: ${body.reason}`,
    }));
}

function ofGates({ gates, strayRefusals }: SurpriseFacts): Surprise[] {
  return [
    ...gates.flatMap(({ id, votes, refused, how }): Surprise[] => [
      ...refused.map(({ by, reason }): Surprise => {
        return { kind: 'Vote', subject: id, text: `a vote by ${by} was refused: ${reason}` };
      }),
      ...votes.flatMap((vote): Surprise[] =>
        vote.void === undefined
          ? []
          : [
              {
                kind: 'Vote',
                subject: id,
                text: `the vote of ${vote.by} became void: ${vote.void}`,
              },
            ],
      ),
      ...(how === 'Replaced'
        ? [{ kind: 'Vote', subject: id, text: 'its evidence changed while it was open' } as const]
        : []),
    ]),
    ...strayRefusals.map(({ by, reason }): Surprise => {
      return { kind: 'Vote', subject: '', text: `a vote by ${by} was refused: ${reason}` };
    }),
  ];
}

function ofPlans({ plans, nodes, evictions, ended }: SurpriseFacts): Surprise[] {
  const forward = plans.filter(({ wayBack }) => !wayBack);
  const never = ended ? nodes.filter(({ end }) => end === 'NotStarted').map(keyOf) : [];
  const back = nodes.filter(({ end }) => end === 'TakenBack').map(keyOf);
  const { planned, actual } = evictions;
  const odd: string[] = [
    ...(forward.length > 1 ? [`the plan was made ${forward.length} times`] : []),
    ...(back.length > 0 ? [`taken back: ${back.join(', ')}`] : []),
    ...(never.length > 0 ? [`never started: ${never.join(', ')}`] : []),
    ...(planned !== undefined && planned !== actual
      ? [`${counted(actual, 'pod')} evicted, the plan said ${planned}`]
      : []),
  ];
  return odd.map((text) => ({ kind: 'OtherThanPlanned', subject: '', text }));
}

function ofCommands(entries: readonly KnownEntry[]): Surprise[] {
  return ofKind(entries, 'Command').map(({ actor, body }) => ({
    kind: 'Interruption',
    subject: '',
    text: `${actor ?? 'somebody'} said ${body.command}${body.reason ? `: ${body.reason}` : ''}`,
  }));
}

/** Returns what the bundle closes, and where it is not closed. */
export function fixesOf(
  plan: ReportedPlan | undefined,
  nodes: readonly ReportedNode[],
): readonly Fix[] {
  // A plan that goes back opens again what the bundle closes.
  if (plan?.direction === 'Back') return [];
  const closedOn = nodes.filter(isPatched).map(keyOf);
  const openOn = nodes.filter((node) => !isPatched(node)).map(keyOf);
  return (plan?.bundle.fixes ?? []).map((id) => ({ id, closedOn, openOn }));
}

/** Returns what the ledger should hold of a run and does not, in words. */
export function missingOf(args: {
  readonly entries: readonly KnownEntry[];
  readonly nodes: readonly ReportedNode[];
  readonly gates: readonly ReportedGate[];
  readonly damaged: number;
  readonly rollout: string;
  readonly run: string;
}): readonly string[] {
  const { entries, nodes, gates, damaged } = args;
  const has = (kind: KnownEntry['kind']) => entries.some((entry) => entry.kind === kind);
  const ended = has('Outcome');
  const last = entries.at(-1);
  const silent = nodes.filter(({ end }) => end === 'InWork').map(keyOf);
  const open = gates.filter(({ how }) => how === undefined).map(({ id }) => id);
  const holes = numberGaps(args);
  return [
    ...(has('Requested') ? [] : ['the request is not recorded']),
    ...(has('Planned') ? [] : ['no plan is recorded']),
    ...(ended || !last
      ? []
      : [
          `no end is recorded: this is what was known at ${last.at.slice(0, 19).replace('T', ' ')} UTC, while it was in work`,
        ]),
    ...(ended && silent.length > 0
      ? [`what became of ${silent.join(', ')} is not recorded, though steps on it are`]
      : []),
    ...(ended && open.length > 0 ? [`how the gate ${open.join(', ')} closed is not recorded`] : []),
    ...(holes.length > 0 ? [`entries are missing between ${holes.join(', and between ')}`] : []),
    ...(damaged > 0
      ? [`${damaged} ${damaged === 1 ? 'entry that can' : 'entries that can'} not be read left out`]
      : []),
  ];
}

/** Entries of the rollout itself are numbered without gaps. */
function numberGaps(args: {
  readonly entries: readonly KnownEntry[];
  readonly rollout: string;
  readonly run: string;
}): string[] {
  const prefix = `rollout/${args.rollout}/${args.run}/`;
  const numbers = args.entries
    .filter(({ id }) => id.startsWith(prefix) && /^\d+$/.test(id.slice(prefix.length)))
    .map(({ id }) => Number(id.slice(prefix.length)))
    .sort((a, b) => a - b);
  return numbers.flatMap((number, index) => {
    const before = numbers[index - 1];
    return before === undefined || number <= before + 1 ? [] : [`${prefix}${before} and ${number}`];
  });
}
