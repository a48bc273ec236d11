/** Finds the moment in which to strike: asks the node's workflow for its phase, again and again. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { sleep } from '../../lab/run.ts';
import {
  NODE_PHASES,
  type NodePhase,
  type NodeStatus,
  nodeWorkflowId,
} from '../../workflows/contract.ts';

const PAUSE_MS = 8;

/** A phase that was looked for and is over. */
export class MissedMoment extends Error {}

/** Follows the next workflow of a node, and none of those before it. */
export class NodeFollower {
  private readonly client: Client;
  private readonly id: string;
  private readonly earlierRun: string;
  private handle: WorkflowHandle | undefined;

  private constructor(client: Client, id: string, earlierRun: string) {
    this.client = client;
    this.id = id;
    this.earlierRun = earlierRun;
  }

  /** Must be called before the rollout begins to work on nodes. */
  static async before(client: Client, node: string): Promise<NodeFollower> {
    const id = nodeWorkflowId('east', node);
    return new NodeFollower(client, id, await runIdOf(client, id));
  }

  /** Returns the phase in which the workflow is, or is past the one that was looked for. */
  async until(phase: NodePhase, step = '', timeoutMs = 90_000): Promise<NodeStatus> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const status = await this.ask();
      if (status?.phase === phase && status.detail.startsWith(step)) return status;
      if (status && isEnd(status.phase)) {
        throw new MissedMoment(`${phase} ${step} was not seen, it ended ${status.phase}`);
      }
      await sleep(PAUSE_MS);
    }
    throw new MissedMoment(`${phase} ${step} did not come within ${timeoutMs / 1000} s`);
  }

  /** Returns what the workflow says of itself; nothing before it has begun. */
  async ask(): Promise<NodeStatus | undefined> {
    if (!this.handle) {
      const runId = await runIdOf(this.client, this.id);
      if (runId === this.earlierRun) return undefined;
      this.handle = this.client.workflow.getHandle(this.id, runId);
    }
    return await this.client.withDeadline(Date.now() + 15_000, () =>
      (this.handle as WorkflowHandle).query<NodeStatus>('status'),
    );
  }
}

function isEnd(phase: NodePhase): boolean {
  return NODE_PHASES.indexOf(phase) >= NODE_PHASES.indexOf('Updated');
}

async function runIdOf(client: Client, id: string): Promise<string> {
  try {
    return (await client.workflow.getHandle(id).describe()).runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return '';
    throw error;
  }
}
