/** Wall clocks of IANA time zones. Called from activities and the client, never from workflows. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Milliseconds of a day of 24 hours. */
export const DAY_MS = 24 * HOUR_MS;

/** Tells whether a name is that of a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** Returns how far a zone's clocks are ahead of UTC; throws for a zone that does not exist. */
export function offsetsOf(zone: string): (ms: number) => number {
  if (zone === 'UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  return (ms) => {
    const parts = format.formatToParts(ms);
    const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d+):(\d+))?/.exec(name) ?? [];
    const ahead = Number(hours ?? 0) * HOUR_MS + Number(minutes ?? 0) * MINUTE_MS;
    return sign === '-' ? -ahead : ahead;
  };
}

/** The clocks of one zone. A wall time is written as the moment at which UTC shows the same. */
export interface ZoneClock {
  readonly wallAt: (ms: number) => number;
  /**
   * Returns the first moment at which the clocks show a wall time. One that they skip is the first
   * moment after the gap.
   */
  readonly instantOf: (wallMs: number) => number;
  /** Returns RFC 3339 with the zone's offset, e.g. "2026-11-26T22:00:00+01:00". */
  readonly stamp: (ms: number) => string;
}

const clocks = new Map<string, ZoneClock>();

/** Returns the clocks of a zone; throws for a zone that does not exist. */
export function clockOf(zone: string): ZoneClock {
  const known = clocks.get(zone);
  if (known) return known;
  const offsetAt = offsetsOf(zone);
  const clock: ZoneClock = {
    wallAt: (ms) => ms + offsetAt(ms),
    instantOf: (wallMs) => firstInstant(wallMs, offsetAt),
    stamp: (ms) => stampOf(ms, offsetAt(ms)),
  };
  clocks.set(zone, clock);
  return clock;
}

/** No zone is a day ahead or behind, and none changes its clocks twice within two days. */
function firstInstant(wallMs: number, offsetAt: (ms: number) => number): number {
  const [before, after] = [offsetAt(wallMs - DAY_MS), offsetAt(wallMs + DAY_MS)];
  const moments = [wallMs - before, wallMs - after].sort((a, b) => a - b);
  const [earlier = 0, later = 0] = moments;
  for (const at of moments) if (at + offsetAt(at) === wallMs) return at;
  let [skipped, there] = [earlier, later];
  while (there - skipped > 1) {
    const middle = Math.floor((skipped + there) / 2);
    if (offsetAt(middle) === after) there = middle;
    else skipped = middle;
  }
  return there;
}

function stampOf(ms: number, offsetMs: number): string {
  const minutes = Math.abs(offsetMs) / MINUTE_MS;
  const two = (count: number) => String(Math.floor(count)).padStart(2, '0');
  const offset = `${offsetMs < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  return `${new Date(ms + offsetMs).toISOString().slice(0, 19)}${offset}`;
}
