/** Cron schedules as Kubernetes reads them: when they fire between two moments. */
import { Cron } from 'croner';
import { offsetsOf } from '../../workflows/domain/zoned-time.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A schedule, and the part of time that is asked about. */
export interface ScheduleQuestion {
  /** Five fields, a nickname such as "@daily", or "@every 1h30m". */
  readonly schedule: string;
  /** IANA name; UTC without it. A "TZ=…" before the schedule counts where this is absent. */
  readonly timeZone?: string;
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  /** For "@every", which counts from the firing before. */
  readonly lastMs: number;
  /** No more firings than this are returned. */
  readonly limit: number;
}

/** The firings in their order, or why the schedule cannot be read. */
export type ScheduleAnswer =
  | { readonly kind: 'Firings'; readonly firings: readonly number[] }
  | { readonly kind: 'Unreadable'; readonly reason: string };

/**
 * Returns when a schedule fires. It does exactly when the clock on the wall shows a time of the
 * pattern: never within an hour that is left out in spring, twice within one that is repeated.
 */
export function firingsBetween(question: ScheduleQuestion): ScheduleAnswer {
  const [, prefixed, pattern = ''] =
    /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/.exec(question.schedule.trim()) ?? [];
  try {
    const every = /^@every\s+(.+)$/.exec(pattern)?.[1];
    const zone = question.timeZone ?? prefixed ?? 'UTC';
    const firings = every ? repeated(every, question) : onTheWall(pattern, zone, question);
    return { kind: 'Firings', firings };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'Unreadable', reason };
  }
}

function onTheWall(pattern: string, zone: string, question: ScheduleQuestion): number[] {
  const { fromMs, toMs, limit } = question;
  const options = { mode: '5-part', utcOffset: 0, sloppyRanges: true } as const;
  const cron = new Cron(asTheLibraryReads(pattern), options);
  const offsetAt = offsetsOf(zone);
  const found = new Set<number>();
  for (const offset of distinctOffsets(offsetAt, fromMs, toMs)) {
    let wall = cron.nextRun(new Date(fromMs + offset - 1000));
    for (let count = 0; wall && count < limit; count += 1) {
      const at = wall.getTime() - offset;
      if (at >= toMs) break;
      if (at >= fromMs && offsetAt(at) === offset) found.add(at);
      wall = cron.nextRun(wall);
    }
  }
  return [...found].sort((a, b) => a - b).slice(0, limit);
}

/** Of minutes, hours, days, months and weekdays. */
const MAX_STEPS = [60, 24, 31, 12, 7];

/** To the library "?" is now instead of any, and a step that leads out of its field an error. */
function asTheLibraryReads(pattern: string): string {
  const fields = pattern.replaceAll('?', '*').split(/\s+/);
  if (fields.length !== MAX_STEPS.length) return pattern;
  return fields
    .map((field, index) =>
      field.replace(/\/(\d+)/g, (_, step) => `/${Math.min(Number(step), MAX_STEPS[index] ?? 0)}`),
    )
    .join(' ');
}

/** Clocks change at most once within a few hours, and stay so for longer. */
function distinctOffsets(offsetAt: (ms: number) => number, fromMs: number, toMs: number) {
  const found = new Set<number>([offsetAt(toMs)]);
  for (let at = fromMs; at < toMs; at += 6 * HOUR_MS) found.add(offsetAt(at));
  return found;
}

const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, m: MINUTE_MS, s: 1000 };

function repeated(every: string, question: ScheduleQuestion): number[] {
  const { fromMs, toMs, lastMs, limit } = question;
  if (!/^(\d+(\.\d+)?[hms])+$/.test(every)) throw new Error(`"${every}" is no duration`);
  const parts = [...every.matchAll(/([\d.]+)([hms])/g)];
  const sum = parts.reduce(
    (ms, [, count, unit = '']) => ms + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
  const step = Math.max(1000, Math.floor(sum / 1000) * 1000);
  const missed = Math.max(1, Math.ceil((fromMs - lastMs) / step));
  const firings: number[] = [];
  for (let at = lastMs + missed * step; at < toMs && firings.length < limit; at += step) {
    firings.push(at);
  }
  return firings;
}
