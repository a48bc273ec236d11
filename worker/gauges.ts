/** Asks Temporal and the clusters what there is, every few seconds, and sets the gauges. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { KubeAdapter } from '../activities/adapters/kube-adapter.ts';
import type { Log } from '../activities/deps.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';
import { QUARANTINE } from '../workflows/domain/inventory.ts';
import type { Instruments } from './metrics.ts';
import {
  type RunningWorkflow,
  showRollouts,
  WATCHED_TYPES,
  type WaitingRollout,
  waitingRollouts,
} from './rollout-gauges.ts';

const INTERVAL_MS = 15_000;
/** For one round of questions to Temporal. */
const DEADLINE_MS = 10_000;
/** Events that are searched for the beginning of a wait; where it lies further back, their first counts. */
const EVENTS = 100;

const QUERY = `ExecutionStatus = "Running" AND WorkflowType IN (${WATCHED_TYPES.map((type) => `"${type}"`).join(', ')})`;
const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const ROLLOUT = keyword(SEARCH_ATTRIBUTES.rollout);
const PHASE = keyword(SEARCH_ATTRIBUTES.phase);
const WAITING_FOR = keyword(SEARCH_ATTRIBUTES.waitingFor);
const ACTOR = defineSearchAttributeKey(SEARCH_ATTRIBUTES.actor, SearchAttributeType.KEYWORD_LIST);

export interface GaugeParts {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly instruments: Instruments;
  readonly log: Log;
  /** By cluster: how its API is reached. */
  readonly clusters: ReadonlyMap<string, () => KubeAdapter>;
  readonly intervalMs?: number;
}

/** Sets the gauges until it is stopped; returns what stops it. What fails is tried again. */
export function keepGauges(parts: GaugeParts): () => void {
  const { intervalMs = INTERVAL_MS } = parts;
  const stop = new AbortController();
  const stopped = once(stop.signal, 'abort');
  const temporal = new TemporalGauges(parts);
  // What was never heard of is as old as can be.
  parts.instruments.set('tidegate_temporal_seen_timestamp_seconds', {}, 0);
  for (const cluster of parts.clusters.keys()) {
    parts.instruments.set('tidegate_cluster_seen_timestamp_seconds', { cluster }, 0);
  }
  const keep = async (round: () => Promise<void>, what: string) => {
    const tell = oncePerCause(parts.log, what);
    while (!stop.signal.aborted) {
      const problem = await round().then(() => '', String);
      if (!stop.signal.aborted) tell(problem);
      await Promise.race([delay(intervalMs, undefined, { ref: false }), stopped]);
    }
  };
  void keep(() => temporal.round(), 'Temporal does not say what runs');
  for (const [cluster, kube] of parts.clusters) {
    const what = `${cluster} does not say which nodes need attention`;
    void keep(async () => await showAttention(parts.instruments, cluster, kube()), what);
  }
  return () => stop.abort();
}

/** Returns what writes a problem to the log when it begins, and not again while it lasts. */
function oncePerCause(log: Log, what: string): (problem: string) => void {
  let last = '';
  return (problem) => {
    if (problem !== '' && problem !== last) log.warn({ problem }, `${what}: gauges are old`);
    last = problem;
  };
}

async function showAttention(to: Instruments, cluster: string, kube: KubeAdapter): Promise<void> {
  const nodes = await kube.listNodes(QUARANTINE);
  to.set('tidegate_nodes_needing_attention', { cluster }, nodes.length);
  to.set('tidegate_cluster_seen_timestamp_seconds', { cluster }, Date.now() / 1000);
}

/** What is in Temporal's index, and since when: the index does not say that, the history does. */
export class TemporalGauges {
  private readonly parts: Omit<GaugeParts, 'log'>;
  private readonly client: Client;
  /** By run: what it waits for, since when. */
  private known = new Map<string, WaitingRollout & { readonly sinceMs: number }>();

  constructor(parts: Omit<GaugeParts, 'log'>) {
    this.parts = parts;
    const { connection, namespace } = parts;
    this.client = new Client({ connection, namespace });
  }

  async round(): Promise<void> {
    const { instruments, clusters } = this.parts;
    await this.client.withDeadline(Date.now() + DEADLINE_MS, async () => {
      const running: RunningWorkflow[] = [];
      for await (const info of this.client.workflow.list({ query: QUERY })) {
        running.push(runningWorkflow(info));
      }
      const waiting = await this.sinceWhen(waitingRollouts(running));
      const nowMs = Date.now();
      showRollouts(instruments, { running, waiting, clusters: [...clusters.keys()], nowMs });
    });
  }

  private async sinceWhen(waiting: readonly WaitingRollout[]) {
    const now = new Map<string, WaitingRollout & { readonly sinceMs: number }>();
    for (const entry of waiting) {
      const before = this.known.get(entry.runId);
      const same = before?.wait === entry.wait;
      now.set(entry.runId, same ? before : { ...entry, sinceMs: await this.lastShown(entry) });
    }
    this.known = now;
    return [...now.values()];
  }

  /** Returns when the rollout last showed what it waits for. */
  private async lastShown({ workflowId, runId }: WaitingRollout): Promise<number> {
    const { history } = await this.client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: this.parts.namespace,
      execution: { workflowId, runId },
      maximumPageSize: EVENTS,
    });
    const events = history?.events ?? [];
    const shown = events.find(
      ({ upsertWorkflowSearchAttributesEventAttributes: shows }) =>
        SEARCH_ATTRIBUTES.waitingFor in (shows?.searchAttributes?.indexedFields ?? {}),
    );
    const seconds = (shown ?? events.at(-1))?.eventTime?.seconds;
    return seconds ? Number(seconds) * 1000 : Date.now();
  }
}

function runningWorkflow(info: WorkflowExecutionInfo): RunningWorkflow {
  const { workflowId, runId, type, startTime, typedSearchAttributes: attributes } = info;
  const waitingFor = attributes.get(WAITING_FOR) ?? '';
  return {
    ...{ workflowId, runId, type },
    startedAtMs: startTime.getTime(),
    rollout: attributes.get(ROLLOUT) ?? '',
    phase: attributes.get(PHASE) ?? '',
    waitingFor: waitingFor === 'nothing' ? '' : waitingFor,
    asksPeople: (attributes.get(ACTOR) ?? []).length > 0,
  };
}
