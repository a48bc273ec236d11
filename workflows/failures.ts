/** Turns what Temporal throws into words and types that outcomes can carry. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
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
