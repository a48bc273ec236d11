/** One connection, with what every call needs: deadlines, a look for workers, errors in words. */
import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { rolloutWorkflowId, TASK_QUEUE } from '../workflows/contract.ts';
import type { TemporalConnection } from './connection.ts';
import { refused, TidegateError } from './errors.ts';
import { explainError, isNotFound, isUnimplemented } from './explain.ts';

/** A poller that has not asked for work this long is taken for gone; a long poll lasts a minute. */
const POLLER_MAX_AGE_MS = 90_000;
/** Temporal's number for the queue of workflow tasks. */
const WORKFLOW_QUEUE = 1;

/** Makes calls to one namespace of one Temporal. */
export class Session {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  readonly close: () => Promise<void>;

  constructor(connection: TemporalConnection) {
    this.client = connection.client;
    this.address = connection.address;
    this.namespace = connection.namespace;
    this.close = connection.close;
  }

  handle(rollout: string): WorkflowHandle {
    return this.client.workflow.getHandle(rolloutWorkflowId(rollout));
  }

  /** Makes a call; whatever it throws becomes a TidegateError. */
  async call<T>(run: () => Promise<T>, timeoutMs?: number): Promise<T> {
    try {
      if (timeoutMs === undefined) return await run();
      return await this.client.withDeadline(Date.now() + timeoutMs, run);
    } catch (error) {
      throw explainError(error, this);
    }
  }

  /** Makes a call about one rollout, which may not exist. */
  async about<T>(rollout: string, run: () => Promise<T>, timeoutMs?: number): Promise<T> {
    try {
      return await this.call(run, timeoutMs);
    } catch (error) {
      if (!(error instanceof TidegateError) || !isNotFound(error.cause)) throw error;
      throw refused(
        `There is no rollout named ${rollout} (namespace ${this.namespace}). "tidegate status" lists those there are.`,
      );
    }
  }

  /** Runs a short workflow that only reads, and waits for its result. */
  async execute<T>(type: string, idPrefix: string, argument: unknown): Promise<T> {
    return await this.call(async () => {
      await this.requireWorker();
      return (await this.client.workflow.execute(type, {
        workflowId: `${idPrefix}/${randomUUID().slice(0, 8)}`,
        taskQueue: TASK_QUEUE,
        args: [argument],
        workflowExecutionTimeout: '1 hour',
      })) as T;
    });
  }

  /** Fails where nobody would take the work, which would otherwise wait without a word. */
  async requireWorker(): Promise<void> {
    if ((await this.pollers()) > 0) return;
    throw new TidegateError(
      `No worker takes work from the queue "${TASK_QUEUE}" (Temporal at ${this.address}, namespace ${this.namespace}). Start one with "npm run worker".`,
    );
  }

  private async pollers(): Promise<number> {
    try {
      const { pollers } = await this.client.workflowService.describeTaskQueue({
        namespace: this.namespace,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: WORKFLOW_QUEUE,
      });
      const oldest = Date.now() - POLLER_MAX_AGE_MS;
      return (pollers ?? []).filter(
        ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 > oldest,
      ).length;
    } catch (error) {
      // Temporal's test server can't tell; then the work is sent on trust.
      if (isUnimplemented(error)) return 1;
      throw error;
    }
  }
}
