/** Turns rounds of measurements into lines: nodes with the update beside those without it. */
import type { Reading, RecordedJudgement } from './analysis-types.ts';
import { SOURCE_FACTS } from './indicators.ts';
import { keyOf } from './lifecycle.ts';
import { type KnownEntry, ofKind } from './report-entries.ts';
import { spreadOf } from './report-numbers.ts';
import type { Chart, ChartPoint, ReportedNode, Soak } from './report-types.ts';

/** More rounds than that are drawn together. */
const MAX_POINTS = 160;

/** What is known of an indicator that has no verdict, where it bears the name of its source. */
const BY_NAME = new Map(
  Object.entries(SOURCE_FACTS).map(([source, facts]) => [kebab(source), facts]),
);
/** Units of indicators that only grow: what counts is what was added. */
const COUNTED: ReadonlySet<string> = new Set(
  Object.values(SOURCE_FACTS).flatMap(({ kind, unit }) => (kind === 'Counter' ? unit : [])),
);

function kebab(words: string): string {
  return words.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}

type Side = 'Patched' | 'Control' | 'InWork';

/** Returns a chart for each indicator in each cluster. */
export function chartsOf(args: {
  readonly entries: readonly KnownEntry[];
  readonly nodes: readonly ReportedNode[];
  readonly verdicts: readonly RecordedJudgement[];
}): readonly Chart[] {
  const { entries, nodes, verdicts } = args;
  const rounds = ofKind(entries, 'Measured').map(({ body }) => body);
  const judged = verdicts.flatMap(({ indicators }) => indicators);
  const clusters = [...new Set(rounds.map(({ cluster }) => cluster))];
  return clusters.flatMap((cluster) => {
    const own = rounds.filter((round) => round.cluster === cluster);
    const indicators = [...new Set(own.flatMap(({ readings }) => Object.keys(readings)))];
    return indicators.map((indicator): Chart => {
      const known = judged.findLast((entry) => entry.indicator === indicator);
      const tolerance = known?.tolerance ?? BY_NAME.get(indicator)?.tolerance;
      const unit = known?.unit ?? BY_NAME.get(indicator)?.unit ?? '';
      const values = COUNTED.has(unit) ? 'SinceFirst' : 'AsMeasured';
      const shown = own.map(({ at, readings }) => ({ at, readings: readings[indicator] ?? [] }));
      const counted = values === 'SinceFirst' ? sinceFirst(shown) : shown;
      const fleet = shown.every(({ readings }) => readings.every(({ node }) => node === ''));
      const points = gather(counted).map((point) => chartPoint(point, { cluster, nodes }));
      return {
        ...{ cluster, indicator, unit, values, fleet, points },
        ...(tolerance === undefined ? {} : { tolerance }),
      };
    });
  });
}

interface Measured {
  readonly at: string;
  readonly readings: readonly Reading[];
}

/** A counter that has gone back to less than it was has begun anew, and stands for itself. */
function sinceFirst(rounds: readonly Measured[]): Measured[] {
  const seen = new Map<string, { last: number; total: number }>();
  return rounds.map(({ at, readings }) => ({
    at,
    readings: readings.map((reading) => {
      if (!('value' in reading)) return reading;
      const known = seen.get(reading.node) ?? { last: reading.value, total: 0 };
      const added = reading.value < known.last ? reading.value : reading.value - known.last;
      const total = known.total + added;
      seen.set(reading.node, { last: reading.value, total });
      return { node: reading.node, value: total };
    }),
  }));
}

/** Takes neighbouring rounds together where there are more than can be told apart. */
function gather(rounds: readonly Measured[]): Measured[] {
  const size = Math.ceil(rounds.length / MAX_POINTS);
  const gathered: Measured[] = [];
  for (let index = 0; index < rounds.length; index += size) {
    const part = rounds.slice(index, index + size);
    const middle = part[part.length >> 1];
    if (middle)
      gathered.push({ at: middle.at, readings: part.flatMap(({ readings }) => readings) });
  }
  return gathered;
}

function chartPoint(
  { at, readings }: Measured,
  where: { readonly cluster: string; readonly nodes: readonly ReportedNode[] },
): ChartPoint {
  const sides: Record<Side, number[]> = { Patched: [], Control: [], InWork: [] };
  for (const reading of readings) {
    if (!('value' in reading)) continue;
    sides[sideOf({ node: reading.node, at, ...where })].push(reading.value);
  }
  const patched = spreadOf(sides.Patched);
  const control = spreadOf(sides.Control);
  const inWork = spreadOf(sides.InWork);
  return {
    at,
    ...(patched ? { patched } : {}),
    ...(control ? { control } : {}),
    ...(inWork ? { inWork } : {}),
    noData: readings.filter((reading) => 'noData' in reading).length,
    errors: readings.filter((reading) => 'error' in reading).length,
  };
}

/** A number for the whole fleet is of the fleet as it is, which stands where control nodes do. */
function sideOf(args: {
  readonly node: string;
  readonly at: string;
  readonly cluster: string;
  readonly nodes: readonly ReportedNode[];
}): Side {
  const key = args.node.includes('/') ? args.node : `${args.cluster}/${args.node}`;
  const then = Date.parse(args.at);
  let side: Side = 'Control';
  const known = args.nodes.find((node) => keyOf(node) === key);
  if (known?.end === 'AlreadyDone') return 'Patched';
  for (const { startedAt, endedAt, outcome, wayBack } of known?.runs ?? []) {
    if (then < Date.parse(startedAt)) break;
    if (endedAt === undefined || then < Date.parse(endedAt)) return 'InWork';
    if (outcome?.outcome !== 'Updated') continue;
    side = wayBack ? 'Control' : 'Patched';
  }
  return side;
}

/** Returns the soaks: as verdicts have them, else as the phases do. */
export function soaksOf(
  entries: readonly KnownEntry[],
  verdicts: readonly RecordedJudgement[],
): readonly Soak[] {
  const soaks = new Map<string, Soak>();
  const phases = ofKind(entries, 'Phase');
  for (const [index, { at, body }] of phases.entries()) {
    if (body.phase !== 'Soaking') continue;
    const wave = /^the soak of (\S+) /.exec(body.waitingFor)?.[1] ?? 'wave';
    // The same phase is told again when what it waits for changes.
    const next = phases.slice(index + 1).find((later) => later.body.phase !== 'Soaking');
    const to = next?.at ?? entries.at(-1)?.at ?? at;
    if (!soaks.has(wave)) soaks.set(wave, { wave, from: at, to });
  }
  for (const { wave, comparison, soakTo, at } of verdicts) {
    const from = comparison.soakFrom;
    const to = Date.parse(soakTo) > Date.parse(at) ? soakTo : at;
    soaks.set(wave, { wave, from: soaks.get(wave)?.from ?? from, to });
  }
  return [...soaks.values()];
}
