/** Finds what Schedules have announced, in Temporal's own index; needs no worker. */
import type { Client } from '@temporalio/client';
import {
  firingOf,
  type Notice,
  SCHEDULED_WORKFLOW,
  type ScheduledOutcome,
} from '../workflows/contract.ts';

/** One announcement, and the firing that made it. */
export interface Announcement {
  readonly schedule: string;
  readonly runId: string;
  readonly notice: Notice;
}

/** Returns what was announced since then, oldest first. */
export async function listAnnouncements(client: Client, sinceMs: number): Promise<Announcement[]> {
  const since = new Date(sinceMs).toISOString();
  const query = `WorkflowType = "${SCHEDULED_WORKFLOW}" AND ExecutionStatus = "Completed" AND CloseTime > "${since}"`;
  const announced: Announcement[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const outcome = (await client.workflow
      .getHandle(workflowId, runId)
      .result()) as ScheduledOutcome;
    if (!('announced' in outcome)) continue;
    const schedule = firingOf(workflowId)?.schedule ?? workflowId;
    announced.push({ schedule, runId, notice: outcome.announced });
  }
  return announced.sort((a, b) => (a.notice.at < b.notice.at ? -1 : 1));
}
