/** What Temporal says of other workflows, over the worker's own connection. */
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Log, WorkflowState, Workflows } from '../deps.ts';
import { messageOf } from '../failure.ts';

/** For one question, the server's own retries included. */
const DEADLINE_MS = 5000;

const STATES: Readonly<Record<string, WorkflowState>> = {
  RUNNING: 'Running',
  PAUSED: 'Running',
  CONTINUED_AS_NEW: 'Running',
  COMPLETED: 'Ended',
  FAILED: 'Ended',
  CANCELLED: 'Ended',
  TERMINATED: 'Ended',
  TIMED_OUT: 'Ended',
};

/** Returns the answers of the Temporal namespace that the worker itself serves. */
export function temporalWorkflows(
  connection: NativeConnection,
  settings: { readonly namespace: string; readonly log: Log },
): Workflows {
  const { namespace, log } = settings;
  const client = new Client({ connection, namespace });
  const ask = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await client.withDeadline(Date.now() + DEADLINE_MS, work);
    } catch (error) {
      log.warn({ error: messageOf(error) }, `Temporal does not say ${what}`);
      return otherwise;
    }
  };
  let home: Promise<string | undefined> | undefined;
  return {
    workflowState: (workflowId) =>
      ask<WorkflowState>(
        `whether ${workflowId} runs`,
        async () => {
          try {
            const { status } = await client.workflow.getHandle(workflowId).describe();
            return STATES[status.name] ?? 'Unknown';
          } catch (error) {
            if (error instanceof WorkflowNotFoundError) return 'Absent';
            throw error;
          }
        },
        'Unknown',
      ),
    home: async () => {
      home ??= ask('which namespace this is', () => namespaceId(client, namespace), undefined);
      const known = await home;
      // Not an answer to keep: the next question may be luckier.
      if (known === undefined) home = undefined;
      return known;
    },
  };
}

/** The id that the server gave the namespace, since names are alike everywhere. */
async function namespaceId(client: Client, namespace: string): Promise<string | undefined> {
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
  return namespaceInfo?.id || undefined;
}
