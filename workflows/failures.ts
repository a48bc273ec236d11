/** Turns what Temporal throws into words and types that outcomes can carry. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { FailureType } from './domain/failures.ts';

/** Returns the failure type of a failed activity, "Timeout", or undefined for any other error. */
export function failureType(error: unknown): FailureType | 'Timeout' | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) return 'Timeout';
  if (cause instanceof ApplicationFailure) return cause.type as FailureType;
  return undefined;
}

/** Returns "Type: message" of a failed activity, as it stands in outcomes and on screens. */
export function describeFailure(error: unknown): string {
  if (error instanceof ActivityFailure) {
    const { cause } = error;
    if (cause instanceof ApplicationFailure) return `${cause.type}: ${cause.message}`;
    if (cause instanceof TimeoutFailure) {
      return `Timeout: ${error.activityType} did not end in time (${cause.timeoutType})`;
    }
  }
  return error instanceof Error ? error.message : String(error);
}

/**
 * Returns what a step had done when it failed, was cancelled or fell silent: the last of the
 * failure's details, or of its last heartbeat's. The fields are those of the step's result.
 */
export function doneBefore<T extends object>(error: unknown): Partial<T> {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure) return (cause.lastHeartbeatDetails ?? {}) as Partial<T>;
  const told = cause instanceof ApplicationFailure || cause instanceof CancelledFailure;
  return ((told ? cause.details?.at(-1) : undefined) ?? {}) as Partial<T>;
}

/** Rethrows an activity's failure as the workflow's own, with the type that the activity gave it. */
export function failWorkflow(error: unknown): never {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    const { message, type, details } = error.cause;
    throw ApplicationFailure.create({
      message: message ?? 'failed',
      type: type ?? 'HostCommandFailed',
      nonRetryable: true,
      ...(details ? { details } : {}),
    });
  }
  throw error;
}
