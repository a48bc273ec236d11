/** A Schedule document as Temporal is told it, and what differs between the two. Pure. */
import type {
  CalendarSpec,
  CalendarSpecDescription,
  ScheduleDescription,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { SCHEDULED_WORKFLOW, scheduledWorkflowId, TASK_QUEUE } from '../workflows/contract.ts';
import { canonicalJson } from '../workflows/domain/canonical.ts';
import { type FiringRule, firingRules } from '../workflows/domain/schedule-times.ts';
import type { Schedule } from '../workflows/domain/spec.ts';

const SECOND = 1000;
/** A firing that no worker has taken up by then is too late as well: a window may have closed. */
const START_MS = 60 * SECOND;
/** An inventory reads every host, and may be repeated. */
const INVENTORY_MS = 3600 * SECOND;

const OVERLAPS: Readonly<Record<Schedule['spec']['overlap'], ScheduleOverlapPolicy>> = {
  Skip: 'SKIP',
  BufferOne: 'BUFFER_ONE',
  AllowAll: 'ALLOW_ALL',
};

const DAYS = [
  'SUNDAY',
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
] as const;
const MONTHS = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'] as const),
  ...(['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
] as const;

/** Returns everything of a document that Temporal is told, but whether it is paused. */
export function settingsOf(document: Schedule) {
  const { metadata, spec } = document;
  const limitMs = spec.catchUpSeconds * SECOND + (spec.inventory ? INVENTORY_MS : START_MS);
  return {
    spec: {
      calendars: firingRules(spec).map(calendarOf),
      timezone: spec.timeZone,
      jitter: spec.jitterSeconds * SECOND,
    },
    policies: {
      overlap: OVERLAPS[spec.overlap],
      catchupWindow: spec.catchUpSeconds * SECOND,
      pauseOnFailure: spec.pauseOnFailure,
    },
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_WORKFLOW,
      workflowId: scheduledWorkflowId(metadata.name),
      taskQueue: TASK_QUEUE,
      args: [document],
      workflowExecutionTimeout: limitMs,
      staticSummary: `Schedule ${metadata.name}: ${purposeOf(document)}`,
    },
  } as const;
}

/** Returns what a Schedule is for, e.g. "rollout containerd-deb12u3". */
export function purposeOf({ spec }: Schedule): string {
  const named = (given: string | { readonly metadata: { readonly name: string } }) =>
    typeof given === 'string' ? given : given.metadata.name;
  if (spec.rollout !== undefined) return `rollout ${named(spec.rollout)}`;
  if (spec.inventory) return `inventory of ${named(spec.inventory.fleet)}`;
  if (spec.announce) return `windows of ${named(spec.announce.policy)}`;
  return 'nothing';
}

function calendarOf(rule: FiringRule): CalendarSpec {
  return {
    minute: [...rule.minute],
    hour: [...rule.hour],
    dayOfMonth: [...rule.dayOfMonth],
    month: rule.month.map(({ start, end, step }) => ({
      ...{ start: nameAt(MONTHS, start - 1), end: nameAt(MONTHS, end - 1), step },
    })),
    dayOfWeek: rule.dayOfWeek.map(({ start, end, step }) => ({
      ...{ start: nameAt(DAYS, start), end: nameAt(DAYS, end), step },
    })),
    comment: rule.comment,
  };
}

function nameAt<T>(names: readonly T[], index: number): T {
  const name = names[index];
  if (name === undefined) throw new Error(`no name ${index} of ${names}`);
  return name;
}

/** The document that a Schedule was made from; undefined where it was made by something else. */
export function documentOf({ action }: ScheduleDescription): Schedule | undefined {
  if (action.workflowType !== SCHEDULED_WORKFLOW) return undefined;
  const [document] = action.args ?? [];
  const known = document as Partial<Schedule> | undefined;
  return known?.spec && known.metadata ? (document as Schedule) : undefined;
}

/** What applying a document would do to a Schedule that is there. */
export interface ScheduleChange {
  /** In words, what differs; empty where nothing does. */
  readonly differences: readonly string[];
  readonly state: { readonly paused: boolean; readonly note: string };
}

/** Returns what would change; `there` is how Temporal describes it now. */
export function changeOf(document: Schedule, there: ScheduleDescription): ScheduleChange {
  const before = documentOf(there);
  const fields = before ? changedFields(before, document) : ['everything'];
  const state = stateAfter(document, there);
  const paused = state.paused === there.state.paused ? [] : [state.paused ? 'paused' : 'resumed'];
  const foreign =
    before && !sameSettings(before, there) ? ['what somebody else has changed in Temporal'] : [];
  return { differences: [...fields, ...foreign, ...paused], state };
}

/** Returns how a Schedule is made where none is there. */
export function firstState({ spec }: Schedule): ScheduleChange['state'] {
  return { paused: spec.paused === true, note: ownNote(spec) };
}

/**
 * Where the document says nothing of a pause, a person's is kept, with its reason; one that came from
 * the document ends with the line that made it.
 */
function stateAfter({ spec }: Schedule, there: ScheduleDescription): ScheduleChange['state'] {
  const { paused, note = '' } = there.state;
  const before = documentOf(there);
  const ofDocument = before?.spec.paused === true && note === ownNote(before.spec);
  const wanted = spec.paused ?? (paused && !ofDocument);
  if (wanted) return { paused: true, note: paused && !ofDocument ? note : ownNote(spec) };
  const left = paused || (before && note === ownNote(before.spec)) ? '' : note;
  return { paused: false, note: spec.note ?? left };
}

function ownNote({ note, paused }: Pick<Schedule['spec'], 'note' | 'paused'>): string {
  return note ?? (paused === true ? 'paused by its document' : '');
}

function changedFields(before: Schedule, now: Schedule): string[] {
  const [old, wanted] = [before.spec, now.spec] as Record<string, unknown>[];
  const names = new Set([...Object.keys(old ?? {}), ...Object.keys(wanted ?? {})]);
  const changed = [...names].filter((name) => !same(old?.[name], wanted?.[name]));
  return same(before.metadata, now.metadata) ? changed : [...changed, 'metadata'];
}

/** Tells whether Temporal does what a document says: somebody may have edited the Schedule there. */
function sameSettings(document: Schedule, there: ScheduleDescription): boolean {
  const { spec, policies, action } = settingsOf(document);
  const { workflowId, taskQueue, workflowExecutionTimeout } = there.action;
  const own = {
    calendars: spec.calendars,
    timing: [spec.timezone, spec.jitter, policies],
    action: [action.workflowId, action.taskQueue, action.workflowExecutionTimeout],
  };
  const found = {
    calendars: (there.spec.calendars ?? []).map(withoutDefaults),
    timing: [there.spec.timezone, there.spec.jitter ?? 0, there.policies],
    action: [workflowId, taskQueue, workflowExecutionTimeout],
  };
  const others = [...(there.spec.intervals ?? []), ...(there.spec.skip ?? [])];
  const bounded = there.spec.startAt ?? there.spec.endAt ?? there.state.remainingActions;
  return others.length === 0 && bounded === undefined && same(own, found);
}

/** Temporal fills in seconds and years, which no document has. */
function withoutDefaults({ second, year, ...rest }: CalendarSpecDescription): object {
  const usual = same(second, [{ start: 0, end: 0, step: 1 }]) && year.length === 0;
  return usual ? rest : { second, year, ...rest };
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
