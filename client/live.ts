/** Asks waves and nodes in work what they do right now: the rollout itself knows only ended waves. */
import { type Client, QueryRejectedError, WorkflowClient } from '@temporalio/client';
import {
  NODE_OUTCOMES,
  type NodeStatus,
  nodeWorkflowId,
  type RolloutStatus,
  type WaveStatus,
} from '../workflows/contract.ts';
import type { Plan } from '../workflows/domain/plan-types.ts';
import { isNotFound, isPassing } from './explain.ts';

const ENDED: ReadonlySet<string> = new Set(['Pending', ...NODE_OUTCOMES]);

/** Asks only workflows that run: an id may also name an earlier, finished run of the same node. */
export class LiveReader {
  private readonly open: WorkflowClient;

  constructor(client: Client) {
    this.open = new WorkflowClient({
      connection: client.connection,
      namespace: client.options.namespace,
      queryRejectCondition: 'NOT_OPEN',
    });
  }

  /** Returns the status with the present phases of the waves and nodes in work. */
  async enrich(
    status: RolloutStatus,
    plan: Plan | undefined,
  ): Promise<{ status: RolloutStatus; live: NodeStatus[] }> {
    const live: NodeStatus[] = [];
    const waves = await Promise.all(
      status.waves.map(async (wave) => {
        if (wave.state !== 'Running') return wave;
        const told = await this.ask<WaveStatus>(wave.workflowId);
        return told ? await this.withNodes(told, clusterOf(plan, wave.wave), live) : wave;
      }),
    );
    return { status: { ...status, waves }, live };
  }

  private async withNodes(
    wave: WaveStatus,
    cluster: string | undefined,
    live: NodeStatus[],
  ): Promise<WaveStatus> {
    if (cluster === undefined) return wave;
    const nodes = await Promise.all(
      wave.nodes.map(async (entry) => {
        if (ENDED.has(entry.phase)) return entry;
        const told = await this.ask<NodeStatus>(nodeWorkflowId(cluster, entry.node));
        if (!told) return entry;
        live.push(told);
        return { ...entry, phase: told.phase, ...(told.detail ? { reason: told.detail } : {}) };
      }),
    );
    return { ...wave, nodes };
  }

  /** A workflow that has just ended, not begun, or is silent for a moment has nothing to add. */
  private async ask<T>(workflowId: string): Promise<T | undefined> {
    try {
      return await this.open.getHandle(workflowId).query<T>('status');
    } catch (error) {
      const harmless = error instanceof QueryRejectedError || isNotFound(error) || isPassing(error);
      if (harmless) return undefined;
      throw error;
    }
  }
}

/** Returns the cluster of a wave; waves of a rollback are named "back-" and the wave's name. */
function clusterOf(plan: Plan | undefined, wave: string): string | undefined {
  const name = wave.replace(/^back-/, '');
  return plan?.waves.find((entry) => entry.name === wave || entry.name === name)?.cluster;
}
