/** How a fake step hears that it is cancelled. */

import { setTimeout as delay } from 'node:timers/promises';
import { asyncLocalStorage, Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';

/** Tells whether this runs in the middle of a step. */
export function inStep(): boolean {
  return asyncLocalStorage.getStore() !== undefined;
}

/** Heartbeats as a real step does until the cancellation has arrived (or never will). */
export async function untilTold(): Promise<void> {
  const context = Context.current();
  for (let i = 0; i < 20 && !context.cancellationSignal.aborted; i++) {
    context.heartbeat();
    await delay(50);
  }
}

/** As `untilTold`, and breaks off as a real step does that has not ended by then. */
export async function untilBrokenOff(): Promise<void> {
  await untilTold();
  if (Context.current().cancellationSignal.aborted) throw new CancelledFailure('cancelled');
}
