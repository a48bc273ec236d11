/** Turns what the Temporal client throws into one sentence with an exit code. */
import {
  ApplicationFailure,
  CancelledFailure,
  isGrpcServiceError,
  NamespaceNotFoundError,
  QueryNotRegisteredError,
  ServiceError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { reasonOf, unreachable } from './connection.ts';
import { EXIT, refused, TidegateError, workflowFailure } from './errors.ts';

/** gRPC status codes that are told apart. */
const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Where the client is connected to, for messages. */
export interface Place {
  readonly address: string;
  readonly namespace: string;
}

/** Returns the sentence for any error of the Temporal client; errors of ours pass unchanged. */
export function explainError(error: unknown, place: Place): TidegateError {
  if (error instanceof TidegateError) return error;
  if (error instanceof WorkflowFailedError) return explainFailedWorkflow(error);
  if (error instanceof WorkflowUpdateFailedError) {
    return refused(`Refused: ${error.cause?.message ?? error.message}`);
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return silentWorker(error);
  if (error instanceof QueryNotRegisteredError) {
    return new TidegateError(`The workflow is not one of Tidegate's: ${error.message}`);
  }
  if (error instanceof NamespaceNotFoundError) {
    return new TidegateError(
      `Temporal at ${place.address} has no namespace ${error.namespace}. Name another one with --namespace, --profile or TEMPORAL_NAMESPACE.`,
      { cause: error },
    );
  }
  const code = grpcCode(error);
  if (code !== undefined) return explainGrpc(code, error, place);
  return new TidegateError(reasonOf(error), { cause: error });
}

function explainGrpc(code: number, error: unknown, place: Place): TidegateError {
  const reason = reasonOf(error);
  switch (code) {
    case GRPC.unavailable:
      return unreachable(place.address, error);
    case GRPC.deadlineExceeded:
    case GRPC.cancelled:
    case GRPC.failedPrecondition:
      return silentWorker(error);
    case GRPC.permissionDenied:
    case GRPC.unauthenticated:
      return new TidegateError(
        `Temporal at ${place.address} refuses this account: ${reason}. Check the profile's certificate or API key.`,
        { cause: error },
      );
    case GRPC.notFound:
      return new TidegateError(
        `Temporal at ${place.address} answers "${reason}" (namespace ${place.namespace}).`,
        { cause: error },
      );
    default:
      return new TidegateError(`Temporal at ${place.address} answers: ${reason}`, { cause: error });
  }
}

function silentWorker(error: unknown): TidegateError {
  // A deadline or a cancelled call says nothing that a person can use.
  const known = grpcCode(error) === GRPC.failedPrecondition;
  const reason = known ? ` (${reasonOf(error)})` : '';
  return new TidegateError(
    `No worker answered in time${reason}. The rollout itself is safe; start a worker with "npm run worker" and ask again.`,
    { cause: error },
  );
}

/** Returns the error for a workflow that ended without an outcome. */
function explainFailedWorkflow(error: WorkflowFailedError): TidegateError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    return workflowFailure({ type: cause.type ?? 'Error', message: cause.message });
  }
  if (cause instanceof CancelledFailure) {
    return new TidegateError(
      'Cancelled: nodes in work, if any, were put back; finished nodes were kept.',
      {
        exitCode: EXIT.notSucceeded,
        type: 'Cancelled',
      },
    );
  }
  if (cause instanceof TerminatedFailure) {
    return new TidegateError(
      `Terminated from outside (${cause.message}): nothing was undone. Compare the nodes with "tidegate inventory".`,
      { type: 'Terminated' },
    );
  }
  if (cause instanceof TimeoutFailure) {
    return new TidegateError('The workflow ran into its time limit.', { type: 'TimedOut' });
  }
  return new TidegateError(cause?.message ?? error.message, { cause: error });
}

/** Returns the gRPC code of an error, or undefined if it is none of gRPC's. */
export function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof ServiceError && isGrpcServiceError(error.cause)
    ? error.cause.code
    : undefined;
}

/** Tells whether a server does not know the call at all, e.g. Temporal's test server. */
export function isUnimplemented(error: unknown): boolean {
  return grpcCode(error) === GRPC.unimplemented;
}

/** Tells whether asking again may help: the server or the worker was silent for a moment. */
export function isPassing(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const code = grpcCode(error);
  return (
    code === GRPC.unavailable ||
    code === GRPC.deadlineExceeded ||
    code === GRPC.cancelled ||
    code === GRPC.failedPrecondition
  );
}

/** Tells whether there is no such workflow. */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || grpcCode(error) === GRPC.notFound;
}
