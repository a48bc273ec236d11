/** Tells people when the next windows of a policy open. Called from activities, never from workflows. */
import type { Policy } from './spec.ts';
import {
  concerns,
  freezesIn,
  type Opening,
  onCallIn,
  openingsIn,
  type Span,
} from './window-spans.ts';
import { clockOf, DAY_MS } from './zoned-time.ts';

/** Further openings say little that these don't. */
const MAX_OPENINGS = 5;
const HORIZON_DAYS = 60;

/** Returns a headline and a line for each opening that is near, with the freezes that are in its way. */
export function windowAnnouncement(question: {
  readonly policy: Policy;
  readonly regions?: readonly string[] | undefined;
  readonly nowMs: number;
}): string[] {
  const { policy, regions = [], nowMs } = question;
  const { windows, freezes, onCall } = policy.spec;
  const of = `policy ${policy.metadata.name}${regions.length > 0 ? `, regions ${regions.join(', ')}` : ''}`;
  const span = { fromMs: nowMs, toMs: nowMs + HORIZON_DAYS * DAY_MS };
  const asked = (item: { readonly regions?: readonly string[] | undefined }) =>
    regions.length === 0 || regions.some((region) => concerns(item, region));
  const frozen = freezesIn(freezes.filter(asked), span);
  const shifts = onCallIn(onCall, span);
  const openings = openingsIn(windows.filter(asked), span).slice(0, MAX_OPENINGS);
  const lines = openings.map((opening) => {
    const meets = (time: Span) => time.fromMs < opening.toMs && opening.fromMs < time.toMs;
    const names = frozen.filter(meets).map(({ freeze }) => `${freeze.name} (${freeze.reason})`);
    const freeze = names.length > 0 ? [`freeze ${[...new Set(names)].join(', ')}`] : [];
    const alone = onCall.length > 0 && !shifts.some(meets) ? ['nobody is on call'] : [];
    return [inWords(opening), ...freeze, ...alone].join('; ');
  });
  if (windows.length === 0) return [`Nodes may start at any time: ${of} has no windows`];
  if (lines.length === 0) return [`No window of ${of} opens within ${HORIZON_DAYS} days`];
  return [`Next windows of ${of}`, ...lines];
}

function inWords({ window, timeZone, regions, fromMs, toMs }: Opening): string {
  const { stamp } = clockOf(timeZone);
  const where = regions ? `, regions ${regions.join(', ')}` : '';
  return `${window}: ${stamp(fromMs)} to ${stamp(toMs)} (${timeZone})${where}`;
}
