/** Decides how often a soak is measured. Called from workflows: replay-visible. */
import type { Round } from './analysis-types.ts';

const SECOND = 1000;
/** Rounds of a soak, beyond which their interval is stretched: each costs about a dozen events of history. */
const MOST_ROUNDS = 40;
/** Readings of a soak; with more of them its judgement would come near to what fits into a payload. */
const MOST_READINGS = 20_000;
/** Rounds of an extension, even where the soak has had its share already. */
const LEAST_ROUNDS = 4;

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

/** Returns how many rounds a soak may have at most, by how much one of them measures. */
export function mostRounds(round: Pick<Round, 'readings'> | undefined): number {
  const readings = Object.values(round?.readings ?? {}).flat().length;
  return Math.min(MOST_ROUNDS, Math.floor(MOST_READINGS / Math.max(1, readings)));
}

/** Returns how many rounds an extension may have, so that all that may follow find room as well. */
export function mostAdded(args: {
  readonly most: number;
  readonly measured: number;
  /** Extensions that may still come, this one included. */
  readonly left: number;
}): number {
  const { most, measured, left } = args;
  return Math.max(LEAST_ROUNDS, Math.floor((most - measured) / Math.max(1, left)));
}
