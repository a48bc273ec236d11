/** Shows a rollout as it goes: a screen that is redrawn, or one line for each change. */
import { phaseOf, type RolloutView } from '../view.ts';
import { judgementLines } from './evidence.ts';
import { type Look, paint, toneOf } from './look.ts';
import { renderWaves, renderWavesShort } from './status.ts';
import { duration, timeOfDay } from './time.ts';

/** Returns the screen of a running rollout, no higher than the terminal. */
export function renderFrame(view: RolloutView, nowMs: number, look: Look): string {
  const whole = frameLines(view, nowMs, look, renderWaves);
  const room = look.height - 1;
  if (whole.length <= room) return whole.join('\n');
  const short = frameLines(view, nowMs, look, renderWavesShort);
  if (short.length <= room) return short.join('\n');
  const hidden = short.length - room + 1;
  return [...short.slice(0, room - 1), `… and ${hidden} lines more`].join('\n');
}

function frameLines(
  view: RolloutView,
  nowMs: number,
  look: Look,
  waves: typeof renderWaves,
): string[] {
  const { status } = view;
  const elapsed = duration(Math.floor((nowMs - Date.parse(view.startedAt)) / 1000) * 1000);
  const phase = phaseOf(view);
  const waits = status?.waitingFor ? `  waits for ${status.waitingFor}` : '';
  const head = `${paint(view.rollout, 'bold', look)}  ${paint(phase, toneOf(phase), look)}  ${elapsed}`;
  const parts = [head + waits];
  if (view.silent) parts.push('', paint(view.silent, 'yellow', look));
  if (status && status.waves.length > 0) parts.push('', waves(status.waves, look));
  const judged = judgementLines(status?.judgements, look);
  if (judged.length > 0) parts.push('', ...judged);
  if (status?.phase === 'AwaitingApproval') parts.push('', ...status.next);
  return parts.join('\n').split('\n');
}

/** One thing that changed between two looks at a rollout. */
export interface Change {
  readonly time: string;
  readonly scope: 'rollout' | 'wave' | 'node';
  readonly name: string;
  readonly phase: string;
  readonly detail: string;
}

/** Returns what changed since the last look, rollout first, then waves, then nodes. */
export function changesBetween(
  before: RolloutView | undefined,
  after: RolloutView,
  nowMs: number,
): Change[] {
  const known = new Map(before ? linesOf(before).map((line) => [keyOf(line), textOf(line)]) : []);
  const time = timeOfDay(nowMs);
  return linesOf(after)
    .filter((line) => before !== undefined || line.phase !== 'Pending')
    .filter((line) => known.get(keyOf(line)) !== textOf(line))
    .filter((line) => known.has(keyOf(line)) || line.phase !== 'Pending')
    .map((line) => ({ time, ...line }));
}

type Line = Omit<Change, 'time'>;

function linesOf(view: RolloutView): Line[] {
  const { rollout, status, silent, outcome } = view;
  const phase = phaseOf(view);
  const detail = silent ?? outcome?.reasons.join('; ') ?? status?.waitingFor ?? '';
  return [
    { scope: 'rollout', name: rollout, phase, detail },
    ...(status?.waves ?? []).flatMap((wave): Line[] => [
      { scope: 'wave', name: wave.wave, phase: wave.state, detail: wave.waitingFor ?? '' },
      ...wave.nodes.map((entry): Line => {
        const name = `${wave.wave}/${entry.node}`;
        return { scope: 'node', name, phase: entry.phase, detail: entry.reason ?? '' };
      }),
    ]),
    ...(status?.judgements ?? []).map(({ wave, verdict, reason }): Line => {
      return { scope: 'wave', name: `${wave} measured`, phase: verdict, detail: reason };
    }),
  ];
}

function keyOf(line: Line): string {
  return `${line.scope} ${line.name}`;
}

function textOf(line: Line): string {
  return `${line.phase} ${line.detail}`;
}

/** Returns a change as one line: aligned on a terminal, tab-separated in pipes. */
export function renderChange(change: Change, look: Look): string {
  const { time, scope, name, phase, detail } = change;
  const flat = detail.replace(/\s+/g, ' ');
  if (!look.aligned) return [time, scope, name, phase, flat].join('\t').trimEnd();
  const word = paint(phase.padEnd(16), toneOf(phase), look);
  return `${time}  ${scope.padEnd(7)}  ${name.padEnd(24)}  ${word}  ${flat}`.trimEnd();
}

const ESC = '\u001b';

/** Draws a frame over the last one, for terminals only. */
export class Screen {
  private lines = 0;
  private last = '';

  /** Returns what to write so that the frame stands where the last one stood. */
  draw(frame: string, width: number): string {
    if (frame === this.last) return '';
    this.last = frame;
    const lines = frame.split('\n').map((line) => clip(line, width));
    const up = this.lines > 0 ? `${ESC}[${this.lines}A\r${ESC}[0J` : '';
    this.lines = lines.length;
    return `${up}${lines.join('\n')}\n`;
  }

  /** Returns what to write so that the last frame is gone. */
  clear(): string {
    const up = this.lines > 0 ? `${ESC}[${this.lines}A\r${ESC}[0J` : '';
    this.lines = 0;
    return up;
  }
}

/** Cuts a line to the terminal's width, so that a frame has as many rows as lines. */
function clip(line: string, width: number): string {
  let shown = 0;
  let text = '';
  for (const part of line.split(new RegExp(`(${ESC}\\[[0-9;]*m)`))) {
    if (part.startsWith(ESC)) {
      text += part;
      continue;
    }
    const room = Math.max(0, width - 1 - shown);
    const letters = [...part];
    text += letters.slice(0, room).join('');
    shown += letters.length;
  }
  return text;
}
