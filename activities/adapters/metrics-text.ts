/** Reads Prometheus' text format, as far as kubelets use it. */
import type { MetricSample } from './kubelet-adapter.ts';

/** A name, labels in braces if there are any, a value; a time may follow. */
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"[ \t]*(?:,[ \t]*|$)/y;

/**
 * Returns the sample of a line; undefined for comments, empty lines and what is none. Not read: HELP and
 * TYPE, times, exemplars, and names in quotes, which kubelets write only to who asks for OpenMetrics or UTF-8.
 */
export function parseSample(line: string): MetricSample | undefined {
  const [, name, inBraces = '', number = ''] = LINE.exec(line) ?? [];
  const labels = parseLabels(inBraces.trim());
  const value = parseNumber(number);
  if (name === undefined || !labels || value === undefined) return undefined;
  return { name, labels, value };
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined) return undefined;
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    );
  }
  return labels;
}

/** Returns the number in Go's or Prometheus' notation; undefined for what is none. */
export function parseNumber(text: string): number | undefined {
  switch (text) {
    case 'NaN':
      return Number.NaN;
    case '+Inf':
    case 'Inf':
      return Number.POSITIVE_INFINITY;
    case '-Inf':
      return Number.NEGATIVE_INFINITY;
    default: {
      const value = Number(text);
      return text === '' || Number.isNaN(value) ? undefined : value;
    }
  }
}

/** Collects the samples of some names from text that comes in pieces. */
export class SampleCollector {
  readonly samples: MetricSample[] = [];
  readonly #names: ReadonlySet<string>;
  #rest = '';

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  add(piece: string): void {
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
  }

  end(): readonly MetricSample[] {
    this.#read(this.#rest);
    this.#rest = '';
    return this.samples;
  }

  #read(line: string): void {
    const end = line.search(/[{ \t]/);
    if (!this.#names.has(line.slice(0, end < 0 ? line.length : end))) return;
    const sample = parseSample(line);
    if (sample) this.samples.push(sample);
  }
}
