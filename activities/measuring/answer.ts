/** What was found of one indicator on one node, and how errors become part of it. */
import type { Reading } from '../../workflows/domain/analysis-types.ts';
import type { FailureType } from '../../workflows/domain/failures.ts';
import { failureType, messageOf } from '../failure.ts';

/** A reading without its node. */
export type Answer =
  | { readonly value: number }
  | { readonly noData: string }
  | { readonly error: string };

/** A measurement that was taken, or why not. */
export type Taken<T> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & Missing);
/** Why there is no value: nothing to measure, or no answer. */
export type Missing = { readonly noData: string } | { readonly error: string };

/** Rounds live in histories: a reason is cut to this. */
const REASON_LENGTH = 300;

/** Returns the reading of an answer. Numbers are rounded: nothing is known to more than a thousandth. */
export function readingOf(node: string, answer: Answer): Reading {
  if ('value' in answer) return { node, value: Math.round(answer.value * 1000) / 1000 };
  if ('noData' in answer) return { node, noData: answer.noData.slice(0, REASON_LENGTH) };
  return { node, error: answer.error.slice(0, REASON_LENGTH) };
}

/** What would be the same of every node, however often it is asked. */
const STOPS: readonly FailureType[] = [
  'KubernetesForbidden',
  'KubeconfigInvalid',
  'InvalidDocument',
];

/** Thrown where there is nothing to measure. */
export class NoData extends Error {}

/**
 * Takes a measurement. Errors are answers: a sick node is the round's finding. Only what no retry and no
 * other node can change is thrown, and that the activity itself was cancelled.
 */
export async function take<T>(cancelled: AbortSignal, work: () => Promise<T>): Promise<Taken<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    cancelled.throwIfAborted();
    if (error instanceof NoData) return { ok: false, noData: error.message };
    const type = failureType(error);
    if (type && STOPS.includes(type)) throw error;
    return { ok: false, error: type ? `${type}: ${messageOf(error)}` : messageOf(error) };
  }
}

/** Returns the answer that a measurement gives, which may itself be that there is no data. */
export function answerOf<T>(taken: Taken<T>, judge: (value: T) => Answer): Answer {
  return taken.ok ? judge(taken.value) : without(taken);
}

/** Returns the answer of two measurements; the first that is missing says why. */
export function answerOfBoth<A, B>(
  first: Taken<A>,
  second: Taken<B>,
  judge: (first: A, second: B) => Answer,
): Answer {
  if (!first.ok) return without(first);
  return answerOf(second, (value) => judge(first.value, value));
}

function without(missing: Missing): Answer {
  return 'noData' in missing ? { noData: missing.noData } : { error: missing.error };
}
