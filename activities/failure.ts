/** The only way an activity fails: with a type of the closed list. */
import { ApplicationFailure } from '@temporalio/common';
import { FAILURES, type FailureType } from '../workflows/domain/failures.ts';

/** Returns the failure of a type; retryable or not as the closed list says. */
export function failure(
  type: FailureType,
  message: string,
  ...details: readonly unknown[]
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: !FAILURES[type].retryable,
    details: [...details],
  });
}

/** Throws the failure of a type; the message says what happened, to which node, how to fix it. */
export function fail(type: FailureType, message: string, ...details: readonly unknown[]): never {
  throw failure(type, message, ...details);
}

/** Returns the type of one of our failures, or undefined for any other error. */
export function failureType(error: unknown): FailureType | undefined {
  if (!(error instanceof ApplicationFailure)) return undefined;
  const type = error.type ?? '';
  return Object.hasOwn(FAILURES, type) ? (type as FailureType) : undefined;
}

/** Returns what an unknown error says. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}
