/** Finds the moment in which to strike: follows the history of a node's workflow, event by event. */
import { type Client, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { sleep } from '../../lab/run.ts';
import {
  type NodeOutcome,
  type NodePhase,
  type NodeStatus,
  nodeWorkflowId,
} from '../../workflows/contract.ts';
import { activityName, endOf, type HistoryEvent } from './history.ts';

const PAUSE_MS = 15;

/** A phase that was looked for and is over. */
export class MissedMoment extends Error {}

/** The first activity of each phase; phases without one are found by their workflow's end. */
const ACTIVITY: Readonly<Partial<Record<NodePhase, string>>> = {
  Inspecting: 'inspect',
  Leasing: 'lease',
  Staging: 'stage',
  Cordoning: 'cordon',
  Draining: 'drain',
  Applying: 'apply',
  Rebooting: 'reboot',
  Verifying: 'verify',
  Uncordoning: 'uncordon',
  Releasing: 'release',
};
/** What a node begins its unwinding with, by how far it came. */
const FIRST_UNDOS: readonly string[] = ['revert', 'unstage', 'uncordon', 'release'];

/** Follows the next workflow of a node, and none of those before it. */
export class NodeFollower {
  readonly workflowId: string;
  private readonly client: Client;
  private readonly earlierRun: string;
  private readonly events: HistoryEvent[] = [];
  private runId = '';
  private nextPage: Uint8Array | undefined;

  private constructor(client: Client, workflowId: string, earlierRun: string) {
    this.client = client;
    this.workflowId = workflowId;
    this.earlierRun = earlierRun;
  }

  /** Must be called before the rollout begins to work on nodes. */
  static async before(client: Client, node: string): Promise<NodeFollower> {
    const id = nodeWorkflowId('east', node);
    return new NodeFollower(client, id, await runIdOf(client, id));
  }

  /** Returns once the workflow is in a phase; throws if it ends without having been there. */
  async until(phase: NodePhase, step = '', timeoutMs = 90_000): Promise<void> {
    const names = step ? [step] : phase === 'Unwinding' ? FIRST_UNDOS : [ACTIVITY[phase] ?? ''];
    await this.see(`${phase} ${step}`.trim(), timeoutMs, (event) => {
      const outcome = endOf<NodeOutcome>(event)?.result?.outcome;
      return outcome === phase || names.includes(activityName(event) ?? ' ');
    });
  }

  /** Returns once an activity of the workflow has ended well. */
  async untilDone(activity: string, timeoutMs = 15_000): Promise<void> {
    await this.see(`the end of ${activity}`, timeoutMs, (event) => {
      const id = event.activityTaskCompletedEventAttributes?.scheduledEventId;
      const scheduled = this.events.find(({ eventId }) => id && eventId && id.equals(eventId));
      return scheduled !== undefined && activityName(scheduled) === activity;
    });
  }

  /** Returns once the workflow has recorded that it knows a patch. */
  async untilPatched(id: string, timeoutMs = 60_000): Promise<void> {
    await this.see(`the patch ${id}`, timeoutMs, (event) => {
      const details = Object.values(event.markerRecordedEventAttributes?.details ?? {});
      return details.some(({ payloads }) =>
        payloads?.some(({ data }) => Buffer.from(data ?? []).includes(id)),
      );
    });
  }

  /** Returns once a worker could not go on with the workflow. */
  async untilTaskFails(timeoutMs = 60_000): Promise<void> {
    await this.see('a failed task', timeoutMs, (event) =>
      Boolean(event.workflowTaskFailedEventAttributes),
    );
  }

  /** Returns what the workflow says of itself through whatever worker there is. */
  async ask(): Promise<NodeStatus> {
    const handle = this.client.workflow.getHandle(this.workflowId, this.runId);
    return await handle.query<NodeStatus>('status');
  }

  private async see(
    what: string,
    timeoutMs: number,
    wanted: (event: HistoryEvent) => boolean,
  ): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (let index = 0; Date.now() < deadline; ) {
      const event = this.events[index];
      if (event && wanted(event)) return;
      const end = event && endOf<NodeOutcome>(event);
      if (end) throw new MissedMoment(`${what} was not seen, it ended ${end.kind}`);
      if (event) index++;
      else await this.readOn(deadline);
    }
    throw new MissedMoment(`${what} did not come within ${timeoutMs / 1000} s`);
  }

  /** Waits for new events at the server's; needs no worker, and outlives Temporal's own restart. */
  private async readOn(deadline: number): Promise<void> {
    try {
      this.runId ||= await this.findRun();
      if (!this.runId) return await sleep(PAUSE_MS);
      const request = {
        namespace: this.client.options.namespace,
        execution: { workflowId: this.workflowId, runId: this.runId },
        waitNewEvent: true,
        ...(this.nextPage ? { nextPageToken: this.nextPage } : {}),
      };
      const { history, nextPageToken } = await this.client.withDeadline(deadline, () =>
        this.client.workflowService.getWorkflowExecutionHistory(request),
      );
      this.events.push(...(history?.events ?? []));
      if (nextPageToken?.length) this.nextPage = nextPageToken;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      await sleep(200);
    }
  }

  private async findRun(): Promise<string> {
    const runId = await runIdOf(this.client, this.workflowId);
    return runId === this.earlierRun ? '' : runId;
  }
}

/** Whether Temporal was away, which it is in some faults. */
function isTemporary(error: unknown): boolean {
  return error instanceof ServiceError || (error as { code?: unknown }).code !== undefined;
}

async function runIdOf(client: Client, id: string): Promise<string> {
  try {
    return (await client.workflow.getHandle(id).describe()).runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return '';
    throw error;
  }
}
