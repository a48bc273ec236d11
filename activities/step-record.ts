/**
 * One attempt of a step as the ledger keeps it: what ran on which host, what changed in the cluster, how
 * it ended. It is handed over before Temporal is told of the end, so that who reads of the end finds it.
 *
 * An attempt whose worker died hands over nothing. That shows: attempts are numbered, and one is missing.
 * What it had begun on a host goes on there, and is in the commands of the next attempt, since every step
 * first looks for what an earlier one has left.
 */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { LedgerEntry, StepBody } from '../workflows/contract.ts';
import { CommandLog, withCommandLog } from './command-log.ts';
import type { ActivityDeps, LedgerPort } from './deps.ts';
import { messageOf } from './failure.ts';

/** What an attempt waits for its record at most. Must stay well below the heartbeat timeout of its step (10 s). */
const LONGEST_WAIT_MS = 3000;
const LONGEST_MESSAGE = 1000;
/** Steps of so many commands, of which none changes anything, that only their failures are kept. */
const QUIET: ReadonlySet<string> = new Set(['measure']);

/** An attempt as Temporal gives it to a worker. */
export interface Attempt {
  readonly activity: string;
  readonly activityId: string;
  readonly number: number;
  readonly workflowId: string;
  readonly runId: string;
  readonly input: unknown;
  /** Identity of the worker. */
  readonly worker: string;
}

type Parts = Pick<ActivityDeps, 'clock' | 'log'> & { readonly ledger: LedgerPort };

/** Runs an attempt and hands its record over, if there is anything to say; returns or throws what the attempt does. */
export async function recordStep<T>(
  parts: Parts,
  attempt: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  const rollout = textIn(attempt.input, 'rollout');
  if (rollout === undefined) return await work();
  const log = new CommandLog();
  const begunMs = parts.clock.now();
  const ended = async (how: Ending) => {
    const durationMs = parts.clock.now() - begunMs;
    const body = bodyOf(attempt, how, { log, durationMs });
    if (!isWorthKeeping(body, attempt)) return;
    const at = new Date(parts.clock.now()).toISOString();
    await handOver(parts, { ...entryOf(attempt), at, rollout, body });
  };
  let result: T;
  try {
    result = await withCommandLog(log, work);
  } catch (error) {
    await ended(endingOf(error));
    throw error;
  }
  await ended({ ended: 'Completed' });
  return result;
}

type Ending = Pick<StepBody, 'ended' | 'failureType' | 'message'>;

function endingOf(error: unknown): Ending {
  const message = shortened(messageOf(error));
  // What an abort makes of a wait is a cancellation as well, whoever throws it.
  const aborted = error instanceof Error && error.name === 'AbortError';
  if (error instanceof CancelledFailure || aborted) return { ended: 'Cancelled', message };
  const type = error instanceof ApplicationFailure ? error.type : undefined;
  const name = error instanceof Error ? error.name : typeof error;
  return { ended: 'Failed', failureType: type || name, message };
}

function entryOf(attempt: Attempt): Pick<LedgerEntry, 'id' | 'kind' | 'subject'> {
  const { workflowId, runId, activityId, number, input } = attempt;
  const cluster = textIn(input, 'cluster') ?? textIn(fieldOf(input, 'access'), 'cluster');
  const subject = [cluster, textIn(input, 'node')].filter(Boolean).join('/');
  return {
    id: `${workflowId}/${runId}/${activityId}/${number}`,
    kind: 'Step',
    ...(subject === '' ? {} : { subject }),
  };
}

function bodyOf(
  { activity, workflowId, number, worker }: Attempt,
  how: Ending,
  { log, durationMs }: { readonly log: CommandLog; readonly durationMs: number },
): StepBody {
  const { commands, changes, leftOut } = log;
  return {
    ...{ activity, workflowId, attempt: number, ...how, durationMs, worker, commands, changes },
    ...(leftOut > 0 ? { leftOut } : {}),
  };
}

/** Looks that touch no host are left out; a step on a node that could not even begin is not. */
function isWorthKeeping({ ended, commands, changes }: StepBody, attempt: Attempt): boolean {
  const failedOnNode = ended === 'Failed' && textIn(attempt.input, 'node') !== undefined;
  if (QUIET.has(attempt.activity)) return ended === 'Failed';
  return failedOnNode || commands.length + changes.length > 0;
}

/** A ledger that does not take it costs the attempt a few seconds and nothing else. */
async function handOver({ ledger, log }: Parts, entry: LedgerEntry): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const why = new Error(`no answer within ${LONGEST_WAIT_MS} ms`);
    timer = setTimeout(() => reject(why), LONGEST_WAIT_MS);
  });
  try {
    await Promise.race([ledger.submit(entry.rollout, [entry]), tooLong]);
  } catch (error) {
    log.warn({ entry: entry.id, error: messageOf(error) }, 'a step was not handed to the ledger');
  } finally {
    clearTimeout(timer);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}

function textIn(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === 'string' && field !== '' ? field : undefined;
}

function shortened(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}
