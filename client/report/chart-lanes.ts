/** Draws where the time went: a row of bars for approvals and for each wave. */

import type { ChartSize } from './chart.ts';
import { timeScale, timeTick } from './chart-scale.ts';
import { clock, type Lane } from './document.ts';
import { escapeHtml } from './escape.ts';

const ROW = 28;
const BAR = 14;
const SIZES = {
  wide: { width: 760, left: 110, right: 14, ticks: 8 },
  narrow: { width: 330, left: 78, right: 8, ticks: 3 },
} as const;
/** Shorter bars would not be seen. */
const MIN_WIDTH = 2.5;

/** Returns the SVG of the lanes; `id` is its own within the page. */
export function lanesSvg(lanes: readonly Lane[], size: ChartSize, id: string): string {
  const { width, left, right, ticks } = SIZES[size];
  const times = lanes.flatMap(({ bars }) => bars.flatMap(({ from, to }) => [from, to]));
  const ms = times.map((at) => Date.parse(at));
  const x = timeScale({
    ...{ fromMs: Math.min(...ms), toMs: Math.max(...ms), ticks, from: left },
    to: width - right,
  });
  const floor = lanes.length * ROW + 6;
  const height = floor + 24;
  const grid = x.ticks.map((tick) => {
    const at = x.at(tick);
    return `<line class="grid" x1="${at}" x2="${at}" y1="0" y2="${floor}"/><text class="tick" x="${at}" y="${floor + 16}" text-anchor="middle">${timeTick(tick, x)}</text>`;
  });
  const rows = lanes.map((lane, index) => {
    const top = index * ROW + (ROW - BAR) / 2 + 3;
    const bars = lane.bars.map(({ from, to, look, text }) => {
      const start = x.at(Date.parse(from));
      const wide = Math.max(MIN_WIDTH, x.at(Date.parse(to)) - start);
      const about = `${text}, ${clock(from)} to ${clock(to)} UTC`;
      return `<rect class="bar ${look.toLowerCase()}" x="${start}" y="${top}" width="${wide.toFixed(1)}" height="${BAR}" rx="2"><title>${escapeHtml(about)}</title></rect>`;
    });
    const name = shortened(lane.name, left);
    return `<text class="lane" x="${left - 8}" y="${top + BAR - 3}" text-anchor="end">${escapeHtml(name)}</text>${bars.join('')}`;
  });
  const words = lanes.map(({ name, bars }) => {
    const [first, last] = [bars[0], bars.at(-1)];
    return first && last ? `${name}: ${clock(first.from)} to ${clock(last.to)}.` : '';
  });
  return `<svg class="chart ${size}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-t" aria-describedby="${id}-d"><title id="${id}-t">Where the time went</title><desc id="${id}-d">${escapeHtml(`Times in UTC. ${words.join(' ')}`)}</desc>${grid.join('')}${rows.join('')}</svg>`;
}

/** About 7 units a letter. */
function shortened(name: string, width: number): string {
  const letters = Math.floor((width - 10) / 7);
  return name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
}
