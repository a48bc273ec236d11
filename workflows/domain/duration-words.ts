/** Durations as people say them, in the messages of decisions. */

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** Returns such as "45 s", "2 min" or "1 h 30 min": the two largest units, rounded to seconds. */
export function words(ms: number): string {
  const rounded = Math.round(ms / 1000) * 1000;
  const first = UNITS.findIndex(([, size]) => rounded >= size);
  if (first < 0) return '0 s';
  const parts: string[] = [];
  let rest = rounded;
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${name}`);
    rest -= count * size;
  }
  return parts.join(' ');
}
