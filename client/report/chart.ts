/** Draws an indicator as SVG: both sides over time, with the moments and soaks that it went through. */
import type { Spread } from '../../workflows/domain/report-numbers.ts';
import type { ChartPoint, Moment, ReportTone } from '../../workflows/domain/report-types.ts';
import { type Scale, timeScale, timeTick, valueScale, valueTick } from './chart-scale.ts';
import { type ChartBlock, clock } from './document.ts';
import { escapeHtml } from './escape.ts';
import { rangeWords, SIDES } from './spark.ts';

/** Wide for screens, narrow for phones: text keeps its size in both. Flags closer than `flag` are drawn as one. */
export type ChartSize = 'wide' | 'narrow';

const SIZES = {
  wide: { width: 760, height: 270, left: 56, right: 14, timeTicks: 8, marks: 48, flag: 34 },
  narrow: { width: 330, height: 230, left: 44, right: 8, timeTicks: 3, marks: 16, flag: 40 },
} as const;
const TOP = 42;
const BOTTOM = 26;
/** Part of the time measured that counts as shortly before or after. */
const NEAR = 0.15;
/** A side that was silent for so many rounds is not drawn through. */
const MAX_GAP = 4;

interface Place {
  readonly x: Scale;
  readonly y: Scale;
  readonly size: (typeof SIZES)[ChartSize];
}

/** Returns the SVG of a chart; `id` is its own within the page. */
export function chartSvg(block: ChartBlock, size: ChartSize, id: string): string {
  const { chart, soaks, moments } = block;
  const place = placeOf(block, SIZES[size]);
  const { width, height } = place.size;
  const about = [
    `<title id="${id}-t">${escapeHtml(`${chart.indicator}: ${titleWords(block)}`)}</title>`,
    `<desc id="${id}-d">${escapeHtml(describe(block))}</desc>`,
  ].join('');
  const drawn = [
    ...soaks.map((soak) => soakBand(soak, place)),
    axes(place),
    flags(moments, place),
    ...SIDES.map(([side]) => sideShapes(chart.points, side, place)).toReversed(),
    inWork(chart.points, place),
  ].join('');
  return `<svg class="chart ${size}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-t" aria-describedby="${id}-d">${about}${drawn}</svg>`;
}

function titleWords({ chart }: ChartBlock): string {
  if (chart.fleet) return 'one number for the whole fleet, over time';
  return 'nodes with the update beside nodes without it, over time';
}

/** Returns in words what the chart shows, for who does not see it. */
export function describe({ chart }: ChartBlock): string {
  const { points, unit } = chart;
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return 'Nothing was measured.';
  const sides = SIDES.flatMap(([side, name]) => {
    const spreads = points.flatMap((point) => point[side] ?? []);
    return spreads.length > 0 ? [`Nodes ${name}: ${rangeWords(spreads, unit)}.`] : [];
  });
  return [`From ${clock(first.at)} to ${clock(last.at)} UTC.`, ...sides].join(' ');
}

function placeOf(block: ChartBlock, size: Place['size']): Place {
  const { points, tolerance = 0 } = block.chart;
  const spreads = points.flatMap(({ patched, control, inWork: busy }) =>
    [patched, control, busy].flatMap((spread) => spread ?? []),
  );
  const times = timesOf(block);
  return {
    size,
    x: timeScale({
      ...{ fromMs: Math.min(...times), toMs: Math.max(...times), ticks: size.timeTicks },
      ...{ from: size.left, to: size.width - size.right },
    }),
    y: valueScale({
      low: Math.min(...spreads.map(({ low }) => low)),
      high: Math.max(...spreads.map(({ high }) => high)),
      // What is far less than what is tolerated shall not look like much.
      ...{ span: tolerance * 1.5, ticks: 4, from: size.height - BOTTOM, to: TOP },
    }),
  };
}

/** What came shortly before or after the measurements, such as the verdict on them, is shown as well. */
function timesOf({ chart, moments, soaks }: ChartBlock): readonly number[] {
  const measured = chart.points.map(({ at }) => Date.parse(at));
  const [first, last] = [Math.min(...measured), Math.max(...measured)];
  const near = NEAR * (last - first);
  const others = [...moments.map(({ at }) => at), ...soaks.flatMap(({ from, to }) => [from, to])];
  const close = others
    .map((at) => Date.parse(at))
    .filter((ms) => ms >= first - near && ms <= last + near);
  return [first, last, ...close];
}

function axes({ x, y, size }: Place): string {
  const right = size.width - size.right;
  const floor = size.height - BOTTOM;
  const rows = y.ticks.map((tick) => {
    const at = y.at(tick);
    return `<line class="grid" x1="${size.left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick" x="${size.left - 7}" y="${at + 4}" text-anchor="end">${valueTick(tick, y)}</text>`;
  });
  const columns = x.ticks.map((tick) => {
    const at = x.at(tick);
    return `<line class="axis" x1="${at}" x2="${at}" y1="${floor}" y2="${floor + 4}"/><text class="tick" x="${at}" y="${floor + 17}" text-anchor="middle">${timeTick(tick, x)}</text>`;
  });
  const base = `<line class="axis" x1="${size.left}" x2="${right}" y1="${floor}" y2="${floor}"/>`;
  return `${rows.join('')}${base}${columns.join('')}`;
}

