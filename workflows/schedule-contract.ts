/** What a Temporal Schedule of Tidegate is called, starts and leaves behind. */
import type { Notice } from './contract.ts';

/** What a Schedule starts; its argument is the Schedule document. */
export const SCHEDULED_WORKFLOW = 'scheduledWorkflow';

/** Id of the Temporal Schedule that was made from a document. */
export const scheduleId = (schedule: string) => `tidegate/${schedule}`;

/** Returns the document's name of a Schedule's id, or undefined for any other id. */
export function scheduleNameOf(id: string): string | undefined {
  return /^tidegate\/([^/]+)$/.exec(id)?.[1];
}

/** What Temporal appends "-" and the time of the firing to. */
export const scheduledWorkflowId = (schedule: string) => `schedule/${schedule}`;

/** Returns the Schedule and firing of the id of a workflow that a Schedule has started. */
export function firingOf(workflowId: string): { schedule: string; at: string } | undefined {
  const match = /^schedule\/([^/]+)-(\d{4}-\d\d-\d\dT[\d:.]+Z)$/.exec(workflowId);
  return match?.[1] && match[2] ? { schedule: match[1], at: match[2] } : undefined;
}

/** What came of one firing. */
export type ScheduledOutcome =
  /** Id and run of the rollout's workflow, which goes on by itself. */
  | { readonly started: string; readonly run: string }
  | { readonly skipped: string }
  | { readonly inventory: InventorySummary }
  | { readonly announced: Notice };

/** An inventory in short. */
export interface InventorySummary {
  readonly fleet: string;
  readonly nodes: number;
  readonly notReady: number;
  readonly unreachable: number;
  /** E.g. "containerd: 1.6.20 on 3 nodes, 1.7.24 on east-4, east-5"; only what differs. */
  readonly differences: readonly string[];
}

/** Answer of a scheduled workflow's query `status`. */
export interface ScheduledStatus {
  readonly schedule: string;
  /** What is to be told to whom; the same shape as a rollout's. */
  readonly notices: readonly Notice[];
  readonly outcome?: ScheduledOutcome;
}
