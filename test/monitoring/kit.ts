/** What tests of metrics share: instruments that keep what they are told, and an endpoint's text. */
import { createServer } from 'node:net';
import type { Instruments } from '../../worker/metrics.ts';

/** Keeps values by "name{label=value,...}"; counters add up, histograms keep their last value. */
export class KeptInstruments implements Instruments {
  readonly values = new Map<string, number>();

  add(name: string, labels: object, by = 1): void {
    const key = keyOf(name, labels);
    this.values.set(key, (this.values.get(key) ?? 0) + by);
  }
  set(name: string, labels: object, value: number): void {
    this.values.set(keyOf(name, labels), value);
  }
  observe(name: string, labels: object, value: number): void {
    this.values.set(keyOf(name, labels), value);
  }

  /** Returns the series of a metric that are not 0, by their labels. */
  of(name: string): Record<string, number> {
    const found = [...this.values].filter(
      ([key, value]) => key.startsWith(`${name}{`) && value !== 0,
    );
    return Object.fromEntries(
      found.map(([key, value]) => [key.slice(name.length + 1, -1), value] as const),
    );
  }
}

function keyOf(name: string, labels: object): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return `${name}{${pairs.join(',')}}`;
}

/** Returns a port that was free a moment ago: the exporter can't be asked which one it has got. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  /** Names of the labels of all its series, but "le". */
  readonly labels: ReadonlySet<string>;
}

/** Returns the families of an endpoint's text, by their name. */
export function familiesOf(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; help: string; labels: Set<string> }>();
  for (const line of text.split('\n')) {
    const [, word = '', name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word !== '') {
      const known = families.get(name) ?? { type: '', help: '', labels: new Set() };
      families.set(name, { ...known, [word.toLowerCase()]: rest });
      continue;
    }
    const series = /^([a-z_:]+)(?:\{(.*)\})? /.exec(line);
    if (!series) continue;
    const [, sample = '', labels = ''] = series;
    const family =
      families.get(sample) ?? families.get(sample.replace(/_(?:bucket|sum|count)$/, ''));
    for (const [, label = ''] of labels.matchAll(/(?:^|,)([a-zA-Z_]+)="/g)) {
      if (label !== 'le') family?.labels.add(label);
    }
  }
  return families;
}
