/** Each node before and after, what that cost, and the steps it took. */
import type {
  NodeEnd,
  NodeRun,
  Report,
  ReportedNode,
  ReportTone,
} from '../../workflows/domain/report-types.ts';
import { counted } from '../../workflows/domain/report-words.ts';
import { duration } from '../render/time.ts';
import { type Block, badge, type Column, code, type Rich, type Section, time } from './document.ts';
import { number, seconds } from './numbers.ts';

/** Of a larger fleet the steps of inconspicuous nodes are in the JSON alone. */
const MAX_STEPS = 100;

const ENDS: Readonly<Record<NodeEnd, readonly [words: string, tone: ReportTone]>> = {
  Updated: ['Updated', 'Good'],
  AlreadyDone: ['Already done', 'Good'],
  TakenBack: ['Taken back', 'Careful'],
  RolledBack: ['Rolled back', 'Careful'],
  Skipped: ['Skipped', 'Careful'],
  Deferred: ['Deferred', 'Careful'],
  NeedsAttention: ['Needs attention', 'Bad'],
  NotStarted: ['Not started', 'Neutral'],
  InWork: ['In work', 'Neutral'],
  Excluded: ['Left out', 'Neutral'],
};

const COLUMNS: readonly Column[] = [
  ...['Node', 'Wave', 'Ended as', 'Before', 'After'].map((title) => ({ title })),
  { title: 'Seconds', numeric: true },
  { title: 'Containers kept', numeric: true },
  { title: 'Evicted', numeric: true },
  { title: 'Job pods lost', numeric: true },
  { title: 'Probe, ms', numeric: true },
  { title: 'Commands', numeric: true },
];

/** Returns a row for each node, or more where it was worked on more than once. */
export function nodes(report: Report): Section {
  const clusters = new Set(report.nodes.map(({ cluster }) => cluster));
  const nameOf = (node: ReportedNode) =>
    clusters.size > 1 ? `${node.cluster}/${node.node}` : node.node;
  const rows = report.nodes.flatMap((node) => nodeRows(node, nameOf(node)));
  const remarks = report.nodes.flatMap((node) => remarksOf(node, nameOf(node)));
  const blocks: Block[] = [
    {
      kind: 'Table',
      caption:
        'Each node before and after. Daemons run what was installed, by their own word, except where it says so.',
      columns: COLUMNS,
      rows,
    },
    ...(remarks.length > 0 ? [{ kind: 'List', items: remarks } as const] : []),
  ];
  const none: Block[] = [{ kind: 'Text', text: 'No node is recorded.' }];
  return { id: 'nodes', title: 'Nodes', blocks: rows.length > 0 ? blocks : none };
}

function nodeRows(node: ReportedNode, name: string): Rich[][] {
  const [words, tone] = ENDS[node.end];
  if (node.runs.length === 0) {
    return [[name, node.wave || '–', badge(words, tone), ...Array(8).fill('–')]];
  }
  return node.runs.map((run, index) => {
    const last = index === node.runs.length - 1;
    const said = last ? ENDS[node.end] : runEnd(run);
    return runRow({ node, run, name, said: badge(...said) });
  });
}

function runEnd({ outcome, wayBack }: NodeRun): (typeof ENDS)[NodeEnd] {
  if (!outcome) return ENDS.InWork;
  return ENDS[wayBack && outcome.outcome === 'Updated' ? 'TakenBack' : outcome.outcome];
}

function runRow(of: {
  readonly node: ReportedNode;
  readonly run: NodeRun;
  readonly name: string;
  readonly said: Rich;
}): Rich[] {
  const { node, run, name, said } = of;
  const { outcome, wayBack, wave, steps: taken } = run;
  const way = wayBack ? `${wave} (way back)` : wave || node.wave;
  const ran = taken.flatMap(({ commands }) => commands);
  const bad = ran.filter(({ exitCode }) => exitCode !== 0).length;
  const commands = `${ran.length}${bad > 0 ? ` (${bad} failed)` : ''}`;
  if (!outcome) return [name, way, said, ...Array(7).fill('–'), commands];
  const { packages, containersBefore, containersSurvived, podsEvicted, jobPodsLost } = outcome;
  const several = packages.length > 1;
  const versions = (of: (known: (typeof packages)[number]) => string) =>
    packages.map((known) => (several ? `${known.name} ${of(known)}` : of(known))).join(', ') || '–';
  const still = outcome.outcome === 'Skipped' || outcome.outcome === 'AlreadyDone';
  return [
    ...[name, way, said],
    code(versions(({ before }) => before)),
    [code(versions(({ after }) => after)), otherDaemons(packages)],
    seconds(outcome.durationMs),
    still ? '–' : `${containersSurvived} of ${containersBefore}`,
    String(podsEvicted.length),
    String(jobPodsLost.length),
    number(outcome.probeMs),
    commands,
  ];
}

/** The daemon says by itself what it is; where that is what was installed, it need not stand here. */
function otherDaemons(packages: NonNullable<NodeRun['outcome']>['packages']): string {
  const other = packages.filter(({ daemon, after }) => daemon !== undefined && daemon !== after);
  return other.map(({ name, daemon }) => ` (${name} says that it runs ${daemon})`).join('');
}

function remarksOf(node: ReportedNode, name: string): string[] {
  const told = node.runs.flatMap(({ outcome }) => [
    ...(outcome?.reasons ?? []),
    ...(outcome?.notes ?? []).map((note) => `note: ${note}`),
    ...Object.entries(outcome?.alreadyFailing ?? {}).map(([check, found]) => {
      return `failed before the update already: ${check}: ${found.join('; ')}`;
    }),
  ]);
  return [...new Set([...(node.why ? [node.why] : []), ...told])].map((text) => `${name}: ${text}`);
}

