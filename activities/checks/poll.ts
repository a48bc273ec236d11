/** Runs several checks beside each other until all pass, one can never pass, or time is up. */

import { FAILURES } from '../../workflows/domain/failures.ts';
import type { ActivityContext, Clock } from '../context.ts';
import { failureType, messageOf } from '../failure.ts';

/** `Waiting` may still pass; `Failed` cannot get right by itself. */
export type CheckAnswer<T> =
  | { readonly kind: 'Passed'; readonly value: T }
  | { readonly kind: 'Waiting' | 'Failed'; readonly reasons: readonly string[] };

/** A check by name; it is asked again and again. */
export interface Check {
  readonly name: string;
  ask(signal: AbortSignal): Promise<CheckAnswer<unknown>>;
}

export interface PollResult {
  readonly values: Readonly<Record<string, unknown>>;
  /** Every check that did not pass, each with its last reasons; empty if all passed. */
  readonly failed: readonly string[];
  /** The same by the check's name. */
  readonly reasons: Readonly<Record<string, readonly string[]>>;
}

const POLL_MS = 200;

/** Why a check's signal is aborted when time is up; it may still end what it has begun. */
export const TIME_IS_UP = new Error('time is up');

/** Polls all checks; every one that does not pass is reported, not only the last one. */
export async function pollChecks(
  checks: readonly Check[],
  limits: { readonly clock: Clock; readonly context: ActivityContext; readonly timeoutMs: number },
): Promise<PollResult> {
  const { clock, context } = limits;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const deadline = clock.now() + limits.timeoutMs;
  const values: Record<string, unknown> = {};
  const open = new Map<string, readonly string[]>(checks.map(({ name }) => [name, []]));
  const follow = async (check: Check) => {
    while (!signal.aborted) {
      const answer = await askSafely(check, signal);
      if (answer.kind === 'Passed') {
        values[check.name] = answer.value;
        open.delete(check.name);
        return;
      }
      open.set(check.name, answer.reasons);
      if (answer.kind === 'Failed') return stop.abort();
      if (clock.now() >= deadline) return stop.abort(TIME_IS_UP);
      await clock.sleep(POLL_MS, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  };
  const atDeadline = setTimeout(() => stop.abort(TIME_IS_UP), limits.timeoutMs);
  try {
    await Promise.all(checks.map(follow));
  } finally {
    clearTimeout(atDeadline);
  }
  context.signal.throwIfAborted();
  return { values, failed: describe(open), reasons: Object.fromEntries(open) };
}

/** Checks that were cut short by another's failure say nothing, unless nothing else does. */
function describe(open: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const told = [...open].filter(([, reasons]) => reasons.length > 0);
  const named = told.length > 0 ? told : [...open];
  return named.map(([name, reasons]) => `${name}: ${reasons.join('; ') || 'no answer in time'}`);
}

/** A failure that a retry may cure counts as a check that has not passed yet; all others are thrown. */
async function askSafely(check: Check, signal: AbortSignal): Promise<CheckAnswer<unknown>> {
  try {
    return await check.ask(signal);
  } catch (error) {
    const type = failureType(error);
    if (type && FAILURES[type].retryable) return { kind: 'Waiting', reasons: [messageOf(error)] };
    if (signal.aborted) return { kind: 'Waiting', reasons: [] };
    throw error;
  }
}
