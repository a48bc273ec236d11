/** What is known of Schedules and their firings, ready to be shown. */
import type { ScheduleDescription } from '@temporalio/client';
import { type ScheduledOutcome, scheduleNameOf } from '../workflows/contract.ts';
import { firingRules } from '../workflows/domain/schedule-times.ts';
import type { Schedule } from '../workflows/domain/spec.ts';
import { clockOf } from '../workflows/domain/zoned-time.ts';
import { documentOf, purposeOf } from './schedule-settings.ts';
import type { RunState } from './view.ts';

/** What became of a document that was applied, or of a Schedule that has none. */
export interface AppliedSchedule {
  readonly schedule: string;
  readonly result: 'Created' | 'Updated' | 'Unchanged' | 'Removed';
  /** Set where nothing was done: it is what would be. */
  readonly dryRun?: true;
  /** Fields that differed, and what else did. */
  readonly differences: readonly string[];
  readonly paused: boolean;
  /** RFC 3339 with the offset of its zone; absent where it never fires, or is not there. */
  readonly next?: string;
}

/** A line of the list. */
export interface ScheduleEntry {
  readonly schedule: string;
  /** E.g. "rollout containerd-deb12u3". */
  readonly purpose: string;
  /** E.g. "Tue 21:30 (Europe/Berlin)". */
  readonly when: string;
  readonly paused: boolean;
  readonly note: string;
  /** RFC 3339 with the offset of its zone. */
  readonly next?: string;
}

/** One firing that has led to a workflow. */
export interface ScheduleFiring {
  /** RFC 3339. */
  readonly takenAt: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Gone: Temporal does not keep it any more. */
  readonly state: RunState | 'Gone';
  readonly outcome?: ScheduledOutcome;
  readonly failure?: string;
}

/** Everything that is shown of one Schedule. */
export interface ScheduleView extends ScheduleEntry {
  readonly scheduleId: string;
  readonly document: Schedule;
  /** The next ten, RFC 3339 with the offset of the zone. */
  readonly firings: readonly string[];
  /** Newest first. */
  readonly recent: readonly ScheduleFiring[];
  readonly taken: number;
  readonly skippedByOverlap: number;
  readonly missedCatchUp: number;
}

/** What came of a firing by hand. */
export interface FiredSchedule {
  readonly schedule: string;
  /** How many firings were asked for. */
  readonly asked: number;
  readonly fired: readonly ScheduleFiring[];
  readonly skippedByOverlap: number;
}

/** Returns the line of a list; undefined for a Schedule that is none of Tidegate's. */
export function entryOf(there: ScheduleDescription): ScheduleEntry | undefined {
  const schedule = scheduleNameOf(there.scheduleId);
  const document = documentOf(there);
  if (!schedule || !document) return undefined;
  const [next] = firingsOf(there, document);
  return {
    schedule,
    purpose: purposeOf(document),
    when: whenOf(document),
    paused: there.state.paused,
    note: there.state.note ?? '',
    ...(next === undefined || there.state.paused ? {} : { next }),
  };
}

/** Returns the next firings, on the clocks of its zone. */
export function firingsOf(there: ScheduleDescription, { spec }: Schedule): string[] {
  const { stamp } = clockOf(spec.timeZone);
  return there.info.nextActionTimes.map((at) => stamp(at.getTime()));
}

function whenOf({ spec }: Schedule): string {
  const rules = firingRules(spec).map((rule) => rule.comment);
  return `${rules.join('; ')} (${spec.timeZone})`;
}