/** Returns what the rollout cost, beside what its plan said. */
export function disruption({ disruption: cost, commands }: Report): Section {
  const { nodesTouched, podsEvicted, plannedEvictions, jobPodsLost, owners } = cost;
  const planned = plannedEvictions === undefined ? '' : ` (the plan said ${plannedEvictions})`;
  const items: [string, Rich][] = [
    ['Nodes disturbed', String(nodesTouched)],
    ['Pods evicted', `${podsEvicted}${planned}`],
    ['Job pods lost', String(jobPodsLost)],
    [
      'Containers kept',
      cost.containersBefore > 0
        ? `${cost.containersSurvived} of ${cost.containersBefore}, on nodes that were not drained`
        : 'none had to be',
    ],
    ['Reboots', String(cost.reboots)],
    ['Cordoned', `${duration(cost.cordonedMs)}, summed over all nodes`],
    ['Stopped by people', counted(commands.length, 'command')],
  ];
  const rows = owners.flatMap(({ owner, workloads, count, waves }) =>
    waves.map(({ wave, evicted, waitedFor, blocked, restarted }) => [
      owner ?? 'names no owner',
      `${workloads.join(', ')}${count > workloads.length ? ` and ${count - workloads.length} more` : ''}`,
      wave,
      ...[evicted, waitedFor, blocked, restarted].map(String),
    ]),
  );
  const byOwner: Block = {
    kind: 'Table',
    caption: 'What the plan expected, by owner of the workloads (pods)',
    columns: [
      ...['Owner', 'Workloads', 'Wave'].map((title) => ({ title })),
      ...['Evicted', 'Waited for', 'Blocked', 'Restarted'].map((title) => {
        return { title, numeric: true } as const;
      }),
    ],
    rows,
  };
  const blocks: Block[] = [{ kind: 'Facts', items }, ...(rows.length > 0 ? [byOwner] : [])];
  return { id: 'disruption', title: 'Disruption', blocks };
}

/** Returns every step of every node, and above them the commands that failed. */
export function steps(report: Report): Section[] {
  const worked = report.nodes.filter(({ runs }) => runs.some((run) => run.steps.length > 0));
  if (worked.length === 0) return [];
  const odd = worked.filter(
    ({ end, runs }) =>
      end !== 'Updated' || runs.some((run) => run.steps.some((step) => step.ended !== 'Completed')),
  );
  const shown = worked.length > MAX_STEPS ? odd.slice(0, MAX_STEPS) : worked;
  const ran = worked.reduce((sum, node) => sum + node.commandsRun, 0);
  const failed = worked.flatMap((node) =>
    node.commandsFailed.map((known) => [
      `${node.cluster}/${node.node}`,
      known.activity,
      code(known.command),
      known.exitCode === undefined ? 'none' : String(known.exitCode),
      seconds(known.durationMs),
    ]),
  );
  const summary = `${counted(ran, 'command')} ran on ${counted(worked.length, 'host')}, ${failed.length} of them ended with another exit code than 0.`;
  const blocks: Block[] = [
    { kind: 'Text', text: summary },
    ...(failed.length > 0
      ? [
          {
            kind: 'Table',
            caption: 'Commands that ended with another exit code than 0',
            columns: [
              ...['Node', 'Step', 'Command'].map((title) => ({ title })),
              { title: 'Exit code', numeric: true },
              { title: 'Seconds', numeric: true },
            ],
            rows: failed,
          } as const,
        ]
      : []),
    ...shown.map(nodeSteps),
    ...(shown.length < worked.length
      ? [
          {
            kind: 'Text',
            text: `The steps of ${worked.length - shown.length} more nodes are in the JSON (--output json).`,
          } as const,
        ]
      : []),
  ];
  return [{ id: 'steps', title: 'Steps and commands', blocks }];
}

function nodeSteps(node: ReportedNode): Block {
  const taken = node.runs.flatMap((run) => run.steps);
  const name = `${node.cluster}/${node.node}`;
  const left = taken.reduce((sum, { leftOut = 0 }) => sum + leftOut, 0);
  const rows = taken.map((step): Rich[] => [
    step.activity,
    time(step.at),
    step.ended === 'Completed' ? 'Completed' : badge(step.ended, 'Careful'),
    String(step.attempt),
    seconds(step.durationMs),
    step.commands
      .map(({ command, exitCode, times }) => {
        const often = times === undefined ? '' : `, ${times} times`;
        return `${command} (${exitCode ?? 'no exit code'}${often})`;
      })
      .join('; ') || '–',
    step.changes.join('; ') || '–',
  ]);
  return {
    kind: 'Fold',
    summary: `${name}: ${counted(taken.length, 'step')}, ${counted(node.commandsRun, 'command')}`,
    blocks: [
      {
        kind: 'Table',
        caption: `Steps on ${name}`,
        columns: [
          ...['Step', 'Ended at', 'How'].map((title) => ({ title })),
          { title: 'Attempt', numeric: true },
          { title: 'Seconds', numeric: true },
          ...['Commands on the host (exit code)', 'Changes in the cluster'].map((title) => {
            return { title };
          }),
        ],
        rows,
      },
      ...(left > 0
        ? [{ kind: 'Text', text: `${left} more commands or changes are not listed.` } as const]
        : []),
    ],
  };
}
