/** Shows how a rollout ended: what every node ran before and after, and what it cost. */
import type { NodeOutcome, RolloutOutcome, RolloutStatus } from '../../workflows/contract.ts';
import { renderJudgements } from './evidence.ts';
import { alignedTable, counted, indent, type Look, paint, type Row, toneOf } from './look.ts';
import { duration } from './time.ts';

const HEADER = [
  'NODE',
  'BEFORE',
  'AFTER',
  'DAEMON',
  'SECONDS',
  'CONTAINERS',
  'EVICTED',
  'JOB PODS LOST',
  'OUTCOME',
];

/** Returns the outcome with a table of its nodes; the demo prints it as well. */
export function renderOutcome(
  outcome: RolloutOutcome,
  look: Look,
  judgements?: RolloutStatus['judgements'],
): string {
  const { nodes, rolledBack, untouched, needsAttention, reasons } = outcome;
  const took = duration(Date.parse(outcome.finishedAt) - Date.parse(outcome.startedAt));
  const word = paint(outcome.outcome, toneOf(outcome.outcome), look);
  const clusters = new Set([...nodes, ...rolledBack].map((entry) => entry.cluster));
  const nameOf = (entry: NodeOutcome) =>
    clusters.size > 1 ? `${entry.cluster}/${entry.node}` : entry.node;
  const rowsOf = (entries: readonly NodeOutcome[]) =>
    entries.flatMap((entry) => nodeRows(entry, nameOf(entry)));
  return [
    [`Rollout ${outcome.rollout}: ${word} in ${took}`, ...reasons.map((why) => indent(why))].join(
      '\n',
    ),
    ...(nodes.length > 0 ? [alignedTable(HEADER, rowsOf(nodes), look)] : []),
    ...(rolledBack.length > 0
      ? [`Taken back:\n${alignedTable(HEADER, rowsOf(rolledBack.map(asReturned)), look)}`]
      : []),
    ...renderJudgements(judgements, look),
    ...remarks(outcome, nameOf),
    ...notes(outcome, nameOf),
    ...(untouched.length > 0 ? [`Never touched: ${untouched.join(', ')}`] : []),
    ...(needsAttention.length > 0 ? [attention(needsAttention, look)] : []),
    totals(outcome),
  ].join('\n\n');
}

/** In an inverted plan "Updated" means that the node runs again what it ran before. */
function asReturned(entry: NodeOutcome): NodeOutcome & { label?: string } {
  return entry.outcome === 'Updated' ? { ...entry, label: 'Back' } : entry;
}

function nodeRows(entry: NodeOutcome & { label?: string }, name: string): Row[] {
  const several = entry.packages.length > 1;
  const label = entry.label ?? entry.outcome;
  return entry.packages.map((known, index) => {
    const prefix = several ? `${known.name} ` : '';
    const versions = [`${prefix}${known.before}`, known.after, known.daemon ?? '-'];
    if (index > 0) return ['', ...versions, '', '', '', '', ''];
    return [
      name,
      ...versions,
      (entry.durationMs / 1000).toFixed(1),
      survived(entry),
      String(entry.podsEvicted.length),
      String(entry.jobPodsLost.length),
      { text: label, tone: toneOf(label) },
    ];
  });
}

/** A node that was left alone has no containers to compare. */
function survived(entry: NodeOutcome): string {
  if (entry.outcome === 'Skipped' || entry.outcome === 'AlreadyDone') return '-';
  return `${entry.containersSurvived}/${entry.containersBefore}`;
}

/** What nodes say, except for what stands among the rollout's reasons already. */
function remarks(outcome: RolloutOutcome, nameOf: (entry: NodeOutcome) => string): string[] {
  const lines = [...outcome.nodes, ...outcome.rolledBack].flatMap((entry) =>
    entry.reasons
      .filter((reason) => !outcome.reasons.some((known) => known.includes(reason)))
      .map((reason) => `${nameOf(entry)}: ${reason}`),
  );
  return lines.length > 0 ? [lines.join('\n')] : [];
}

/** What was met on the way; the same on several nodes stands here once. */
function notes(outcome: RolloutOutcome, nameOf: (entry: NodeOutcome) => string): string[] {
  const nodesOf = new Map<string, string[]>();
  for (const entry of [...outcome.nodes, ...outcome.rolledBack]) {
    for (const note of entry.notes ?? []) {
      nodesOf.set(note, [...new Set([...(nodesOf.get(note) ?? []), nameOf(entry)])]);
    }
  }
  const lines = [...nodesOf].map(([note, names]) => `  ${names.join(', ')}: ${note}`);
  return lines.length > 0 ? [`Met on the way:\n${lines.join('\n')}`] : [];
}

/** Returns what a person must do about nodes that no undo could put back. */
export function attention(nodes: readonly string[], look: Look): string {
  const names = nodes.map((entry) => entry.split('/').at(-1) ?? entry);
  const first = names[0] ?? 'NODE';
  const lines = [
    `Needs attention: ${nodes.join(', ')} (left cordoned)`,
    `  kubectl describe node ${first}    the annotation tidegate.dev/needs-attention says why`,
    `  kubectl uncordon ${first}         once it is repaired, and then`,
    `  kubectl taint node ${first} tidegate.dev/quarantine-`,
    `  kubectl label node ${first} tidegate.dev/quarantine-`,
    `  kubectl annotate node ${first} tidegate.dev/needs-attention-`,
  ];
  return paint(lines.join('\n'), 'red', look);
}

function totals({ nodes, rolledBack }: RolloutOutcome): string {
  const all = [...nodes, ...rolledBack];
  const sum = (of: (entry: NodeOutcome) => number) =>
    all.reduce((total, entry) => total + of(entry), 0);
  const updated = nodes.filter((entry) => entry.outcome === 'Updated').length;
  const back = rolledBack.filter((entry) => entry.outcome === 'Updated').length;
  return [
    `${counted(updated, 'node')} updated${back > 0 ? `, ${back} of them taken back` : ''}`,
    `${counted(
      sum((entry) => entry.podsEvicted.length),
      'pod',
    )} evicted`,
    `${counted(
      sum((entry) => entry.jobPodsLost.length),
      'Job pod',
    )} lost`,
  ].join(', ');
}
