/** Has every attempt of an activity recorded; the activities know nothing of it. */
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.ts';
import { recordStep } from '../activities/step-record.ts';

/** Returns interceptors for the workers of clusters; none where no ledger is kept. */
export function stepRecorder(
  deps: Pick<ActivityDeps, 'ledger' | 'clock' | 'log'>,
  worker: string,
): ActivityInterceptorsFactory[] {
  const { ledger, clock, log } = deps;
  if (!ledger) return [];
  return [
    ({ info }) => ({
      inbound: {
        execute: async (call, next) => {
          const { workflowExecution: caller, activityType: activity, activityId } = info;
          if (!caller) return await next(call);
          const { workflowId, runId } = caller;
          const attempt = {
            ...{ activity, activityId, number: info.attempt, workflowId, runId, worker },
            input: call.args[0],
          };
          return await recordStep({ ledger, clock, log }, attempt, () => next(call));
        },
      },
    }),
  ];
}
