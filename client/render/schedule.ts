/** Shows Temporal Schedules: what they start, when, and what came of it. */
import type { ScheduledOutcome } from '../../workflows/contract.ts';
import type {
  AppliedSchedule,
  FiredSchedule,
  ScheduleEntry,
  ScheduleFiring,
  ScheduleView,
} from '../schedule-view.ts';
import { alignedTable, counted, fields, type Look, paint, table } from './look.ts';
import { ago, stamp } from './time.ts';

/** Returns a header and one line for each document that was applied. */
export function renderApplied(applied: readonly AppliedSchedule[], look: Look): string {
  const rows = applied.map((entry) => [
    entry.schedule,
    resultOf(entry),
    entry.differences.join(', ') || '-',
    nextOf(entry),
  ]);
  return table(['SCHEDULE', 'RESULT', 'DIFFERENCES', 'NEXT'], rows, look);
}

function resultOf({ result, dryRun }: AppliedSchedule): string {
  const word = result.toLowerCase();
  return dryRun && result !== 'Unchanged' ? `would be ${word}` : word;
}

function nextOf({ paused, next, result, dryRun }: AppliedSchedule): string {
  if (result === 'Removed') return '-';
  if (paused) return 'paused';
  return next ?? (dryRun && result !== 'Unchanged' ? '-' : 'never');
}

/** Returns a header and one line for each Schedule. */
export function renderSchedules(entries: readonly ScheduleEntry[], look: Look): string {
  const rows = entries.map(({ schedule, purpose, when, paused, next, note }) => [
    schedule,
    purpose,
    when,
    paused ? ({ text: 'paused', tone: 'yellow' } as const) : (next ?? 'never'),
    note || '-',
  ]);
  return table(['SCHEDULE', 'STARTS', 'WHEN', 'NEXT', 'NOTE'], rows, look);
}

/** Returns everything about one Schedule. */
export function renderSchedule(view: ScheduleView, nowMs: number, look: Look): string {
  const { schedule, firings, recent, document } = view;
  const next = view.paused ? 'Would fire next' : 'Fires next';
  return [
    paint(`Schedule ${schedule}`, 'bold', look),
    fields(facts(view), look),
    firings.length === 0
      ? paint(`It never fires again: ${view.when} has no time to come.`, 'yellow', look)
      : `${next}${document.spec.jitterSeconds > 0 ? ', as jitter has it' : ''}\n${firings.map((at) => `  ${at}`).join('\n')}`,
    ...(recent.length === 0 ? ['It has not fired yet.'] : [renderRecent(recent, nowMs, look)]),
  ].join('\n\n');
}

function facts(view: ScheduleView): [string, string][] {
  const { spec } = view.document;
  const counts = [
    `${counted(view.taken, 'firing')} taken`,
    `${view.skippedByOverlap} skipped by overlap`,
    `${view.missedCatchUp} too late to catch up`,
  ];
  const policies = [
    `overlap ${spec.overlap}`,
    `catches up for ${spec.catchUpSeconds} s`,
    `jitter ${spec.jitterSeconds} s`,
    ...(spec.pauseOnFailure ? ['pauses on failure'] : []),
  ];
  return [
    ['Starts', view.purpose],
    ['When', view.when],
    ['Paused', view.paused ? `yes: ${view.note || 'nobody says why'}` : 'no'],
    ...(!view.paused && view.note ? [['Note', view.note] as [string, string]] : []),
    ['Rules', policies.join(', ')],
    ['So far', counts.join(', ')],
    ['Temporal', view.scheduleId],
  ];
}

function renderRecent(recent: readonly ScheduleFiring[], nowMs: number, look: Look): string {
  const rows = recent.map((firing) => [
    look.aligned ? ago(firing.takenAt, nowMs) : stamp(firing.takenAt),
    firing.workflowId,
    { text: cameOf(firing), tone: firing.failure ? 'red' : 'none' } as const,
  ]);
  return alignedTable(['FIRED', 'WORKFLOW', 'CAME OF IT'], rows, look);
}

/** Returns what came of a firing, in words. */
export function cameOf({ state, outcome, failure }: ScheduleFiring): string {
  if (failure !== undefined) return failure;
  if (outcome) return outcomeWords(outcome);
  if (state === 'Running') return 'still runs';
  return state === 'Gone' ? 'Temporal does not keep it any more' : state;
}

function outcomeWords(outcome: ScheduledOutcome): string {
  if ('started' in outcome) return `started ${outcome.started}`;
  if ('skipped' in outcome) return `nothing: ${outcome.skipped}`;
  if ('announced' in outcome) return `told: ${outcome.announced.lines.join('; ')}`;
  const { fleet, nodes, unreachable, differences } = outcome.inventory;
  const silent = unreachable > 0 ? `, ${unreachable} unreachable` : '';
  const same = differences.length === 0 ? 'all alike' : differences.join('; ');
  return `${fleet}: ${counted(nodes, 'node')}${silent}; ${same}`;
}

/** Returns what came of firing by hand. */
export function renderFired({ schedule, asked, fired, skippedByOverlap }: FiredSchedule): string {
  const waiting = asked - fired.length - skippedByOverlap;
  return [
    ...fired.map((firing) => `${firing.workflowId}: ${cameOf(firing)}`),
    ...(skippedByOverlap > 0
      ? [`${counted(skippedByOverlap, 'firing')} skipped: the one before still ran`]
      : []),
    ...(waiting > 0
      ? [`${counted(waiting, 'firing')} to come; "tidegate schedule show ${schedule}" tells`]
      : []),
  ].join('\n');
}
