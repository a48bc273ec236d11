/** What an activity knows of its own execution, and how it waits. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';

/** The part of Temporal's activity context that activities here use. */
export interface ActivityContext {
  /** Aborted when the activity is cancelled, timed out, or its worker shuts down. */
  readonly signal: AbortSignal;
  readonly attempt: number;
  /** Run id of the workflow that called; tells a retry from what an earlier run left. */
  readonly workflowRun?: string | undefined;
  /** Details of the last heartbeat of the attempt before, if there was one. */
  readonly previous: unknown;
  heartbeat(details: unknown): void;
}

/** Returns the context of the activity that runs now. */
export function currentContext(): ActivityContext {
  const context = Context.current();
  return {
    signal: context.cancellationSignal,
    attempt: context.info.attempt,
    workflowRun: context.info.workflowExecution?.runId,
    previous: context.info.heartbeatDetails as unknown,
    heartbeat: (details) => context.heartbeat(details),
  };
}

/** Must be well below the heartbeat timeout of CHANGE_OPTIONS in workflows/activity-contract.ts (10 s). */
const HEARTBEAT_INTERVAL_MS = 2000;

/** Runs work while heartbeating what `progress` returns, at once and every 2 s. */
export async function withHeartbeats<T>(
  context: ActivityContext,
  progress: () => unknown,
  work: () => Promise<T>,
): Promise<T> {
  context.heartbeat(progress());
  const timer = setInterval(() => context.heartbeat(progress()), HEARTBEAT_INTERVAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Time as activities use it; a fake one makes tests quick. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};
