/** What there is to judge by at a gate, in words; an approval is bound to it. */
import type { NodeOutcome } from '../contract.ts';
import type { RecordedJudgement } from './analysis-types.ts';
import { validationLines } from './judgement-words.ts';
import type { PlanResult } from './plan-types.ts';

/** Lines that a gate shows of nodes; of more than that the inconspicuous ones are only counted. */
const SHOWN_NODES = 40;
/** Judgements that are kept with all that they say; a status has to fit into one answer. */
const WHOLE_JUDGEMENTS = 20;

/** Returns what is said of a plan besides the plan itself; empty where nothing is. */
export function planEvidence(planned: Omit<PlanResult, 'approve'>): readonly string[] {
  const blockers = (planned.drains ?? []).flatMap(({ wave, blockers }) =>
    blockers
      .filter(({ permanent }) => permanent)
      .map(({ node, pod, reason }) => `${wave}, ${node}: ${pod} blocks the drain: ${reason}`),
  );
  return [...validationLines(planned.validations), ...(planned.warnings ?? []), ...blockers];
}

/** Returns what is known of waves with what was found of one of them now. */
export function withJudgement(
  known: readonly RecordedJudgement[],
  found: RecordedJudgement,
): readonly RecordedJudgement[] {
  const others = known.filter(({ wave }) => wave !== found.wave);
  const old = others.length - WHOLE_JUDGEMENTS + 1;
  return [...others.map((entry, index) => (index < old ? inShort(entry) : entry)), found];
}

/** Of a wave long past that was good, the verdict is enough: the ledger has the rest. */
function inShort(judgement: RecordedJudgement): RecordedJudgement {
  if (judgement.verdict !== 'Pass') return judgement;
  const comparison = { ...judgement.comparison, patched: [], control: [], patchedAt: {} };
  return { ...judgement, comparison, indicators: [] };
}

/** Returns what nodes have come to, and what is wrong with them now. */
export function nodeEvidence(
  nodes: readonly NodeOutcome[],
  findings: readonly string[],
): readonly string[] {
  const counts = new Map<string, number>();
  for (const { outcome } of nodes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const total = [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  const striking = nodes.filter((entry) => entry.outcome !== 'Updated');
  const shown = (nodes.length > SHOWN_NODES ? striking : nodes).slice(0, SHOWN_NODES);
  return [
    `nodes so far: ${total || 'none'}`,
    ...(findings.length > 0
      ? findings.map((finding) => `found now: ${finding}`)
      : ['found now: nothing wrong']),
    ...shown.map(nodeLine),
  ];
}

function nodeLine(entry: NodeOutcome): string {
  const { outcome, packages, containersSurvived, containersBefore, podsEvicted, probeMs } = entry;
  const versions = packages.map(({ name, before, after, daemon }) => {
    const runs = daemon === undefined ? '' : ` (runs ${daemon})`;
    return `${name} ${before} -> ${after}${runs}`;
  });
  const facts = [
    ...versions,
    ...(containersBefore > 0 && podsEvicted.length === 0
      ? [`${containersSurvived} of ${containersBefore} containers survived`]
      : []),
    ...(podsEvicted.length > 0 ? [`${podsEvicted.length} pods evicted`] : []),
    ...(probeMs === undefined ? [] : [`probe pod in ${probeMs} ms`]),
    ...entry.reasons,
    ...(entry.notes ?? []),
  ];
  return `${entry.cluster}/${entry.node} ${outcome}: ${facts.join('; ')}`;
}
