/** The hours and freezes of a policy as spans of time. Called from activities and the client, never from workflows. */
import type { Policy } from './spec.ts';
import { clockOf, DAY_MS } from './zoned-time.ts';

type Spec = Policy['spec'];
export type Window = Spec['windows'][number];
export type Hours = Spec['onCall'][number];
export type Freeze = Spec['freezes'][number];

const MINUTE_MS = 60_000;
/** No window and no shift may be longer. */
const LONGEST_HOURS_MS = 7 * DAY_MS;
const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** A span of time in milliseconds; its end is not part of it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One opening of a window. */
export interface Opening extends Span {
  readonly window: string;
  readonly timeZone: string;
  /** Name and beginning, e.g. "nightly 2026-11-25T22:00:00+01:00". */
  readonly id: string;
  /** Absent where it is for every region. */
  readonly regions?: readonly string[];
}

/** One time that a freeze is in force. */
export interface FreezeSpan extends Span {
  readonly freeze: Freeze;
}

export const contains = ({ fromMs, toMs }: Span, ms: number) => fromMs <= ms && ms < toMs;
const overlap = (a: Span, b: Span) => a.fromMs < b.toMs && b.fromMs < a.toMs;
const inOrder = (a: Span, b: Span) => a.fromMs - b.fromMs || a.toMs - b.toMs;

/** Tells whether something that names regions, or none for all, is about one; no region asks for all. */
export function concerns(item: { readonly regions?: readonly string[] | undefined }, region = '') {
  return region === '' || !item.regions || item.regions.includes(region);
}

/** Returns the openings of a region's windows that are in a span, in the order of their beginning. */
export function openingsIn(windows: readonly Window[], span: Span, region?: string): Opening[] {
  return windows
    .filter((window) => concerns(window, region))
    .flatMap((window) =>
      hoursIn(window, span).map((found) => ({
        ...found,
        window: window.name,
        timeZone: window.timeZone,
        id: `${window.name} ${clockOf(window.timeZone).stamp(found.fromMs)}`,
        ...(window.regions ? { regions: window.regions } : {}),
      })),
    )
    .sort(inOrder);
}

/** Returns the times within a span at which somebody is on call; where shifts meet they are one. */
export function onCallIn(shifts: readonly Hours[], span: Span): Span[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const shift of shifts.flatMap((hours) => hoursIn(hours, span)).sort(inOrder)) {
    const last = merged.at(-1);
    if (last && shift.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, shift.toMs);
    else merged.push({ ...shift });
  }
  return merged;
}

/** An hour of the clock counts for the day on which it opens; it lasts as long as it says, whatever clocks do. */
function hoursIn({ days, start, durationMinutes, timeZone }: Hours, span: Span): Span[] {
  const clock = clockOf(timeZone);
  const [hours = 0, minutes = 0] = start.split(':').map(Number);
  const startMs = (hours * 60 + minutes) * MINUTE_MS;
  const found: Span[] = [];
  const first = Math.floor(clock.wallAt(span.fromMs - LONGEST_HOURS_MS) / DAY_MS) * DAY_MS;
  for (let dayMs = first - DAY_MS; dayMs < span.toMs + 2 * DAY_MS; dayMs += DAY_MS) {
    const name = DAY_NAMES[new Date(dayMs).getUTCDay()];
    if (name === undefined || !days.includes(name)) continue;
    const fromMs = clock.instantOf(dayMs + startMs);
    const hours = { fromMs, toMs: fromMs + durationMinutes * MINUTE_MS };
    if (overlap(hours, span)) found.push(hours);
  }
  return found;
}

/** Returns when the freezes of a region are in force within a span. */
export function freezesIn(freezes: readonly Freeze[], span: Span, region?: string): FreezeSpan[] {
  return freezes
    .filter((freeze) => concerns(freeze, region))
    .flatMap((freeze) => timesOf(freeze, span))
    .filter((time) => overlap(time, span))
    .sort(inOrder);
}

function timesOf(freeze: Freeze, span: Span): FreezeSpan[] {
  const clock = clockOf(freeze.timeZone);
  const [from, to] = [dateOf(freeze.from), dateOf(freeze.to)];
  const inYear = (year: number): FreezeSpan => ({
    freeze,
    fromMs: clock.instantOf(Date.UTC(year, from.month, from.day)),
    toMs: clock.instantOf(dayAfter({ ...to, year: year + to.year - from.year })),
  });
  if (freeze.every === 'Once') return [inYear(from.year)];
  const years: FreezeSpan[] = [];
  const yearOf = (ms: number) => new Date(ms).getUTCFullYear();
  for (let year = yearOf(span.fromMs) - 2; year <= yearOf(span.toMs) + 1; year++) {
    years.push(inYear(year));
  }
  // From a leap day to the same one: in other years there is no such day.
  return years.filter(({ fromMs, toMs }) => fromMs < toMs);
}

interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function dateOf(text: string): CalendarDate {
  const [year = 0, month = 1, day = 1] = text.split('-').map(Number);
  return { year, month: month - 1, day };
}

/** The day after February 29 is March 1 in every year. */
function dayAfter({ year, month, day }: CalendarDate): number {
  return Math.min(Date.UTC(year, month, day + 1), Date.UTC(year, month + 1, 1));
}

/** Returns what is left of a span within one of the others; all of it where there are none to be in. */
export function within(span: Span, others: readonly Span[] | undefined): Span[] {
  if (!others) return [span];
  return others
    .filter((other) => overlap(span, other))
    .map((other) => ({
      fromMs: Math.max(span.fromMs, other.fromMs),
      toMs: Math.min(span.toMs, other.toMs),
    }));
}

/** Returns what is left of a span outside of all others. */
export function without(span: Span, others: readonly Span[]): Span[] {
  let left: Span[] = [span];
  for (const { fromMs, toMs } of others) {
    left = left.flatMap((piece) =>
      [
        { fromMs: piece.fromMs, toMs: Math.min(piece.toMs, fromMs) },
        { fromMs: Math.max(piece.fromMs, toMs), toMs: piece.toMs },
      ].filter((part) => part.fromMs < part.toMs),
    );
  }
  return left;
}
