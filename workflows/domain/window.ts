/** Decides whether nodes may start at a moment, and when they may. Called from activities and the client, never from workflows. */
import type { WindowLook, WindowQuestion } from '../activity-contract.ts';
import { words } from './duration-words.ts';
import {
  concerns,
  contains,
  type FreezeSpan,
  freezesIn,
  type Opening,
  onCallIn,
  openingsIn,
  type Span,
  within,
  without,
} from './window-spans.ts';
import { clockOf, DAY_MS } from './zoned-time.ts';

/** How far ahead an opening is looked for: every day of a year, and then some. */
export const SEARCH_DAYS = 400;
/** Most openings are near. */
const SEARCHES = [8, 60, SEARCH_DAYS];

/** Time in which nodes may be in work without a break: of one opening, where there are windows. */
interface Place extends Span {
  readonly opening?: Opening;
}

/** What a policy says of a stretch of time. */
interface Calendar {
  /** Without windows one that never ends, and has no name. */
  readonly openings: readonly Place[];
  /** Absent where nobody has to be on call. */
  readonly onCall: readonly Span[] | undefined;
  readonly freezes: readonly FreezeSpan[];
  /** What is left of the openings for the region that is asked about. */
  readonly places: readonly Place[];
}

const ALWAYS: Span = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

/**
 * Returns whether a node that takes as long as expected may start at a moment: within one opening
 * that no other region has had, with somebody on call, and before the next freeze. Where it may not,
 * `until` is the first moment at which it may.
 */
export function lookAtWindow(nowMs: number, question: WindowQuestion): WindowLook {
  const fits = ({ fromMs, toMs }: Span) =>
    toMs - Math.max(fromMs, nowMs) >= Math.max(1, question.expectedMs);
  for (const days of SEARCHES) {
    const limitMs = nowMs + days * DAY_MS;
    const calendar = calendarOf(question, { fromMs: nowMs, toMs: limitMs });
    const usable = calendar.places.filter(fits);
    const [open] = usable
      .filter((place) => place.fromMs <= nowMs)
      .sort((a, b) => b.toMs - a.toMs || (idOf(a) < idOf(b) ? -1 : 1));
    if (open) return opened(open, question);
    const next = usable.find((place) => place.fromMs < limitMs);
    if (next) return closed({ nowMs, question, calendar }, next);
    if (days === SEARCH_DAYS) return never({ nowMs, question, calendar });
  }
  throw new Error('the last search is the longest one');
}

