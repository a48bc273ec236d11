/** The next openings of a policy's windows, and what takes parts of them away. Called from the client, never from workflows. */
import type { Policy } from './spec.ts';
import {
  type Freeze,
  freezesIn,
  type Opening,
  onCallIn,
  openingsIn,
  type Span,
  within,
  without,
} from './window-spans.ts';
import { clockOf, DAY_MS } from './zoned-time.ts';

/** The part of a policy that says when nodes may start. */
export type Calendar = Pick<Policy['spec'], 'windows' | 'onCall' | 'freezes' | 'regionsTogether'>;

/** A stretch of time as RFC 3339, in the zone of its window. */
export interface Stretch {
  readonly from: string;
  readonly to: string;
}

/** Time of an opening in which no node starts. */
export interface Lost extends Stretch {
  readonly by: 'Freeze' | 'OnCall';
  readonly freeze?: string;
  readonly reason?: string;
  /** Absent where it is lost to every region of the window. */
  readonly regions?: readonly string[];
}

export interface NextOpening {
  /** Absent where the policy has no windows, and these are the hours in which somebody is on call. */
  readonly window?: string;
  readonly timeZone: string;
  readonly regions?: readonly string[];
  readonly opens: string;
  readonly closes: string;
  readonly opensUtc: string;
  readonly closesUtc: string;
  readonly lost: readonly Lost[];
  /** What is left of it. */
  readonly open: readonly Stretch[];
}

export interface OpeningsAsked {
  readonly fromMs: number;
  readonly count: number;
  /** Default: every region. */
  readonly region?: string;
}

/** As far as is searched for windows that open seldom. */
const SEARCH_DAYS = 400;

/** Returns the openings that are open at a moment or begin after it, the first ones first. */
export function nextOpenings(policy: Calendar, asked: OpeningsAsked): NextOpening[] {
  const { fromMs, count, region } = asked;
  for (let days = 8; ; days = Math.min(days * 4, SEARCH_DAYS)) {
    const found = hoursOf(policy, { fromMs, toMs: fromMs + days * DAY_MS }, region);
    const enough = found.length >= count || days === SEARCH_DAYS;
    if (enough) return found.slice(0, count).map((opening) => described(opening, policy, region));
  }
}

type Hours = Omit<Opening, 'window' | 'id'> & { readonly window?: string };

function hoursOf({ windows, onCall }: Calendar, span: Span, region?: string): Hours[] {
  if (windows.length > 0) return openingsIn(windows, span, region);
  const [first] = onCall;
  if (!first) return [];
  return onCallIn(onCall, span).map((shift) => ({ ...shift, timeZone: first.timeZone }));
}

function described(hours: Hours, policy: Calendar, region?: string): NextOpening {
  const { window, timeZone, regions } = hours;
  const clock = clockOf(timeZone);
  const stretch = ({ fromMs, toMs }: Span) => ({
    from: clock.stamp(fromMs),
    to: clock.stamp(toMs),
  });
  const shifts = policy.windows.length && policy.onCall.length ? policy.onCall : undefined;
  const onCall = shifts ? onCallIn(shifts, hours) : undefined;
  const frozen = freezesIn(policy.freezes, hours, region).filter(({ freeze }) =>
    meets(freeze, regions),
  );
  const forAll = frozen.filter(({ freeze }) => isForAll(freeze, region ? [region] : regions));
  const left = within(hours, onCall).flatMap((part) => without(part, forAll));
  const lost: (Lost & { readonly atMs: number })[] = [
    ...frozen.flatMap((time) =>
      within(hours, [time]).map((part) => ({
        ...{ by: 'Freeze' as const, freeze: time.freeze.name, reason: time.freeze.reason },
        ...stretch(part),
        ...(forAll.includes(time) ? {} : { regions: time.freeze.regions ?? [] }),
        atMs: part.fromMs,
      })),
    ),
    ...(onCall ? without(hours, onCall) : []).map((part) => ({
      ...{ by: 'OnCall' as const, ...stretch(part), atMs: part.fromMs },
    })),
  ];
  const utc = clockOf('UTC');
  return {
    ...(window === undefined ? {} : { window }),
    timeZone,
    ...(regions ? { regions } : {}),
    opens: clock.stamp(hours.fromMs),
    closes: clock.stamp(hours.toMs),
    opensUtc: utc.stamp(hours.fromMs).replace('+00:00', 'Z'),
    closesUtc: utc.stamp(hours.toMs).replace('+00:00', 'Z'),
    lost: lost.sort((a, b) => a.atMs - b.atMs).map(({ atMs: _, ...rest }) => rest),
    open: left.map(stretch),
  };
}

function meets({ regions }: Freeze, of: readonly string[] | undefined): boolean {
  return !regions || !of || regions.some((region) => of.includes(region));
}

function isForAll({ regions }: Freeze, of: readonly string[] | undefined): boolean {
  return !regions || (of?.every((region) => regions.includes(region)) ?? false);
}
