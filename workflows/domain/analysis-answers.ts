/** Counts who has answered in a soak: an indicator without answers is never one that is fine. */
import { isNumber, sidesOf, soakRounds } from './analysis-series.ts';
import type { Comparison, JudgedIndicator, Reading, Round } from './analysis-types.ts';

/** What a side as a whole came to in one round: its best answer counts. */
type SideAnswer = { readonly kind: 'Value' | 'NoData' | 'Error'; readonly why: string };

/** Rounds in which somebody gave no answer where one was due. */
export interface Silence {
  /** Who, e.g. "no control node answered" or "east-2 did not answer". */
  readonly who: string;
  readonly rounds: number;
  /** The last reason that was given. */
  readonly why: string;
}

export interface Answers {
  /** Rounds of the soak. */
  readonly rounds: number;
  /** Rounds in which both sides answered with a number. */
  readonly both: number;
  /** Whether there is any reading at all. */
  readonly measured: boolean;
  /** Last rounds of the soak that errors are counted in. */
  readonly window: number;
  /** The worst one of the window. */
  readonly silence: Silence;
  /** Why there was nothing to measure, where that was said. */
  readonly noData: string | undefined;
}

const NOT_MEASURED = 'it was not measured';

/**
 * Looks at who answered. Errors count in the last `minSamples + maxErrors` rounds: more than
 * `maxErrors` of them leave fewer than `minSamples`, and a soak that was extended can get over them.
 */
export function answersOf(input: {
  readonly indicator: JudgedIndicator;
  readonly rounds: readonly Round[];
  readonly comparison: Comparison;
  readonly minSamples: number;
  readonly maxErrors: number;
}): Answers {
  const { indicator, comparison } = input;
  const soak = soakRounds(input.rounds, comparison).map(
    (round) => round.readings[indicator.name] ?? [],
  );
  const sides = sidesOf(indicator, comparison);
  const patched = soak.map((readings) => sideAnswer(readings, sides.patched));
  const control = soak.map((readings) => sideAnswer(readings, sides.control));
  const alone = sides.control.length === 0;
  const window = Math.min(soak.length, input.minSamples + input.maxErrors);
  const last = soak.slice(-window);
  const fleet = indicator.scope === 'Fleet';
  const side = fleet ? 'nobody answered' : 'no patched node answered';
  const whole = silenceOf(side, patched.slice(-window));
  const silences = [
    ...(alone ? [] : [silenceOf('no control node answered', control.slice(-window))]),
    ...(fleet ? [] : sides.patched.map((node) => nodeSilence(node, last))),
  ];
  const noData = [...patched, ...(alone ? [] : control)].filter(({ kind }) => kind === 'NoData');
  return {
    rounds: soak.length,
    both: patched.filter((answer, index) => {
      return answer.kind === 'Value' && (alone || control[index]?.kind === 'Value');
    }).length,
    measured: input.rounds.some((round) => (round.readings[indicator.name] ?? []).length > 0),
    window,
    silence: silences.reduce((most, next) => (next.rounds > most.rounds ? next : most), whole),
    noData: noData.at(-1)?.why,
  };
}

function sideAnswer(readings: readonly Reading[], nodes: readonly string[]): SideAnswer {
  const own = readings.filter(({ node }) => nodes.includes(node));
  if (own.some(isNumber)) return { kind: 'Value', why: '' };
  const error = own.flatMap((entry) => ('error' in entry ? [entry.error] : []))[0];
  if (error !== undefined) return { kind: 'Error', why: error };
  const first = own[0];
  if (!first) return { kind: 'Error', why: NOT_MEASURED };
  return { kind: 'NoData', why: 'noData' in first ? first.noData : 'not a number' };
}

function silenceOf(who: string, answers: readonly SideAnswer[]): Silence {
  const errors = answers.filter(({ kind }) => kind === 'Error');
  return { who, rounds: errors.length, why: errors.at(-1)?.why ?? '' };
}

/** One patched node that does not answer may be what the patch did to it; the others must not hide it. */
function nodeSilence(node: string, soak: readonly (readonly Reading[])[]): Silence {
  const errors = soak.flatMap((readings) =>
    readings.flatMap((entry) => (entry.node === node && 'error' in entry ? [entry.error] : [])),
  );
  return { who: `${node} did not answer`, rounds: errors.length, why: errors.at(-1) ?? '' };
}
