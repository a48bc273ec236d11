/** Lines that draw an indicator in a row of text, both sides on one scale. */

import type { Spread } from '../../workflows/domain/report-numbers.ts';
import type { ChartPoint } from '../../workflows/domain/report-types.ts';
import { type ChartBlock, clock } from './document.ts';
import { number } from './numbers.ts';

const LEVELS = '▁▂▃▄▅▆▇█';
const WIDTH = 60;

/** Returns a line for each side that has numbers: its course, its median, lowest and highest. */
export function sparkLines({ chart }: ChartBlock): string[] {
  const { points, unit, fleet } = chart;
  const scale = scaleOf(points);
  const [first, last] = [points[0], points.at(-1)];
  if (!scale || !first || !last) return ['no numbers'];
  const columns = inColumns(points);
  const lines = SIDES.flatMap(([side, name]) => {
    const spreads = points.flatMap((point) => point[side] ?? []);
    if (spreads.length === 0) return [];
    const drawn = columns.map((column) => {
      const own = column.flatMap((point) => point[side] ?? []);
      return level(own.at(-1), scale);
    });
    const shown = fleet ? 'whole fleet' : name;
    return [`${shown.padEnd(15)} ${drawn.join('')} ${rangeWords(spreads, unit)}`];
  });
  return [...lines, `${''.padEnd(15)} ${clock(first.at)} to ${clock(last.at)} UTC`];
}

export const SIDES = [
  ['patched', 'with the update'],
  ['control', 'without it'],
] as const;

/** Returns "median 441 ms, 410 to 470". */
export function rangeWords(spreads: readonly Spread[], unit: string): string {
  const low = Math.min(...spreads.map((spread) => spread.low));
  const high = Math.max(...spreads.map((spread) => spread.high));
  const sorted = spreads.map((spread) => spread.median).sort((a, b) => a - b);
  const middle = sorted[sorted.length >> 1];
  return `median ${number(middle, unit)}, ${number(low)} to ${number(high)}`;
}

function scaleOf(points: readonly ChartPoint[]): { low: number; high: number } | undefined {
  const all = points.flatMap(({ patched, control }) => [patched, control].flatMap((s) => s ?? []));
  if (all.length === 0) return undefined;
  const medians = all.map(({ median }) => median);
  return { low: Math.min(...medians), high: Math.max(...medians) };
}

function inColumns(points: readonly ChartPoint[]): ChartPoint[][] {
  const size = Math.ceil(points.length / WIDTH);
  const columns: ChartPoint[][] = [];
  for (let index = 0; index < points.length; index += size) {
    columns.push(points.slice(index, index + size));
  }
  return columns;
}

function level(spread: Spread | undefined, { low, high }: { low: number; high: number }): string {
  if (!spread) return ' ';
  const part = high > low ? (spread.median - low) / (high - low) : 0;
  return LEVELS[Math.min(LEVELS.length - 1, Math.floor(part * LEVELS.length))] ?? ' ';
}
