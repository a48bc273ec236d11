/** Says in words how a rollout goes on, and what its plan does. Pure, and of no chat service. */
import { NODE_OUTCOMES, type NoticeCause, type WaveStatus } from '../../workflows/contract.ts';
import type { PlannedWave, PlanResult } from '../../workflows/domain/plan-types.ts';
import { counted } from '../render/look.ts';
import { duration } from '../render/time.ts';
import { phaseOf, type RolloutView } from '../view.ts';
import type { ChatMessage, Section } from './chat-service.ts';
import { section } from './words.ts';

const DONE: ReadonlySet<string> = new Set(NODE_OUTCOMES);
/** Nodes and waves of a plan that are shown, and lines of anything else. */
const MAX_NODES = 60;
const MAX_PLAN_WAVES = 80;
const MAX_WAVES = 20;

/** Something that is told once, in the thread of its rollout. */
export interface Milestone {
  readonly id: string;
  readonly message: ChatMessage;
}

/** Returns the one message that is edited as the rollout goes on. */
export function progressMessage(view: RolloutView): ChatMessage {
  const { status } = view;
  const waits = status?.waitingFor ? [`Waits for ${status.waitingFor}`] : [];
  const paused = status?.paused ? [`It is ${status.paused}`] : [];
  const waves = (status?.waves ?? []).map((wave) => `${wave.wave}: ${waveWords(wave)}`);
  return plain(`${view.rollout}: ${phaseOf(view)}`, [...waits, ...paused, ...capped(waves)]);
}

/** Returns what a rollout has come to so far, a message a cause, without what notices tell. */
export function milestones(view: RolloutView, told: ReadonlySet<NoticeCause>): Milestone[] {
  const { status, outcome, failure } = view;
  const waves = status?.waves ?? [];
  const [first] = waves;
  const begun = first && first.state !== 'Pending' && first.state !== 'NotStarted';
  const names = first?.nodes.map(({ node }) => node) ?? [];
  const end = outcome
    ? { word: outcome.outcome, lines: outcome.reasons }
    : failure && { word: failure.type, lines: [failure.message] };
  return [
    ...(begun && !told.has('Started')
      ? [{ id: 'started', message: plain(`${first.wave} started: ${namesShown(names)}`, []) }]
      : []),
    ...waves.flatMap((wave, index) =>
      hasEnded(wave) ? [{ id: `wave-${index}`, message: waveMessage(wave) }] : [],
    ),
    ...(end && !told.has('Ended')
      ? [{ id: 'ended', message: plain(`${view.rollout} ended: ${end.word}`, end.lines) }]
      : []),
  ];
}

/** Tells whether anything has begun that a thread could tell of. */
export function hasBegun(view: RolloutView): boolean {
  return (view.status?.waves ?? []).some(({ state }) => state !== 'Pending');
}

/** Returns what a plan does, wave by wave. */
export function planSections(planned: PlanResult): Section[] {
  const { waves } = planned.plan;
  let left = MAX_NODES;
  const shown = waves.slice(0, MAX_PLAN_WAVES).flatMap((wave) => {
    const lines = wave.nodes.map((node) => nodeLine(node, planned));
    const sections = section(waveTitle(wave), lines, Math.max(1, left));
    left -= lines.length;
    return sections;
  });
  const more = waves.length - MAX_PLAN_WAVES;
  return more > 0 ? [...shown, { lines: [`and ${counted(more, 'wave')} more`] }] : shown;
}

function waveTitle(wave: PlannedWave): string {
  const soak = wave.soakSeconds > 0 ? `, soak ${duration(wave.soakSeconds * 1000)}` : '';
  return `${wave.name} in ${wave.cluster}: ${counted(wave.nodes.length, 'node')}, at most ${wave.maxUnavailable} unavailable${soak}`;
}

function nodeLine(node: PlannedWave['nodes'][number], { impact }: PlanResult): string {
  const known = impact.find((e) => e.cluster === node.cluster && e.node === node.node);
  const evicted = known?.pods.filter((pod) => pod.effect === 'Evicted').length;
  const pods = evicted === undefined ? '' : `; ${counted(evicted, 'pod')} evicted`;
  const versions = node.packages.map(
    ({ name, from, to }) => `${name} ${from.version} → ${to.version}`,
  );
  return `${node.node} (${node.failureDomain}): ${versions.join(', ')}; ${node.disruption}${pods}`;
}

function waveMessage(wave: WaveStatus): ChatMessage {
  const lines = wave.nodes.flatMap(({ node, reason }) => (reason ? [`${node}: ${reason}`] : []));
  return plain(`${wave.wave}: ${waveWords(wave)}`, lines);
}

function waveWords(wave: WaveStatus): string {
  const total = counted(wave.nodes.length, 'node');
  if (wave.state === 'Pending') return `to come, ${total}`;
  const done = wave.nodes.filter(({ phase }) => DONE.has(phase));
  const counts = NODE_OUTCOMES.flatMap((outcome) => {
    const count = done.filter(({ phase }) => phase === outcome).length;
    return count > 0 ? [`${count} ${outcome}`] : [];
  });
  const held = wave.waitingFor ? `; held back: ${wave.waitingFor}` : '';
  return `${wave.state}, ${done.length} of ${total} finished${counts.length > 0 ? ` (${counts.join(', ')})` : ''}${held}`;
}

function hasEnded({ state }: WaveStatus): boolean {
  return state === 'Done' || state === 'Failed' || state === 'Stopped';
}

function namesShown(names: readonly string[]): string {
  return names.length > 5 ? counted(names.length, 'node') : names.join(', ');
}

function capped(lines: readonly string[]): readonly string[] {
  return section('', lines, MAX_WAVES)[0]?.lines ?? [];
}

function plain(headline: string, lines: readonly string[]): ChatMessage {
  const sections = section('', lines, MAX_WAVES).map(({ lines: shown }) => ({ lines: shown }));
  return { headline, sections, state: [], buttons: [], mentions: [] };
}
