/** What there is left to do after a rollout, with the commands to type. */
import { keyOf } from './lifecycle.ts';
import type { NextStep, Report, ReportedGate, ReportedNode, ReportedPlan } from './report-types.ts';

/** Returns a word of a shell line: what somebody has named may hold anything. */
export function shellWord(word: string): string {
  return /^[\w.@%+=:,/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

interface NextFacts {
  readonly rollout: string;
  readonly state: Report['state'];
  readonly plan: ReportedPlan | undefined;
  readonly nodes: readonly ReportedNode[];
  readonly gates: readonly ReportedGate[];
}

/** Returns what is left to do, the most urgent first; empty where nothing is. */
export function nextSteps(facts: NextFacts): readonly NextStep[] {
  const { rollout, state, nodes } = facts;
  return [
    ...attention(nodes),
    ...(state === 'InWork' ? inWork(facts) : []),
    ...(state === 'Rejected' ? rejected(facts) : []),
    ...(state === 'Halted' ? halted(facts) : []),
    ...(state === 'RolledBack' ? rolledBack(rollout) : []),
    ...leftAlone(facts),
    ...excluded(nodes),
  ];
}

function attention(nodes: readonly ReportedNode[]): NextStep[] {
  return nodes
    .filter(({ end }) => end === 'NeedsAttention')
    .map((entry) => {
      const node = shellWord(entry.node);
      return {
        why: `${keyOf(entry)} could not be put back and was left cordoned: repair it, then give it back.`,
        commands: [
          `kubectl describe node ${node}`,
          `kubectl uncordon ${node}`,
          `kubectl taint node ${node} tidegate.dev/quarantine-`,
          `kubectl label node ${node} tidegate.dev/quarantine-`,
          `kubectl annotate node ${node} tidegate.dev/needs-attention-`,
        ],
      };
    });
}

function inWork({ rollout, gates }: NextFacts): NextStep[] {
  const open = gates.find(({ how }) => how === undefined);
  return [
    { why: 'It is still in work.', commands: [`tidegate watch ${shellWord(rollout)}`] },
    ...(open
      ? [
          {
            why: `The gate ${open.id} waits for people who have read its evidence.`,
            commands: [
              `tidegate approve ${shellWord(rollout)} --digest ${shellWord(open.digest)} --as WHO`,
            ],
          },
        ]
      : []),
  ];
}

function rejected({ rollout }: NextFacts): NextStep[] {
  const why = 'Change what the plan was rejected for, look at the new plan, and ask again.';
  return [
    { why, commands: ['tidegate plan ROLLOUT.yaml', `tidegate status ${shellWord(rollout)}`] },
  ];
}

function halted({ nodes, plan }: NextFacts): NextStep[] {
  const updated = nodes.filter(({ end }) => end === 'Updated');
  if (updated.length === 0) return [];
  return [
    {
      why: `The fleet runs two versions: ${updated.length} of ${nodes.length} nodes run ${plan?.bundle.name ?? 'the update'}. Read why it stopped; then go on with the same document, which leaves updated nodes alone, or take them back with one whose direction is Back.`,
      commands: ['tidegate plan ROLLOUT.yaml', 'tidegate start ROLLOUT.yaml'],
    },
  ];
}

function rolledBack(rollout: string): NextStep[] {
  return [
    {
      why: 'Find out why before the same bundle goes out again: the verdicts have the numbers, the steps what was run.',
      commands: [`tidegate ledger export --rollout ${shellWord(rollout)} --kind Step`],
    },
  ];
}

function leftAlone({ nodes, state }: NextFacts): NextStep[] {
  const ends = state === 'InWork' ? [] : (['Skipped', 'Deferred', 'RolledBack'] as const);
  const left = nodes.filter(({ end }) => ends.some((known) => known === end));
  // What goes back as a whole is no list of nodes to try again.
  if (left.length === 0 || state === 'RolledBack') return [];
  return [
    {
      why: `${left.map(keyOf).join(', ')} ${left.length === 1 ? 'does' : 'do'} not run the update. Mend what the reasons name; the same document then plans only what is left.`,
      commands: ['tidegate plan ROLLOUT.yaml', 'tidegate start ROLLOUT.yaml'],
    },
  ];
}

function excluded(nodes: readonly ReportedNode[]): NextStep[] {
  const left = nodes.filter(({ end }) => end === 'Excluded');
  if (left.length === 0) return [];
  const lines = left.map((entry) => `${keyOf(entry)} (${entry.why ?? 'no reason'})`);
  const why = `Left out of the plan: ${lines.join('; ')}. Their CVEs stay open until that is over.`;
  return [{ why, commands: [] }];
}
