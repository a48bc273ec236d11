/** What a report is made of, whatever it is written as: sections of blocks, blocks of words and numbers. */
import type { Chart, Moment, ReportTone, Soak } from '../../workflows/domain/report-types.ts';

/** A part of a sentence. */
export type Piece =
  | string
  | { readonly kind: 'Code'; readonly text: string }
  | { readonly kind: 'Strong'; readonly text: string }
  /** A state or verdict; its tone is never all there is. */
  | { readonly kind: 'Badge'; readonly text: string; readonly tone: ReportTone }
  /** RFC 3339. */
  | { readonly kind: 'Time'; readonly at: string };
/** A sentence or a cell. */
export type Rich = Piece | readonly Piece[];

export interface Column {
  readonly title: string;
  /** Numbers are set below each other. */
  readonly numeric?: true;
}

export type Block =
  | { readonly kind: 'Text'; readonly text: Rich }
  | { readonly kind: 'Heading'; readonly text: string }
  | { readonly kind: 'Callout'; readonly tone: ReportTone; readonly text: Rich }
  | { readonly kind: 'Facts'; readonly items: readonly (readonly [string, Rich])[] }
  | { readonly kind: 'List'; readonly items: readonly Rich[] }
  | TableBlock
  | { readonly kind: 'ToDo'; readonly items: readonly ToDo[] }
  | { readonly kind: 'Timeline'; readonly items: readonly TimelineLine[] }
  /** What charts mark by numbers. */
  | { readonly kind: 'Moments'; readonly moments: readonly Moment[] }
  | { readonly kind: 'Lanes'; readonly lanes: readonly Lane[] }
  | ChartBlock
  /** Left out of terminals: everything in it is in the other formats. */
  | { readonly kind: 'Fold'; readonly summary: string; readonly blocks: readonly Block[] };

export interface TableBlock {
  readonly kind: 'Table';
  readonly caption: string;
  readonly columns: readonly Column[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly Rich[])[];
}

export interface ChartBlock {
  readonly kind: 'Chart';
  readonly chart: Chart;
  readonly moments: readonly Moment[];
  readonly soaks: readonly Soak[];
}

export interface ToDo {
  readonly text: Rich;
  readonly commands: readonly string[];
}

export interface TimelineLine {
  readonly at: string;
  /** What kind of thing happened. */
  readonly label: string;
  readonly tone: ReportTone;
  readonly text: Rich;
}

/** A row of bars over time. */
export interface Lane {
  readonly name: string;
  readonly bars: readonly {
    readonly from: string;
    readonly to: string;
    readonly look: 'Work' | 'Wait' | 'Soak' | 'Back' | 'Failed';
    readonly text: string;
  }[];
}

export interface Section {
  /** Of the anchor. */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface ReportDocument {
  /** What kind of document it is, above its title. */
  readonly eyebrow: string;
  readonly title: string;
  readonly badge?: { readonly text: string; readonly tone: ReportTone };
  /** What came of it, in a sentence. */
  readonly lead: string;
  readonly stats: readonly Stat[];
  /** What to know before reading on. */
  readonly callouts: readonly Extract<Block, { readonly kind: 'Callout' }>[];
  readonly sections: readonly Section[];
}

export interface Stat {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

/** Stands before a word in a tone, where colours may not be seen. */
export const SYMBOLS: Readonly<Record<ReportTone, string>> = {
  Good: '✓',
  Careful: '!',
  Bad: '✕',
  Neutral: '·',
};

export const code = (text: string): Piece => ({ kind: 'Code', text });
export const strong = (text: string): Piece => ({ kind: 'Strong', text });
export const badge = (text: string, tone: ReportTone): Piece => ({ kind: 'Badge', text, tone });
export const time = (at: string): Piece => ({ kind: 'Time', at });

/** Returns the pieces of a sentence. */
export function pieces(rich: Rich): readonly Piece[] {
  return Array.isArray(rich) ? rich : [rich as Piece];
}

/** Returns "2026-11-24 22:10:00 UTC" for an RFC 3339 time. */
export function utc(at: string): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  return `${new Date(then).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Returns the day of a time, in UTC. */
export function dayOf(at: string): string {
  return utc(at).slice(0, 10);
}

/** Returns the time of day, in UTC and without saying so. */
export function clock(at: string): string {
  return utc(at).slice(11, 19);
}

/**
 * Returns text without what steers terminals or turns the direction of what stands beside it: it may
 * have been written by anybody.
 */
export function tame(text: string): string {
  return text.replace(STEERING, '\ufffd');
}

const STEERING = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/** Returns a sentence without its marks. */
export function flat(rich: Rich): string {
  return tame(
    pieces(rich)
      .map((piece) => {
        if (typeof piece === 'string') return piece;
        return piece.kind === 'Time' ? utc(piece.at) : piece.text;
      })
      .join(''),
  );
}
