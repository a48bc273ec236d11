/** Decides what a stop or a rollback means where a rollout is. Called from workflows: replay-visible. */

/** Now: nodes in work are unwound; AfterNode: they are finished; AfterWave: so is their wave. */
export const STOP_MODES = ['Now', 'AfterNode', 'AfterWave'] as const;
export type StopMode = (typeof STOP_MODES)[number];

/** What a person wants the rollout to end with. */
export interface Interruption {
  readonly kind: 'stop' | 'rollback';
  readonly mode: StopMode;
  readonly by: string;
  readonly reason: string;
}

/** Where the rollout stands when a person says so. */
export interface Standing {
  /** What was said before; undefined where nobody has. */
  readonly current: Interruption | undefined;
  readonly goingBack: boolean;
  readonly paused: boolean;
}

export interface AskedInterruption {
  readonly kind: 'stop' | 'rollback';
  readonly by: string;
  readonly reason?: string;
  readonly mode?: string;
}

const STRENGTH: Readonly<Record<StopMode, number>> = { AfterWave: 0, AfterNode: 1, Now: 2 };

/** Returns why a stop or a rollback is not taken; empty where it is. */
export function judgeInterruption(asked: AskedInterruption, standing: Standing): readonly string[] {
  const { current, goingBack } = standing;
  const { mode } = asked;
  if (mode !== undefined && !isStopMode(mode)) {
    return [`"mode" must be one of ${STOP_MODES.join(', ')}`];
  }
  if (!current) return [];
  const said = describeInterruption(current);
  if (asked.kind === 'rollback') {
    const halted = goingBack && current.kind === 'stop';
    return halted
      ? [`its way back was ${said}; once it has ended, \`rollback\` takes back what is left`]
      : [];
  }
  const wanted = modeOf(asked, standing);
  if (current.kind === 'rollback') {
    return wanted === 'Now'
      ? []
      : [
          `it is ${said}: updated nodes go back after the nodes in work; only a stop in mode Now ends that before it has begun`,
        ];
  }
  return STRENGTH[wanted] < STRENGTH[current.mode]
    ? [`it is ${said} already, in mode ${current.mode}; ${wanted} would be weaker`]
    : [];
}

/** Returns what counts from now on; only asked for what is not refused. */
export function interruptionAfter(
  asked: AskedInterruption,
  standing: Standing,
): Interruption | undefined {
  const { current, goingBack } = standing;
  const { kind, by, reason = '' } = asked;
  if (kind === 'rollback') {
    if (goingBack || current?.kind === 'rollback') return current;
    const mode = current?.mode === 'Now' ? 'Now' : 'AfterNode';
    return { kind, mode, by, reason };
  }
  const mode = modeOf(asked, standing);
  // Who asks for the same again is not the one who has stopped it.
  if (current?.kind === 'stop' && current.mode === mode) return current;
  return { kind, mode, by, reason };
}

/** Returns what the sender of a stop or a rollback is told. */
export function interruptionAnswer(asked: AskedInterruption, standing: Standing): string {
  const { goingBack, paused, current } = standing;
  if (asked.kind === 'rollback') {
    if (goingBack) return 'updated nodes are going back already';
    return current?.mode === 'Now'
      ? 'no further node starts; updated nodes go back after those in work are put back as they were found'
      : 'no further node starts; updated nodes go back after the nodes in work';
  }
  switch (modeOf(asked, standing)) {
    case 'Now':
      return 'no further node starts; the nodes in work are put back as they were found';
    case 'AfterNode':
      return paused && asked.mode === 'AfterWave'
        ? 'it is paused, so the rest of the wave does not start either; the nodes in work are finished first'
        : 'no further node starts; the nodes in work are finished first';
    case 'AfterWave':
      return 'the wave that runs is finished, with its soak; no further wave starts';
  }
}

/** Returns who has interrupted the rollout and why, in words. */
export function describeInterruption({ kind, by, reason }: Interruption): string {
  const verb = kind === 'stop' ? 'stopped' : 'rolled back';
  return `${verb} by ${by}${reason ? `: ${reason}` : ''}`;
}

/** A wave that people hold is not finished because somebody wants the rollout to end. */
function modeOf({ mode }: AskedInterruption, { paused }: Standing): StopMode {
  const wanted = isStopMode(mode) ? mode : 'AfterNode';
  return paused && wanted === 'AfterWave' ? 'AfterNode' : wanted;
}

function isStopMode(mode: unknown): mode is StopMode {
  return STOP_MODES.some((known) => known === mode);
}
