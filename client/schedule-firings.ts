/** Reads what came of the firings of a Schedule. */
import type { ScheduleExecutionResult } from '@temporalio/client';
import type { ScheduledOutcome } from '../workflows/contract.ts';
import { isNotFound } from './explain.ts';
import { runState } from './listing.ts';
import type { ScheduleFiring } from './schedule-view.ts';
import type { Session } from './session.ts';

/** Returns what came of each firing, in the same order. */
export async function readFirings(
  session: Session,
  actions: readonly ScheduleExecutionResult[],
): Promise<ScheduleFiring[]> {
  return await Promise.all(actions.map((action) => readFiring(session, action)));
}

async function readFiring(
  session: Session,
  { takenAt, action }: ScheduleExecutionResult,
): Promise<ScheduleFiring> {
  const { workflowId, firstExecutionRunId: runId } = action.workflow;
  const firing = { takenAt: takenAt.toISOString(), workflowId, runId };
  const handle = session.client.workflow.getHandle(workflowId, runId);
  try {
    const { status } = await handle.describe();
    const state = runState(status.name);
    if (state === 'Running') return { ...firing, state };
    const came = await session
      .call(() => handle.result() as Promise<ScheduledOutcome>)
      .then(
        (outcome) => ({ outcome }),
        (error: unknown) => ({ failure: error instanceof Error ? error.message : String(error) }),
      );
    return { ...firing, state, ...came };
  } catch (error) {
    if (isNotFound(error)) return { ...firing, state: 'Gone' };
    throw error;
  }
}
