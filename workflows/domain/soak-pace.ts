/** Decides how often a soak is measured, and how many nodes of each side. Called from workflows: replay-visible. */
import type { Analysis } from './analysis-spec.ts';
import { indicatorsOf } from './indicators.ts';

const SECOND = 1000;
/** Rounds of a soak, beyond which their interval is stretched. */
const MOST_ROUNDS = 40;
/** Rounds of a rollout: each costs twelve events, and with all extensions Temporal's 51,200 are not reached. */
const MOST_OF_ROLLOUT = 2000;
/** Readings of a judgement; one of a failure has some 200 bytes, and twice as many still fit into a payload. */
const MOST_READINGS = 8000;

/** When the rounds of a soak, or of what was added to it, begin. */
export interface Pace {
  /** How many there are to be, where measuring takes no longer than the interval. */
  readonly rounds: number;
  /** From the beginning of one round to that of the next. */
  readonly intervalMs: number;
}

/** Returns how often to measure in a time, at least so many rounds and, where that allows it, at most as many. */
export function paceOf(asked: {
  readonly seconds: number;
  readonly intervalSeconds: number;
  readonly least: number;
  readonly most: number;
}): Pace {
  const { seconds, intervalSeconds, least, most } = asked;
  const wanted = Math.max(least, Math.ceil(seconds / intervalSeconds));
  const rounds = Math.min(wanted, Math.max(least, most));
  const stretched = Math.ceil((seconds * SECOND) / rounds);
  return { rounds, intervalMs: Math.max(intervalSeconds * SECOND, stretched) };
}

/** Returns how often to measure in a soak of a rollout of so many waves. */
export function soakPace(analysis: Analysis, soakSeconds: number, waves: number): Pace {
  const { intervalSeconds, minSamples: least, baselineRounds } = analysis;
  const share = Math.floor(MOST_OF_ROLLOUT / Math.max(1, waves)) - baselineRounds;
  const most = Math.min(MOST_ROUNDS, share);
  return paceOf({ seconds: soakSeconds, intervalSeconds, least, most });
}

/** Returns why a plan has more waves than one rollout can measure, or an empty string. */
export function tooManyRounds(analysis: Analysis, waves: number): string {
  const { baselineRounds, minSamples } = analysis;
  const rounds = waves * (baselineRounds + minSamples);
  if (rounds <= MOST_OF_ROLLOUT) return '';
  return `${waves} waves, each with ${baselineRounds} rounds of baseline and ${minSamples} of soak, are ${rounds} rounds of measurements, more than the ${MOST_OF_ROLLOUT} that one rollout's history has room for: make spec.strategy.waves.size larger, roll out in several rollouts, or have analysis.baselineRounds or minSamples smaller`;
}

/** Returns the same for what is added to a soak; each extension has room for as many rounds as a verdict needs. */
export function extensionPace(
  analysis: Analysis,
  soFar: { readonly measured: number; readonly extensions: number },
): Pace {
  const { intervalSeconds, extendSeconds: seconds, maxExtensions, minSamples } = analysis;
  const left = Math.max(1, maxExtensions - soFar.extensions);
  const share = Math.floor((MOST_ROUNDS - soFar.measured) / left);
  return paceOf({ seconds, intervalSeconds, least: 1, most: Math.max(minSamples, share) });
}

/** Returns how many nodes of each side are measured: as many as the policy says, if what they say fits into one judgement. */
export function nodesMeasured(analysis: Analysis): number {
  const { baselineRounds, minSamples, maxExtensions, maxNodes } = analysis;
  const soak = Math.max(MOST_ROUNDS, minSamples) + maxExtensions * minSamples;
  const ofBoth = 2 * indicatorsOf(analysis).length * (baselineRounds + soak);
  return Math.max(1, Math.min(maxNodes, Math.floor(MOST_READINGS / ofBoth)));
}
