/** Tells what happened, in the order in which it did. */
import type { RolloutPhase } from '../contract.ts';
import { isFailedNode, keyOf } from './lifecycle.ts';
import type { KnownEntry } from './report-entries.ts';
import type { Moment, ReportedNode, ReportTone, TimelineItem } from './report-types.ts';
import { counted, nodeWords } from './report-words.ts';

/** Of a larger fleet the inconspicuous nodes are told with their wave. */
const MAX_NODES = 60;

/** Phases of which something else tells already. */
const TOLD_ELSEWHERE: ReadonlySet<RolloutPhase> = new Set([
  ...(['Planning', 'AwaitingApproval', 'Succeeded', 'RolledBack', 'Halted', 'Rejected'] as const),
]);

/** Returns everything but measurements and single steps, oldest first. */
export function timelineOf(
  entries: readonly KnownEntry[],
  nodes: readonly ReportedNode[],
): readonly TimelineItem[] {
  const ends = nodes.flatMap(nodeItems);
  const shown =
    ends.length > MAX_NODES
      ? ends.filter(({ tone }) => tone === 'Bad' || tone === 'Careful')
      : ends;
  const items: TimelineItem[] = [...shown];
  let told = '';
  for (const entry of entries) {
    // A phase is told again whenever what it waits for changes, such as how much is left of it.
    const words = entry.kind === 'Phase' ? phaseWords(entry.body) : '';
    if (words !== '' && words === told) continue;
    if (words !== '') told = words;
    const item = itemOf(entry);
    if (item) items.push({ at: entry.at, ...item });
  }
  return items.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function phaseWords({ phase, waitingFor }: Body<'Phase'>): string {
  return `${phase} ${waitingFor.replace(/\d+/g, '#')}`;
}

function nodeItems(node: ReportedNode): TimelineItem[] {
  return node.runs.flatMap(({ outcome, endedAt, wave, wayBack }): TimelineItem[] => {
    if (!outcome || !endedAt) return [];
    const text = nodeWords({ ...outcome, wave, wayBack });
    return [{ at: endedAt, kind: 'Node', text, tone: nodeTone(outcome.outcome) }];
  });
}

type Item = Omit<TimelineItem, 'at'>;

function itemOf(entry: KnownEntry): Item | undefined {
  const by = entry.actor === undefined ? {} : { by: entry.actor };
  switch (entry.kind) {
    case 'Requested':
      return { kind: 'Request', text: 'asked for the rollout', tone: 'Neutral', ...by };
    case 'Planned':
      return planned(entry.body);
    case 'Phase':
      return phaseItem(entry.body);
    case 'GateOpened': {
      const { id, rules, evidence } = entry.body;
      const asks = `asks for ${rules.quorum} ${rules.quorum === 1 ? 'approval' : 'approvals'}`;
      const shows = counted(evidence.length, 'line');
      const text = `${id} opened: ${asks}, with ${shows} of evidence`;
      return { kind: 'Gate', text, tone: 'Neutral' };
    }
    case 'GateClosed':
      return gateClosed(entry.body);
    case 'Vote':
      return vote(entry.body);
    case 'VoteRefused':
      return {
        ...{ kind: 'Vote', by: entry.body.by, tone: 'Careful' },
        text: `refused${entry.body.gate ? ` at ${entry.body.gate}` : ''}: ${entry.body.reason}`,
      };
    case 'VoteVoid': {
      const text = `does not count any more: ${entry.body.why}`;
      return { kind: 'Vote', by: entry.body.by, text, tone: 'Careful' };
    }
    case 'Command':
      return command(entry.body, by);
    case 'Verdict': {
      const { wave, verdict, reason } = entry.body;
      const tone = verdict === 'Pass' ? 'Good' : verdict === 'Fail' ? 'Bad' : 'Careful';
      return { kind: 'Verdict', text: `${wave}: ${verdict}, ${reason}`, tone };
    }
    case 'WaveEnded': {
      const { wave, state, reason, notStarted } = entry.body;
      const left = notStarted.length > 0 ? `, not started: ${notStarted.join(', ')}` : '';
      const text = `${wave} ended as ${state}${reason ? `: ${reason}` : ''}${left}`;
      const bad = state === 'Failed' || state === 'Stopped';
      return { kind: 'Wave', text, tone: bad ? 'Bad' : 'Neutral' };
    }
    case 'Outcome': {
      const { outcome, reasons, ended } = entry.body;
      const how = ended ? `${outcome} (the workflow ${ended.toLowerCase()})` : outcome;
      const text = `ended as ${how}${reasons[0] ? `: ${reasons[0]}` : ''}`;
      return { kind: 'End', text, tone: outcome === 'Succeeded' ? 'Good' : 'Bad' };
    }
    case 'Node':
    case 'Measured':
    case 'Step':
    case 'Validation':
      return undefined;
  }
}

type Body<K extends KnownEntry['kind']> = Extract<KnownEntry, { readonly kind: K }>['body'];

function planned({ direction, waves, digest, warnings }: Body<'Planned'>): Item {
  const nodes = waves.reduce((sum, wave) => sum + wave.nodes.length, 0);
  const careful = warnings.length > 0 ? `, ${counted(warnings.length, 'warning')}` : '';
  const size = `${counted(nodes, 'node')} in ${counted(waves.length, 'wave')}`;
  const text = `for ${size}${direction === 'Back' ? ', back' : ''}: ${short(digest)}${careful}`;
  return { kind: 'Plan', text, tone: 'Neutral' };
}

function phaseItem({ phase, waitingFor }: Body<'Phase'>): Item | undefined {
  if (TOLD_ELSEWHERE.has(phase)) return undefined;
  const text = waitingFor ? `${phase}: waits for ${waitingFor}` : phase;
  return { kind: 'Phase', text, tone: phase === 'RollingBack' ? 'Careful' : 'Neutral' };
}

function gateClosed({ id, how, reason, approvedBy }: Body<'GateClosed'>): Item {
  const by = approvedBy.length > 0 ? `, approved by ${approvedBy.join(', ')}` : '';
  const text = `${id} ${how === 'Passed' ? 'passed' : `ended as ${how}`}${by}${
    reason ? `: ${reason}` : ''
  }`;
  return { kind: 'Gate', text, tone: how === 'Passed' ? 'Good' : 'Careful' };
}

function vote({ by, decision, gate, digest, identity, signedBy, reason, via }: Body<'Vote'>): Item {
  const verb = decision === 'Approve' ? 'approved' : 'rejected';
  const what = [gate, digest && short(digest)].filter(Boolean).join(', ');
  const known = identity === 'Attested' ? `attested, signed by ${signedBy ?? by}` : 'asserted';
  const text = `${verb}${what ? ` ${what}` : ''} (${known}${via ? `, via ${via}` : ''})${
    reason ? `: ${reason}` : ''
  }`;
  return { kind: 'Vote', by, text, tone: decision === 'Approve' ? 'Good' : 'Careful' };
}

function command(body: Body<'Command'>, by: { readonly by?: string }): Item {
  const { command: name, details = {}, reason, via, answer } = body;
  const said = Object.entries(details).map(([key, value]) => `${key} ${value}`);
  const how = [...said, ...(via ? [`via ${via}`] : [])].join(', ');
  const text = `${name}${how ? ` (${how})` : ''}${reason ? `: ${reason}` : ''}; answer: ${answer}`;
  return { kind: 'Command', text, tone: 'Careful', ...by };
}

function nodeTone(outcome: string): ReportTone {
  if (outcome === 'Updated' || outcome === 'AlreadyDone') return 'Good';
  return outcome === 'NeedsAttention' ? 'Bad' : 'Careful';
}

/** Enough of a digest to tell it from others. */
export function short(digest: string): string {
  return /^sha256:[0-9a-f]{64}$/.test(digest) ? `${digest.slice(0, 19)}…` : digest;
}

/** Returns what charts mark: nodes that changed, verdicts, what people said, and the end. */
export function momentsOf(
  entries: readonly KnownEntry[],
  nodes: readonly ReportedNode[],
): readonly Moment[] {
  const found = [
    ...nodes.flatMap(nodeMoments),
    ...entries.flatMap((entry) => {
      const moment = momentOf(entry);
      return moment ? [{ at: entry.at, ...moment }] : [];
    }),
  ];
  return found
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map((moment, index) => ({ number: index + 1, ...moment }));
}

type Unnumbered = Omit<Moment, 'number'>;

function nodeMoments(node: ReportedNode): Unnumbered[] {
  const key = keyOf(node);
  return node.runs.flatMap(({ outcome, endedAt: at, wayBack }): Unnumbered[] => {
    if (!outcome || !at) return [];
    const tone = nodeTone(outcome.outcome);
    if (isFailedNode(outcome.outcome)) {
      return [{ at, kind: 'Failed', text: `${key} ${outcome.outcome}`, tone }];
    }
    if (outcome.outcome !== 'Updated') return [];
    return wayBack
      ? [{ at, kind: 'PutBack', text: `${key} put back`, tone: 'Careful' }]
      : [{ at, kind: 'Updated', text: `${key} updated`, tone }];
  });
}

function momentOf(entry: KnownEntry): Omit<Unnumbered, 'at'> | undefined {
  const item = itemOf(entry);
  if (!item) return undefined;
  const { tone, by } = item;
  switch (entry.kind) {
    case 'Verdict':
      return { kind: 'Verdict', text: `${entry.body.wave}: ${entry.body.verdict}`, tone };
    case 'Command':
      return { kind: 'Command', text: `${by ?? 'somebody'}: ${entry.body.command}`, tone };
    case 'Outcome':
      return { kind: 'End', text: `ended as ${entry.body.outcome}`, tone };
    default:
      return undefined;
  }
}
