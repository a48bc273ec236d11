/** When a Schedule fires: cron lines and calendars, both as the ranges that Temporal matches. Pure. */

/** The days of a week as documents write them, in cron's order. */
export const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
export const MONTH_NAMES = [
  ...(['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'] as const),
  ...(['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const),
] as const;

/** From `start` to `end`, both included, in steps. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Fires where every field matches. Months count from 1, days of the week from Sunday, which is 0. */
export interface FiringRule {
  readonly minute: readonly Range[];
  readonly hour: readonly Range[];
  readonly dayOfMonth: readonly Range[];
  readonly month: readonly Range[];
  readonly dayOfWeek: readonly Range[];
  /** As a person wrote it. */
  readonly comment: string;
}

type FieldName = Exclude<keyof FiringRule, 'comment'>;

interface Field {
  readonly name: FieldName;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly words?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', label: 'minute', from: 0, to: 59 },
  { name: 'hour', label: 'hour', from: 0, to: 23 },
  { name: 'dayOfMonth', label: 'day of the month', from: 1, to: 31 },
  { name: 'month', label: 'month', from: 1, to: 12, words: ['', ...MONTH_NAMES] },
  // Cron knows Sunday as 0 and as 7.
  { name: 'dayOfWeek', label: 'day of the week', from: 0, to: 7, words: WEEKDAYS },
];

/** A cron line as Temporal matches it, or why it is none. */
export type CronAnswer =
  | { readonly kind: 'Rule'; readonly rule: FiringRule }
  | { readonly kind: 'Unreadable'; readonly reason: string };

/** Reads a cron line of five fields. */
export function readCron(line: string): CronAnswer {
  const words = line.trim().split(/\s+/);
  if (words.length !== FIELDS.length) {
    return unreadable(
      `expected five fields (minute, hour, day of the month, month, day of the week) such as "30 21 * * Tue", found ${JSON.stringify(line)}`,
    );
  }
  const ranges = {} as Record<FieldName, Range[]>;
  for (const [index, field] of FIELDS.entries()) {
    const answer = readField(field, words[index] ?? '');
    if (typeof answer === 'string') return unreadable(answer);
    ranges[field.name] = answer;
  }
  if (words[2] !== '*' && words[4] !== '*') {
    return unreadable(
      `${JSON.stringify(line)} names days of the month and of the week: cron fires on either, Temporal where both match; write two lines, or calendars where both must match`,
    );
  }
  return { kind: 'Rule', rule: { ...ranges, comment: line.trim() } };
}

function unreadable(reason: string): CronAnswer {
  return { kind: 'Unreadable', reason };
}

/** The ranges of a field, or what is wrong with it. */
function readField(field: Field, text: string): Range[] | string {
  const found: Range[] = [];
  for (const part of text.split(',')) {
    const ranges = readRange(field, part);
    if (!ranges) {
      const words = field.words ? ' or a name such as ' : '';
      const example = field.words ? JSON.stringify(field.words[2]) : '';
      return `${field.label} ${JSON.stringify(part)}: expected "*" or a number from ${field.from} to ${field.to}${words}${example}, a range such as "1-5", or steps such as "*/2"`;
    }
    found.push(...ranges);
  }
  return found;
}

function readRange(field: Field, part: string): Range[] | undefined {
  const match = /^(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:\/([0-9]{1,2}))?$/i.exec(part);
  if (!match) return undefined;
  const [, all, first = '', last, every] = match;
  const step = every === undefined ? 1 : Number(every);
  const start = all ? field.from : numberOf(field, first);
  const open = all !== undefined || (every !== undefined && last === undefined);
  const end = open ? lastOf(field) : last === undefined ? start : numberOf(field, last);
  if (start === undefined || end === undefined || start > end || step < 1) return undefined;
  return field.name === 'dayOfWeek' ? weekdays({ start, end, step }) : [{ start, end, step }];
}

/** In "*" and "5/2" Sunday counts once. */
const lastOf = ({ name, to }: Field) => (name === 'dayOfWeek' ? 6 : to);

function numberOf(field: Field, text: string): number | undefined {
  const named = field.words?.findIndex(
    (word) => word !== '' && word.toLowerCase() === text.toLowerCase(),
  );
  if (named !== undefined && named >= 0) return named;
  const value = /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= field.from && value <= field.to ? value : undefined;
}

/** Temporal knows Sunday as 0 alone. */
function weekdays({ start, end, step }: Range): Range[] {
  if (end < 7) return [{ start, end, step }];
  const sunday = (7 - start) % step === 0 ? [{ start: 0, end: 0, step: 1 }] : [];
  return start > 6 ? sunday : [{ start, end: 6, step }, ...sunday];
}

/** A day and time as documents write it. */
export interface CalendarTime {
  readonly days?: readonly (typeof WEEKDAYS)[number][] | undefined;
  readonly daysOfMonth?: readonly number[] | undefined;
  readonly months?: readonly (typeof MONTH_NAMES)[number][] | undefined;
  /** "HH:MM". */
  readonly at: string;
}

/** Returns the rule of a calendar's entry. */
export function calendarRule({ days, daysOfMonth, months, at }: CalendarTime): FiringRule {
  const [hour = 0, minute = 0] = at.split(':').map(Number);
  const comment = [
    days?.join(','),
    daysOfMonth && `day ${daysOfMonth.join(',')}`,
    months?.join(','),
  ]
    .filter((part) => part !== undefined)
    .concat(at)
    .join(' ');
  return {
    minute: [only(minute)],
    hour: [only(hour)],
    dayOfMonth: daysOfMonth?.map(only) ?? [{ start: 1, end: 31, step: 1 }],
    month: months?.map((name) => only(MONTH_NAMES.indexOf(name) + 1)) ?? [
      { start: 1, end: 12, step: 1 },
    ],
    dayOfWeek: days?.map((name) => only(WEEKDAYS.indexOf(name))) ?? [{ start: 0, end: 6, step: 1 }],
    comment,
  };
}

const only = (value: number): Range => ({ start: value, end: value, step: 1 });

/** Returns the rules of a Schedule; throws for a cron line that its schema would have refused. */
export function firingRules(spec: {
  readonly cron?: readonly string[] | undefined;
  readonly calendars?: readonly CalendarTime[] | undefined;
}): FiringRule[] {
  const lines = (spec.cron ?? []).map((line) => {
    const answer = readCron(line);
    if (answer.kind === 'Unreadable') throw new Error(answer.reason);
    return answer.rule;
  });
  return [...lines, ...(spec.calendars ?? []).map(calendarRule)];
}
