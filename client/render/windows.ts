/** Shows when the windows of a policy open next, in their zone and in UTC, and what is taken from them. */
import type { Lost, NextOpening } from '../../workflows/domain/next-openings.ts';
import { type Cell, type Look, table } from './look.ts';

/** What the table is about. */
export interface WindowsShown {
  readonly openings: readonly NextOpening[];
  readonly hasWindows: boolean;
  readonly freezes: readonly {
    readonly name: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** Returns one row an opening; a sentence where there are none. */
export function renderWindows(shown: WindowsShown, look: Look): string {
  const { openings, hasWindows } = shown;
  if (openings.length === 0) return hasWindows ? NEVER : always(shown);
  const withRegions = openings.some(({ regions }) => regions !== undefined);
  const header = [
    ...['WINDOW', 'OPENS', 'CLOSES', 'ZONE', 'OPENS (UTC)', 'CLOSES (UTC)'],
    ...(withRegions ? ['REGIONS'] : []),
    'TAKEN AWAY',
  ];
  const rows = openings.map((opening): (string | Cell)[] => [
    opening.window ?? '(on call)',
    ...[opening.opens, opening.closes].map((at) => moment(at, look)),
    opening.timeZone,
    ...[opening.opensUtc, opening.closesUtc].map((at) => moment(at, look)),
    ...(withRegions ? [opening.regions?.join(', ') ?? 'all'] : []),
    takenAway(opening),
  ]);
  return table(header, rows, look);
}

const NEVER = 'No window opens within 400 days.';

function always({ freezes }: WindowsShown): string {
  const names = freezes.map(({ name, from, to }) => `${name} (${from} to ${to})`);
  const but = names.length > 0 ? `, but for the freezes ${names.join(', ')}` : '';
  return `The policy has no windows: nodes may start at any time${but}.`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** People read a weekday and the wall clock; programs read RFC 3339. */
function moment(at: string, look: Look): string {
  if (!look.aligned) return at;
  const date = at.slice(0, 10);
  const day = DAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  return `${day} ${date} ${at.slice(11, 16)}`;
}

function takenAway({ lost, open, opens, closes }: NextOpening): Cell {
  if (lost.length === 0) return { text: '-' };
  const whole = { from: opens, to: closes };
  const parts = lost.map((part) => `${stretchOf(part, whole)}: ${causeOf(part)}`);
  return { text: parts.join('; '), tone: open.length === 0 ? 'red' : 'yellow' };
}

function stretchOf({ from, to }: Lost, whole: { from: string; to: string }): string {
  if (from === whole.from && to === whole.to) return 'all';
  if (from === whole.from) return `until ${to.slice(11, 16)}`;
  if (to === whole.to) return `from ${from.slice(11, 16)}`;
  return `${from.slice(11, 16)} to ${to.slice(11, 16)}`;
}

function causeOf({ by, freeze, reason, regions }: Lost): string {
  if (by === 'OnCall') return 'nobody on call';
  const where = regions ? ` in ${regions.join(', ')}` : '';
  return `freeze "${freeze}"${where} (${reason})`;
}
