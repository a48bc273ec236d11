/** Lists rollouts from Temporal's own index; needs no worker. */
import type {
  Client,
  WorkflowExecutionInfo,
  WorkflowExecutionStatusName,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { ROLLOUT_WORKFLOW, rolloutNameOf, SEARCH_ATTRIBUTES } from '../workflows/contract.ts';
import type { RolloutEntry, RunState } from './view.ts';

const phaseKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD);
const waitingForKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.waitingFor,
  SearchAttributeType.KEYWORD,
);
const nodesFailedKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.nodesFailed,
  SearchAttributeType.INT,
);

/** Returns the newest run of each rollout, newest first, up to `limit` rollouts. */
export async function listRollouts(client: Client, limit: number): Promise<RolloutEntry[]> {
  const entries = new Map<string, RolloutEntry>();
  const query = `WorkflowType = "${ROLLOUT_WORKFLOW}"`;
  for await (const info of client.workflow.list({ query })) {
    const rollout = rolloutNameOf(info.workflowId) ?? info.workflowId;
    const known = entries.get(rollout);
    if (!known || known.startedAt < info.startTime.toISOString()) {
      entries.set(rollout, entryOf(rollout, info));
    }
    if (entries.size >= limit) break;
  }
  return [...entries.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

function entryOf(rollout: string, info: WorkflowExecutionInfo): RolloutEntry {
  const state = runState(info.status.name);
  const { phase, waitingFor } = indexedState(info);
  const alive = state === 'Running' || state === 'Completed';
  return {
    rollout,
    state,
    phase: alive ? phase : state,
    waitingFor: state === 'Running' ? waitingFor : '',
    nodesFailed: info.typedSearchAttributes.get(nodesFailedKey) ?? 0,
    startedAt: info.startTime.toISOString(),
    ...(info.closeTime ? { closedAt: info.closeTime.toISOString() } : {}),
  };
}

/** Returns phase and wait as the workflow last wrote them; "nothing" stands for no wait. */
export function indexedState(info: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>): {
  phase: string;
  waitingFor: string;
} {
  const attributes = info.typedSearchAttributes;
  const waitingFor = attributes.get(waitingForKey) ?? '';
  return {
    phase: attributes.get(phaseKey) ?? 'Planning',
    waitingFor: waitingFor === 'nothing' ? '' : waitingFor,
  };
}

/** Returns how Temporal sees a run; a continued one counts as running. */
export function runState(status: WorkflowExecutionStatusName): RunState {
  switch (status) {
    case 'COMPLETED':
      return 'Completed';
    case 'FAILED':
      return 'Failed';
    case 'CANCELLED':
      return 'Cancelled';
    case 'TERMINATED':
      return 'Terminated';
    case 'TIMED_OUT':
      return 'TimedOut';
    case 'RUNNING':
    case 'PAUSED':
    case 'CONTINUED_AS_NEW':
      return 'Running';
    case 'UNSPECIFIED':
    case 'UNKNOWN':
      throw new Error(`Temporal gave the unknown workflow status ${status}`);
  }
}
