/** Scales of charts: from values and times to places, with round ticks. */

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Returns the place of a value. */
  readonly at: (value: number) => number;
}

/** A narrower range is none. */
const LEAST_WIDTH = 1e-9;

/** Returns a scale whose ends are round, with about so many ticks. */
export function valueScale(args: {
  readonly low: number;
  readonly high: number;
  /** The least that it spans, so that chance does not look like a change. */
  readonly span: number;
  readonly ticks: number;
  readonly from: number;
  readonly to: number;
}): Scale {
  const { from, to } = args;
  // Nearer to each other than numbers can be told apart, values are the same.
  const span = Math.max(args.span, Math.abs(args.high) * 1e-6);
  const width = args.high - args.low;
  const missing = Math.max(width, span) < LEAST_WIDTH ? 1 : Math.max(0, span - width);
  const under = args.low - missing / 2;
  // What was never below zero is not drawn there.
  const low = args.low >= 0 ? Math.max(0, under) : under;
  const high = args.high + missing - (args.low - low);
  const step = niceStep((high - low) / args.ticks);
  const first = Math.floor(low / step) * step;
  const last = Math.ceil(high / step) * step;
  const count = Math.round((last - first) / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) => round(first + index * step));
  return { low: first, high: last, ticks, at: linear(first, last, from, to) };
}

/** Returns how a tick is written: with as many digits as tell it from its neighbours. */
export function valueTick(value: number, { ticks }: Scale): string {
  const [first = 0, second = first + 1] = ticks;
  const digits = Math.max(0, -Math.floor(Math.log10(second - first) + 1e-9));
  const [whole = '', part] = value.toFixed(Math.min(digits, 6)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return part === undefined ? grouped : `${grouped}.${part}`;
}

/** Steps that people count time in, in milliseconds. */
const TIMES = [
  ...[1, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
  ...[1, 2, 7, 14, 28].map((days) => days * 86_400_000),
];

/** Returns a scale of times in milliseconds; its ticks are at full minutes, hours or days of UTC. */
export function timeScale(args: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ticks: number;
  readonly from: number;
  readonly to: number;
}): Scale {
  const { fromMs, from, to } = args;
  const toMs = Math.max(args.toMs, fromMs + 1000);
  const wanted = (toMs - fromMs) / args.ticks;
  const step =
    TIMES.find((known) => known >= wanted) ??
    (TIMES.at(-1) ?? 1) * Math.ceil(wanted / (TIMES.at(-1) ?? 1));
  const ticks: number[] = [];
  for (let tick = Math.ceil(fromMs / step) * step; tick <= toMs; tick += step) ticks.push(tick);
  return { low: fromMs, high: toMs, ticks, at: linear(fromMs, toMs, from, to) };
}

/** Returns how a tick is written: the time of day, with a day where that begins or is all there is. */
export function timeTick(ms: number, scale: Scale): string {
  const iso = new Date(ms).toISOString();
  const [first = 0, second = first + 60_000] = scale.ticks;
  const step = second - first;
  if (step >= 86_400_000 || (iso.slice(11, 19) === '00:00:00' && step >= 3_600_000)) {
    return iso.slice(5, 10);
  }
  return step < 60_000 ? iso.slice(11, 19) : iso.slice(11, 16);
}

function linear(low: number, high: number, from: number, to: number): (value: number) => number {
  const width = high - low || 1;
  return (value) => Math.round((from + ((value - low) / width) * (to - from)) * 10) / 10;
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const rest = raw / power;
  return (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10) * power;
}

/** Takes away what adding fractions leaves behind. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}