function soakBand(soak: ChartBlock['soaks'][number], { x, size }: Place): string {
  const from = clamp(x.at(Date.parse(soak.from)), size);
  const to = clamp(x.at(Date.parse(soak.to)), size);
  if (to - from < 1) return '';
  const height = size.height - BOTTOM - TOP;
  const words = `soak of ${soak.wave}`;
  // About 6 units a letter: what does not fit is in the list of moments.
  const label =
    to - from > words.length * 6
      ? `<text class="soak-word" x="${from + 3}" y="${TOP - 5}">${escapeHtml(words)}</text>`
      : '';
  return `<rect class="soak" x="${from}" y="${TOP}" width="${to - from}" height="${height}"/>${label}`;
}

function clamp(at: number, { left, width, right }: Place['size']): number {
  return Math.min(Math.max(at, left), width - right);
}

/** What stands for several moments shows the worst of them. */
const WEIGHT: Readonly<Record<ReportTone, number>> = { Neutral: 0, Good: 1, Careful: 2, Bad: 3 };

function flags(moments: readonly Moment[], { x, size }: Place): string {
  const groups: { at: number; first: number; last: number; tone: ReportTone }[] = [];
  for (const { at, number: own, tone } of moments) {
    const place = x.at(Date.parse(at));
    if (place < size.left - 1 || place > size.width - size.right + 1) continue;
    const known = groups.at(-1);
    if (known && place - known.at < size.flag) {
      known.last = own;
      if (WEIGHT[tone] > WEIGHT[known.tone]) known.tone = tone;
    } else groups.push({ at: place, first: own, last: own, tone });
  }
  return groups
    .map(({ at, first, last, tone }) => {
      const words = first === last ? `${first}` : `${first}–${last}`;
      const wide = Math.max(18, words.length * 7 + 6);
      const left = Math.min(Math.max(at - wide / 2, 0), size.width - wide);
      const kind = tone.toLowerCase();
      return `<line class="flag-line" x1="${at}" x2="${at}" y1="22" y2="${size.height - BOTTOM}"/><rect class="flag ${kind}" x="${left}" y="4" width="${wide}" height="18" rx="9"/><text class="flag-word ${kind}" x="${left + wide / 2}" y="17" text-anchor="middle">${words}</text>`;
    })
    .join('');
}

type Side = 'patched' | 'control';
interface Dot {
  readonly ms: number;
  readonly spread: Spread;
}

function sideShapes(points: readonly ChartPoint[], side: Side, place: Place): string {
  const dots = points.flatMap((point): Dot[] => {
    const spread = point[side];
    return spread ? [{ ms: Date.parse(point.at), spread }] : [];
  });
  if (dots.length === 0) return '';
  const parts = unbroken(dots, gapOf(points));
  const { x, y } = place;
  const lines = parts.map((part) => {
    const path = part.map(({ ms, spread }) => `${x.at(ms)},${y.at(spread.median)}`);
    const upper = part.map(({ ms, spread }) => `${x.at(ms)},${y.at(spread.high)}`);
    const lower = part.map(({ ms, spread }) => `${x.at(ms)},${y.at(spread.low)}`);
    const band = part.some(({ spread }) => spread.count > 1)
      ? `<polygon class="band ${side}" points="${[...upper, ...lower.toReversed()].join(' ')}"/>`
      : '';
    return `${band}<polyline class="line ${side}" points="${path.join(' ')}"/>`;
  });
  const every = Math.ceil(dots.length / place.size.marks);
  const marks = dots
    .filter((_, index) => index % every === 0)
    .map(({ ms, spread }) => mark(side, x.at(ms), y.at(spread.median)));
  return `${lines.join('')}${marks.join('')}`;
}

/** Filled and round with the update, hollow and square without it. */
export function mark(side: Side, x: number, y: number): string {
  if (side === 'patched') return `<circle class="mark patched" cx="${x}" cy="${y}" r="3"/>`;
  return `<rect class="mark control" x="${(x - 3.8).toFixed(1)}" y="${(y - 3.8).toFixed(1)}" width="7.6" height="7.6"/>`;
}

function inWork(points: readonly ChartPoint[], { x, y }: Place): string {
  return points
    .flatMap(({ at, inWork: busy }) => {
      if (!busy) return [];
      const [cx, cy] = [x.at(Date.parse(at)), y.at(busy.median)];
      return `<path class="mark busy" d="M${cx - 3} ${cy - 3}l6 6m0-6l-6 6"/>`;
    })
    .join('');
}

/** The usual time between rounds, so many times over. */
function gapOf(points: readonly ChartPoint[]): number {
  const gaps = points
    .slice(1)
    .map(({ at }, index) => Date.parse(at) - Date.parse(points[index]?.at ?? at))
    .sort((a, b) => a - b);
  return (gaps[gaps.length >> 1] ?? 60_000) * MAX_GAP;
}

function unbroken(dots: readonly Dot[], gapMs: number): Dot[][] {
  const parts: Dot[][] = [];
  for (const dot of dots) {
    const last = parts.at(-1)?.at(-1);
    if (last && dot.ms - last.ms <= gapMs) parts.at(-1)?.push(dot);
    else parts.push([dot]);
  }
  return parts;
}
