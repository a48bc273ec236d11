/** What the windows, shifts and freezes of a policy must be, each for itself and to each other. */
import type { RuleProblem } from './document-rules.ts';

interface HoursFields {
  readonly days: readonly string[];
  readonly durationMinutes: number;
}

interface FreezeFields {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly every: string;
}

export interface CalendarFields {
  readonly windows: readonly (HoursFields & { readonly name: string })[];
  readonly freezes: readonly FreezeFields[];
}

const DAY_MINUTES = 24 * 60;
const WEEK = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Returns what in a policy's calendar contradicts itself. */
export function calendarProblems({ windows, freezes }: CalendarFields): RuleProblem[] {
  return [
    ...twice('windows', windows),
    ...twice('freezes', freezes),
    ...windows.flatMap((window, index) => windowProblems(window, index)),
    ...freezes.flatMap((freeze, index) => freezeProblems(freeze, index)),
  ];
}

/** People name them: to lift a freeze, or to ask which window it was. */
function twice(field: string, items: readonly { readonly name: string }[]): RuleProblem[] {
  const names = items.map(({ name }) => name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: [field, index, 'name'], message: `"${name}" is here twice` }],
  );
}

function windowProblems({ days, durationMinutes }: HoursFields, index: number): RuleProblem[] {
  const most = leastDaysBetween(days) * DAY_MINUTES;
  if (durationMinutes <= most) return [];
  return [
    {
      path: ['windows', index, 'durationMinutes'],
      message: `${durationMinutes} is more than the ${most} until it opens the next time; say at most ${most}, or fewer days`,
    },
  ];
}

/** From one opening to the next; a week where there is one a week. */
function leastDaysBetween(days: readonly string[]): number {
  const open = WEEK.flatMap((day, index) => (days.includes(day) ? [index] : []));
  const next = open.map((day, index) => open[index + 1] ?? (open[0] ?? day) + WEEK.length);
  return Math.min(...open.map((day, index) => (next[index] ?? day) - day));
}

function freezeProblems({ from, to, every }: FreezeFields, index: number): RuleProblem[] {
  const path = ['freezes', index, 'to'];
  if (to < from) {
    const hint = every === 'Year' ? '; over New Year it is a day of the next year' : '';
    return [{ path, message: `${to} is before spec.freezes[${index}].from ${from}${hint}` }];
  }
  if (every === 'Once' || to < aYearAfter(from)) return [];
  const message = `${to} is a year or more after spec.freezes[${index}].from ${from}: with every Year it would never end`;
  return [{ path, message }];
}

function aYearAfter(date: string): string {
  return `${Number(date.slice(0, 4)) + 1}${date.slice(4)}`;
}
