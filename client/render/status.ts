/** Shows one rollout on one screen: for somebody who was woken up and knows nothing of it. */
import type { RolloutStatus, WaveStatus } from '../../workflows/contract.ts';
import { phaseOf, type RolloutSummary, type RolloutView } from '../view.ts';
import { renderJudgements } from './evidence.ts';
import { renderGate, voteLines } from './gate.ts';
import {
  alignedTable,
  counted,
  fields,
  indent,
  type Look,
  paint,
  type Row,
  toneOf,
} from './look.ts';
import { renderOutcome } from './outcome.ts';
import { ago } from './time.ts';

/** Returns everything that matters about a rollout now. */
export function renderStatus(view: RolloutView, nowMs: number, look: Look): string {
  const { status, outcome, failure, about, silent, rollout } = view;
  return [
    paint(`Rollout ${rollout}`, 'bold', look),
    fields(facts(view, nowMs, look), look),
    ...(failure ? [paint(failure.message, 'red', look)] : []),
    ...(silent ? [paint(silent, 'red', look)] : []),
    ...(status && !outcome ? [renderWaves(status.waves, look)].filter((text) => text !== '') : []),
    ...(outcome ? [] : renderJudgements(status?.judgements, look)),
    ...(status?.gate ? [renderGate(status.gate, status, nowMs, look)] : []),
    ...(status ? renderVotes(status, nowMs, look) : []),
    ...(outcome ? [renderOutcome(outcome, look, status?.judgements)] : []),
    ...renderTrouble(view, look),
    ...renderNext(nextCommands(view, about), look),
  ].join('\n\n');
}

function facts(view: RolloutView, nowMs: number, look: Look): [string, string][] {
  const { status, about, state, since, startedAt, closedAt, indexed } = view;
  const running = state === 'Running';
  const phase = phaseOf(view);
  const asks = view.live.find((node) => node.asks !== undefined);
  const waits = asks
    ? `a decision about Jobs of ${asks.node}: ${asks.asks}`
    : (status?.waitingFor ?? indexed.waitingFor);
  return [
    ['Phase', paint(phase, toneOf(phase), look)],
    ...when(running, ['Waits for', waits || 'nothing, it works']),
    ...when(running && since !== undefined, ['Since', ago(since ?? '', nowMs)]),
    ...(about ? aboutLines(about) : []),
    ['Started', ago(startedAt, nowMs)],
    ...when(closedAt !== undefined, ['Ended', ago(closedAt ?? '', nowMs)]),
    ...when(status?.digest !== undefined && !status.gate, ['Digest', status?.digest ?? '']),
  ];
}

function when(wanted: boolean, line: [string, string]): [string, string][] {
  return wanted ? [line] : [];
}

function aboutLines(about: RolloutSummary): [string, string][] {
  const back = about.direction === 'Back' ? ', back' : '';
  const fixes = about.fixes.length > 0 ? `, fixes ${about.fixes.join(', ')}` : '';
  return [
    [
      'What',
      `${about.bundle} (${about.disruption}${back}) on ${counted(about.nodes, 'node')}${fixes}`,
    ],
    ['Requested by', `${about.requestedBy}: ${about.reason}`],
  ];
}

const WAVE_HEADER = ['WAVE', 'STATE', 'NODE', 'PHASE', 'DETAIL'];

/** Returns the table of waves and their nodes. */
export function renderWaves(waves: readonly WaveStatus[], look: Look): string {
  if (waves.length === 0) return '';
  return alignedTable(WAVE_HEADER, waves.flatMap(waveRows), look);
}

/** Returns the same in fewer lines: of waves that don't work now only how many nodes are where. */
export function renderWavesShort(waves: readonly WaveStatus[], look: Look): string {
  if (waves.length === 0) return '';
  const rows = waves.flatMap((wave) => (wave.state === 'Running' ? waveRows(wave) : waveSum(wave)));
  return alignedTable(WAVE_HEADER, rows, look);
}

function waveRows(wave: WaveStatus): Row[] {
  return wave.nodes.map((entry, index) => [
    index === 0 ? wave.wave : '',
    index === 0 ? { text: wave.state, tone: toneOf(wave.state) } : '',
    entry.node,
    { text: entry.phase, tone: toneOf(entry.phase) },
    entry.reason ?? (index === 0 ? (wave.waitingFor ?? '') : ''),
  ]);
}

function waveSum({ wave, state, nodes }: WaveStatus): Row[] {
  const phases = [...new Set(nodes.map(({ phase }) => phase))].map((phase) => {
    return `${nodes.filter((entry) => entry.phase === phase).length} ${phase}`;
  });
  const size = counted(nodes.length, 'node');
  return [[wave, { text: state, tone: toneOf(state) }, size, phases.join(', '), '']];
}

function renderVotes(status: RolloutStatus, nowMs: number, look: Look): string[] {
  const lines = voteLines(status, nowMs);
  return lines.length > 0 ? [`${paint('Votes', 'bold', look)}\n${indent(lines.join('\n'))}`] : [];
}

/** Nodes that went wrong while the rollout still runs; a finished one lists them in its outcome. */
function renderTrouble({ status, outcome }: RolloutView, look: Look): string[] {
  if (!status || outcome) return [];
  const lines = status.waves.flatMap(({ nodes }) =>
    nodes
      .filter(({ phase }) => phase === 'NeedsAttention' || phase === 'RolledBack')
      .map(({ node, phase, reason }) => `${node} ${phase}${reason ? `: ${reason}` : ''}`),
  );
  if (lines.length === 0) return [];
  return [paint(`Needs attention\n${indent(lines.join('\n'))}`, 'red', look)];
}

function nextCommands(view: RolloutView, about: RolloutSummary | undefined): readonly string[] {
  const { status, rollout, failure } = view;
  if (failure) return [`temporal workflow show --workflow-id ${view.workflowId}`];
  if (status?.phase === 'AwaitingApproval' && about) {
    return [`tidegate status ${rollout} --plan`, ...status.next];
  }
  const asked = view.live
    .filter((node) => node.asks !== undefined)
    .map(({ node }) => `tidegate jobs ${rollout} ${node} --wait | --later | --evict --as WHO`);
  return [...asked, ...(status?.next ?? [])].filter(
    (command) => command !== `tidegate status ${rollout}`,
  );
}

function renderNext(commands: readonly string[], look: Look): string[] {
  if (commands.length === 0) return [];
  return [`${paint('Next', 'bold', look)}\n${indent(commands.join('\n'))}`];
}