function calendarOf(question: WindowQuestion, span: Span): Calendar {
  const { policy, region, lifted, expectedMs } = question;
  // What begins within the span may end after it.
  const wider = { fromMs: span.fromMs, toMs: span.toMs + expectedMs + 8 * DAY_MS };
  const openings: Place[] =
    policy.windows.length === 0
      ? [ALWAYS]
      : openingsIn(policy.windows, wider, region).map((opening) => ({
          ...{ fromMs: opening.fromMs, toMs: opening.toMs },
          opening,
        }));
  const onCall = policy.onCall.length > 0 ? onCallIn(policy.onCall, wider) : undefined;
  const inForce = policy.freezes.filter(({ name }) => !lifted.includes(name));
  const farthest = { fromMs: span.fromMs, toMs: wider.toMs + SEARCH_DAYS * DAY_MS };
  const freezes = freezesIn(inForce, farthest, region);
  const places = openings
    .filter((opening) => !isTaken(opening, question))
    .flatMap((opening) =>
      within(opening, onCall)
        .flatMap((part) => without(part, freezes))
        .map((part): Place => ({ ...opening, ...part })),
    )
    .filter((place) => place.toMs > span.fromMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  return { openings, freezes, places, onCall };
}

function isTaken(place: Place, { policy, taken }: WindowQuestion): boolean {
  return !policy.regionsTogether && taken.includes(idOf(place));
}

const idOf = ({ opening }: Place) => opening?.id ?? '';

/** The zone in which people are told of a place. */
function zoneOf({ opening }: Place, { policy: { onCall, freezes } }: WindowQuestion): string {
  return opening?.timeZone ?? [...onCall, ...freezes][0]?.timeZone ?? 'UTC';
}

function opened(place: Place, question: WindowQuestion): WindowLook {
  const { opening, toMs } = place;
  return {
    kind: 'Open',
    ...(opening ? { opening: opening.id } : {}),
    ...(toMs === ALWAYS.toMs ? {} : { closesAt: clockOf(zoneOf(place, question)).stamp(toMs) }),
  };
}

/** A question, and what is known to answer it. */
interface Closing {
  readonly nowMs: number;
  readonly question: WindowQuestion;
  readonly calendar: Calendar;
}

/** Why a place is of no use, in words. */
interface Obstacle {
  readonly reason: string;
  /** The freeze, where it is one. */
  readonly freeze?: string;
}

function closed(closing: Closing, next: Place): WindowLook {
  const { nowMs, question, calendar } = closing;
  const zone = zoneOf(next, question);
  const until = clockOf(zone).stamp(next.fromMs);
  const before = calendar.openings.find(
    (opening) => opening.toMs > nowMs && opening.fromMs < next.fromMs,
  );
  const { opening } = next;
  const opens = opening && opening.fromMs === next.fromMs ? 'opens' : 'may be used from';
  const then = opening
    ? `window "${opening.window}" ${opens === 'opens' ? 'opens at' : opens} ${until} (${zone})`
    : `nodes may start at ${until} (${zone})`;
  const obstacle = before ? obstacleIn(before, closing) : undefined;
  return { kind: 'Closed', ...obstacle, reason: joined(obstacle?.reason, then), until };
}

const joined = (...parts: (string | undefined)[]) => parts.filter(Boolean).join('; ');

/** Returns why what is left of an opening is of no use. */
function obstacleIn(place: Place, closing: Closing): Obstacle {
  const { nowMs, question, calendar } = closing;
  const fromMs = Math.max(nowMs, place.fromMs);
  if (isTaken(place, question)) {
    const began = inWords(place.fromMs, zoneOf(place, question));
    const reason = `nodes of another region have started in the opening of window "${place.opening?.window}" at ${began}, and regions do not share one`;
    return { reason };
  }
  const frozen = calendar.freezes.find((time) => contains(time, fromMs));
  if (frozen) {
    const { name, reason, timeZone } = frozen.freeze;
    const until = inWords(frozen.toMs, timeZone);
    return { reason: `freeze "${name}" (${reason}) lasts until ${until}`, freeze: name };
  }
  if (calendar.onCall && !calendar.onCall.some((shift) => contains(shift, fromMs))) {
    const { opening } = place;
    const when = inWords(fromMs, zoneOf(place, question));
    const where =
      opening && fromMs > nowMs ? `when window "${opening.window}" opens at ${when}` : 'now';
    return { reason: `nobody is on call ${where}` };
  }
  return tooShort(place, fromMs, closing);
}

function tooShort(place: Place, fromMs: number, { question, calendar }: Closing): Obstacle {
  const part = calendar.places.find(
    (entry) => idOf(entry) === idOf(place) && contains(entry, fromMs),
  );
  const toMs = part?.toMs ?? place.toMs;
  const ending = calendar.freezes.find((time) => time.fromMs === toMs)?.freeze;
  const ends = ending
    ? `freeze "${ending.name}" (${ending.reason}) begins`
    : toMs === place.toMs
      ? `window "${place.opening?.window}" closes`
      : 'the time on call ends';
  const [left, needed] = [toMs - fromMs, question.expectedMs].map(words);
  const reason = `${ends} at ${inWords(toMs, zoneOf(place, question))}: ${left} is too short for a node, which is expected to take ${needed}`;
  return { reason, ...(ending ? { freeze: ending.name } : {}) };
}

function inWords(ms: number, zone: string): string {
  return `${clockOf(zone).stamp(ms)} (${zone})`;
}

/** Nothing will ever open, as far as the calendar says. */
function never(closing: Closing): WindowLook {
  const { nowMs, question, calendar } = closing;
  const { policy, region, expectedMs } = question;
  const lengthOf = ({ fromMs, toMs }: Span) => toMs - Math.max(fromMs, nowMs);
  if (policy.windows.length > 0 && !policy.windows.some((window) => concerns(window, region))) {
    const names = policy.windows.map(({ name }) => `"${name}"`).join(', ');
    return { kind: 'Closed', reason: `no window is for region ${region}, of ${names}` };
  }
  const [longest] = calendar.places
    .filter((place) => place.fromMs < nowMs + SEARCH_DAYS * DAY_MS)
    .sort((a, b) => lengthOf(b) - lengthOf(a));
  if (longest) {
    const where = longest.opening ? ` (window "${longest.opening.window}")` : '';
    const most = words(lengthOf(longest));
    const reason = `a node is expected to take ${words(expectedMs)}, and the longest time for one within ${SEARCH_DAYS} days is ${most}${where}: it never fits`;
    return { kind: 'Closed', reason };
  }
  const [first] = calendar.openings;
  const obstacle = first ? obstacleIn(first, closing) : undefined;
  const reason = `nothing opens within ${SEARCH_DAYS} days`;
  return { kind: 'Closed', ...obstacle, reason: joined(reason, obstacle?.reason) };
}
