/** What can go wrong for a person at the command line, each with its exit code. */
import type { RolloutOutcomeKind } from '../workflows/contract.ts';
import { FAILURES, type FailureType } from '../workflows/domain/failures.ts';

/** Exit codes of the command line; the global help lists them. */
export const EXIT = { ok: 0, error: 1, notSucceeded: 2, refused: 3, interrupted: 130 } as const;

/** An error that is told in its message alone, without a stack. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError';
  readonly exitCode: number;
  /** Type from the closed list of failures, where a workflow failed with one. */
  readonly type: string | undefined;

  constructor(
    message: string,
    options: { exitCode?: number; type?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.error;
    this.type = options.type;
  }
}

/** Returns an error for input that is refused. */
export function refused(message: string): TidegateError {
  return new TidegateError(message, { exitCode: EXIT.refused });
}

/** Returns the exit code of a rollout's outcome. */
export function exitCodeOf(outcome: RolloutOutcomeKind): number {
  return outcome === 'Succeeded' ? EXIT.ok : EXIT.notSucceeded;
}

/** Failures that the request is to blame for; for all others the world is. */
const REFUSALS: ReadonlySet<string> = new Set<FailureType>([
  'InvalidDocument',
  'UnknownDocument',
  'PlanRefused',
  'PlanTooLarge',
  'KubeconfigInvalid',
]);

/** Returns the error for a workflow that failed with a type from the closed list, or any other. */
export function workflowFailure(failure: { type: string; message: string }): TidegateError {
  const { type, message } = failure;
  const known = Object.hasOwn(FAILURES, type) ? FAILURES[type as FailureType] : undefined;
  const exitCode = REFUSALS.has(type) ? EXIT.refused : EXIT.error;
  const text = [`${type}: ${message}`, ...(known ? [`What to do: ${known.action}`] : [])];
  return new TidegateError(text.join('\n'), { exitCode, type });
}
