/** How text is set: aligned and coloured for people, tab-separated and plain for pipes. */

/** What the place that text is written to can show. */
export interface Look {
  /** A terminal: tables are aligned. Otherwise cells are separated by tabs. */
  readonly aligned: boolean;
  readonly colour: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  /** Rows of the terminal. */
  readonly height: number;
}

/** For pipes and tests. */
export const PLAIN: Look = { aligned: false, colour: false, width: 80, height: 24 };

const CODES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
/** A colour, or none. */
export type Tone = keyof typeof CODES | 'none';

const ESC = '\u001b';

/** Returns the text in a tone, where colours are wanted. */
export function paint(text: string, tone: Tone, look: Look): string {
  if (!look.colour || tone === 'none' || text === '') return text;
  return `${ESC}[${CODES[tone]}m${text}${ESC}[0m`;
}

const GOOD: ReadonlySet<string> = new Set([
  'Succeeded',
  'Updated',
  'AlreadyDone',
  'Done',
  'Back',
  'Pass',
]);
const BAD: ReadonlySet<string> = new Set([
  'Halted',
  'Fail',
  'Failed',
  'NeedsAttention',
  'Terminated',
  'TimedOut',
]);
const CAREFUL: ReadonlySet<string> = new Set([
  'AwaitingApproval',
  'Error',
  'Inconclusive',
  'AwaitingLease',
  'RollingBack',
  'RolledBack',
  'Rejected',
  'Unwinding',
  'Skipped',
  'Deferred',
  'Cancelled',
]);
const QUIET: ReadonlySet<string> = new Set(['Pending', 'NotStarted']);

/** Returns the tone of a phase, state or outcome. */
export function toneOf(word: string): Tone {
  if (GOOD.has(word)) return 'green';
  if (BAD.has(word)) return 'red';
  if (CAREFUL.has(word)) return 'yellow';
  return QUIET.has(word) ? 'dim' : 'cyan';
}

/** A cell of a table in a tone. */
export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}
/** A row of a table. */
export type Row = readonly (string | Cell)[];

/** Returns a table: aligned by spaces for a terminal, by tabs for pipes. */
export function table(header: readonly string[], rows: readonly Row[], look: Look): string {
  const all = [header.map((text) => ({ text, tone: 'bold' as Tone })), ...rows.map(cells)];
  if (!look.aligned)
    return all.map((row) => row.map(({ text }) => oneLine(text)).join('\t')).join('\n');
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => displayWidth(row[column]?.text ?? ''))),
  );
  return all
    .map((row) => {
      const last = row.length - 1;
      return row
        .map(({ text, tone }, column) => {
          const gap = column === last ? 0 : (widths[column] ?? 0) - displayWidth(text);
          return paint(text, tone ?? 'none', look) + ' '.repeat(gap);
        })
        .join('  ')
        .trimEnd();
    })
    .join('\n');
}

/** Returns a table inside a longer text, which is for people wherever it goes. */
export function alignedTable(header: readonly string[], rows: readonly Row[], look: Look): string {
  return table(header, rows, { ...look, aligned: true });
}

function cells(row: Row): { text: string; tone: Tone }[] {
  return row.map((cell) =>
    typeof cell === 'string'
      ? { text: cell, tone: 'none' }
      : { text: cell.text, tone: cell.tone ?? 'none' },
  );
}

/** A cell must not break its line or add a column. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function displayWidth(text: string): number {
  return [...text].length;
}

/** Returns the lines with two spaces more before each. */
export function indent(text: string, by = 2): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : ' '.repeat(by) + line))
    .join('\n');
}

/** Returns "label  value" lines with the values below each other. */
export function fields(pairs: readonly (readonly [string, string])[], look: Look): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs
    .map(([label, value]) => `${paint(label.padEnd(width), 'dim', look)}  ${value}`.trimEnd())
    .join('\n');
}

/**
 * Returns text without control characters other than colours, tabs and line ends: a name or reason
 * that somebody sent must not steer the terminal of whoever reads it.
 */
export function printable(text: string): string {
  return text.replace(UNWANTED, '');
}

const UNWANTED = new RegExp(
  `${ESC}(?!\\[[0-9;]*m)|[\\u0000-\\u0008\\u000b-\\u001a\\u001c-\\u001f\\u007f-\\u009f]`,
  'g',
);

/** Returns "1 node" or "5 nodes". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
