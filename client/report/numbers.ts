/** Numbers as a report shows them. */
import type { Share } from '../../workflows/domain/report-numbers.ts';

/** Returns a number with as many digits as tell something: 441.2, 0.0004, 12 300. */
export function number(value: number | undefined, unit = ''): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 0.01 ? 2 : 4;
  const [whole = '', part] = value.toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return `${grouped}${part === undefined ? '' : `.${part}`}${unit ? ` ${unit}` : ''}`;
}

/** Returns a number that always says its direction. */
export function signed(value: number | undefined, unit = ''): string {
  if (value === undefined) return '–';
  return `${value > 0 ? '+' : ''}${number(value, unit)}`;
}

/** Returns "5 of 7 (71 %)"; of nothing there is no share. */
export function share({ count, of }: Share): string {
  if (of === 0) return '– (of 0)';
  const percent = (100 * count) / of;
  // What is not all or nothing is not shown as that.
  const shown =
    percent > 99 && percent < 100 ? '>99' : percent > 0 && percent < 1 ? '<1' : percent.toFixed(0);
  return `${count} of ${of} (${shown} %)`;
}

/** Returns seconds with one digit. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
