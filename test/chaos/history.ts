/** Reads histories: what was started, what ended, and with what. */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** How a workflow ended, and with what result where it has one. */
export interface End<T> {
  readonly kind: 'Completed' | 'Failed' | 'Canceled' | 'Terminated' | 'TimedOut' | 'ContinuedAsNew';
  readonly result?: T;
}

/** One workflow as its history tells it. */
export interface Story {
  readonly workflowId: string;
  readonly type: string;
  readonly input: unknown;
  /** Absent while it runs. */
  readonly end?: End<unknown>;
  /** Activities in the order in which they were scheduled. */
  readonly activities: readonly ActivityStory[];
  readonly children: readonly Execution[];
}

export interface ActivityStory {
  readonly name: string;
  /** Absent where the history holds none. */
  readonly end?: 'Completed' | 'Failed' | 'TimedOut' | 'Canceled';
}

export interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/** Returns the name of the activity that an event schedules. */
export function activityName(event: HistoryEvent): string | undefined {
  return event.activityTaskScheduledEventAttributes?.activityType?.name ?? undefined;
}

/** Returns how a workflow ended if the event is its last one. */
export function endOf<T>(event: HistoryEvent): End<T> | undefined {
  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) return { kind: 'Completed', result: decoded<T>(completed.result) as T };
  if (event.workflowExecutionFailedEventAttributes) return { kind: 'Failed' };
  if (event.workflowExecutionCanceledEventAttributes) return { kind: 'Canceled' };
  if (event.workflowExecutionTerminatedEventAttributes) return { kind: 'Terminated' };
  if (event.workflowExecutionTimedOutEventAttributes) return { kind: 'TimedOut' };
  if (event.workflowExecutionContinuedAsNewEventAttributes) return { kind: 'ContinuedAsNew' };
  return undefined;
}

/** Returns a workflow and all its descendants, each as its history tells it. */
export async function storiesOf(client: Client, root: Execution): Promise<readonly Story[]> {
  const { workflowId, runId } = root;
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const story = storyOf(workflowId, events ?? []);
  const below = await Promise.all(story.children.map((child) => storiesOf(client, child)));
  return [story, ...below.flat()];
}

/** Returns what the events of one workflow tell. */
export function storyOf(workflowId: string, events: readonly HistoryEvent[]): Story {
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  const ends = activityEnds(events);
  const activities = events.flatMap((event): ActivityStory[] => {
    const name = activityName(event);
    const end = ends.get(String(event.eventId));
    return name === undefined ? [] : [{ name, ...(end ? { end } : {}) }];
  });
  const children = events.flatMap((event): Execution[] => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    return child?.workflowId && child.runId
      ? [{ workflowId: child.workflowId, runId: child.runId }]
      : [];
  });
  const end = events.map((event) => endOf<unknown>(event)).findLast((found) => found);
  const type = started?.workflowType?.name ?? '';
  return {
    ...{ workflowId, type, input: decoded(started?.input), activities, children },
    ...(end ? { end } : {}),
  };
}

function activityEnds(events: readonly HistoryEvent[]): ReadonlyMap<string, ActivityStory['end']> {
  const ends = new Map<string, ActivityStory['end']>();
  for (const event of events) {
    const kinds = [
      ['Completed', event.activityTaskCompletedEventAttributes],
      ['Failed', event.activityTaskFailedEventAttributes],
      ['TimedOut', event.activityTaskTimedOutEventAttributes],
      ['Canceled', event.activityTaskCanceledEventAttributes],
    ] as const;
    for (const [kind, of] of kinds) if (of) ends.set(String(of.scheduledEventId), kind);
  }
  return ends;
}

function decoded<T>(payloads: temporal.api.common.v1.IPayloads | null | undefined): T | undefined {
  const [payload] = payloads?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload<T>(payload) : undefined;
}
