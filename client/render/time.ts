/** Times as people read them. Pure: the present is an argument. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Returns "850 ms", "4.2 s", "3 min 5 s", "2 h 10 min" or "4 d 3 h". */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < SECOND) return `${Math.round(span)} ms`;
  if (span < MINUTE - SECOND / 20) return `${(span / SECOND).toFixed(1).replace(/\.0$/, '')} s`;
  if (span < HOUR - SECOND / 2)
    return pair(span, { unit: MINUTE, name: 'min', part: SECOND, partName: 's' });
  if (span < DAY - MINUTE / 2)
    return pair(span, { unit: HOUR, name: 'h', part: MINUTE, partName: 'min' });
  return pair(span, { unit: DAY, name: 'd', part: HOUR, partName: 'h' });
}

function pair(
  span: number,
  by: { unit: number; name: string; part: number; partName: string },
): string {
  const parts = Math.round(span / by.part);
  const perUnit = by.unit / by.part;
  const whole = Math.floor(parts / perUnit);
  const rest = parts % perUnit;
  return `${whole} ${by.name}${rest > 0 ? ` ${rest} ${by.partName}` : ''}`;
}

/** Returns "3 min 5 s ago (2026-11-24 22:10:00Z)" for an RFC 3339 time. */
export function ago(at: string, nowMs: number): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const seconds = Math.floor((nowMs - then) / SECOND);
  return `${seconds < 1 ? 'just now' : `${duration(seconds * SECOND)} ago`} (${stamp(at)})`;
}

/** Returns "2026-11-24 22:10:00Z" for an RFC 3339 time. */
export function stamp(at: string): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  return `${new Date(then).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Returns the time of day in UTC, "22:10:00Z". */
export function timeOfDay(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(11, 19)}Z`;
}
