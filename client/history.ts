/** Reads from a rollout's history what no query answers: its document, and since when it waits. */
import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';

/** Pages that are read backwards at most; a phase that began earlier has no "since". */
const MAX_PAGES = 5;

/** Names one run of a workflow. */
export interface RunRef {
  readonly workflowId: string;
  readonly runId: string;
}

/** Returns the document that a rollout was started with, as its first event recorded it. */
export async function recordedRequest(client: Client, execution: RunRef): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const [payload] = started?.input?.payloads ?? [];
  if (!payload) throw new Error(`${execution.workflowId} was started without a document`);
  return client.options.loadedDataConverter.payloadConverter.fromPayload(payload);
}

/**
 * Returns when the rollout entered its phase: the workflow writes its phase as a search attribute
 * whenever it changes (`RolloutState.enter`), so the oldest such event of the newest phase tells.
 */
export async function phaseSince(client: Client, execution: RunRef): Promise<string | undefined> {
  const { payloadConverter } = client.options.loadedDataConverter;
  let nextPageToken: Uint8Array | undefined;
  let phase: unknown;
  let since: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: client.options.namespace,
      execution,
      maximumPageSize: 200,
      ...(nextPageToken ? { nextPageToken } : {}),
    });
    for (const event of answer.history?.events ?? []) {
      const changed = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes;
      const payload = changed?.indexedFields?.[SEARCH_ATTRIBUTES.phase];
      if (!payload) continue;
      const value: unknown = payloadConverter.fromPayload(payload);
      phase ??= value;
      if (value !== phase) return since;
      const at = event.eventTime;
      since = new Date(Number(at?.seconds ?? 0) * 1000 + (at?.nanos ?? 0) / 1e6).toISOString();
    }
    if (!answer.nextPageToken?.length) return since;
    nextPageToken = answer.nextPageToken;
  }
  return undefined;
}
