/**
 * Simulates soaks whose true slowdown is known, judges them as a rollout does, and prints how often each
 * verdict comes out: the tables of docs/analysis.md. Run it with `npm run power`, or with another seed as
 * `npm run power -- 7`; the same seed prints the same tables.
 */
import { rankSum } from '../../activities/adapters/statistics.ts';
import { judge } from '../../workflows/domain/analysis.ts';
import { contrast } from '../../workflows/domain/analysis-contrast.ts';
import { controlSeries, patchedSeries } from '../../workflows/domain/analysis-series.ts';
import type { JudgedIndicator } from '../../workflows/domain/analysis-types.ts';
import { measurements, type Noise, seeded, type Trial } from './noise.ts';
import { signedRank } from './signed-rank.ts';

const TRIALS = 200;
const LIMITS = { minSamples: 8, confidence: 0.99, maxErrors: 2, baselineRounds: 8 };
const EXTENSION_ROUNDS = 10;
const MAX_EXTENSIONS = 2;
const SLOWDOWNS = [0, 50, 100, 150, 200, 250, 300, 400];
const SIDES = [
  [1, 1],
  [1, 2],
  [1, 4],
  [2, 1],
  [2, 2],
  [2, 4],
] as const;

const INDICATOR: JudgedIndicator = {
  ...{ name: 'container-start', source: 'ContainerStart', scope: 'Node', worse: 'Higher' },
  ...{ unit: 'ms', kind: 'Level', tolerance: 150 },
};

const usual = { sd: 60, lasting: 0.3, outliers: 0.05, common: 60, drift: 0 };
const NOISES: readonly [Noise, ...Noise[]] = [
  { ...usual, name: 'usual' },
  { ...usual, name: 'independent', lasting: 0 },
  { ...usual, name: 'lasting', lasting: 0.8 },
  { ...usual, name: 'drifting', drift: 40 },
  { ...usual, name: 'very noisy', sd: 130, lasting: 0.5, outliers: 0.08 },
];

const random = seeded(Number(process.argv[2] ?? 1));
const quiet = { noise: NOISES[0], baseline: 8, soak: 12, slowdown: 0, incident: 0 };

print('Fail / Pass in %, by what the patch makes slower, usual noise, 150 ms allowed', [
  ['patched : control, rounds', ...SLOWDOWNS.map((ms) => `${ms} ms`)],
  ...[8, 12, 20].flatMap((soak) =>
    SIDES.map(([patched, control]) => [
      `${patched} : ${control}, ${soak}`,
      ...SLOWDOWNS.map((slowdown) => verdicts({ ...quiet, patched, control, soak, slowdown })),
    ]),
  ),
]);

print('Fail / Pass in %, 12 rounds, no slowdown; an incident makes every node 400 ms slower', [
  ['noise', ...SIDES.map(([p, c]) => `${p} : ${c}`), '1 : 4, incident', '2 : 2, incident'],
  ...NOISES.map((noise) => [
    noise.name,
    ...SIDES.map(([patched, control]) => verdicts({ ...quiet, noise, patched, control })),
    verdicts({ ...quiet, noise, patched: 1, control: 4, incident: 400 }),
    verdicts({ ...quiet, noise, patched: 2, control: 2, incident: 400 }),
  ]),
]);

print('The same with the soak extended up to twice by 10 rounds: Fail / Pass / a person in %', [
  ['noise', ...SIDES.map(([patched, control]) => `${patched} : ${control}`)],
  ...NOISES.map((noise) => [
    noise.name,
    ...SIDES.map(([patched, control]) => extended({ ...quiet, noise, patched, control })),
  ]),
]);

print('How often a test alone finds something where nothing is, in %; it should be 1', [
  ['noise', 'patched : control', 'signed-rank', 'rank-sum', 'rank-sum, half of 150 ms off'],
  ...NOISES.flatMap((noise) =>
    ([[1, 1] as const, [2, 4] as const] as const).map(([patched, control]) => [
      noise.name,
      `${patched} : ${control}`,
      ...falseAlarms({ ...quiet, noise, patched, control }),
    ]),
  ),
]);

function verdicts(trial: Trial): string {
  const found = times(() => verdictOf(measurements(trial, random)));
  return `${share(found, 'Fail')} / ${share(found, 'Pass')}`;
}

function extended(trial: Trial): string {
  const soak = trial.soak + MAX_EXTENSIONS * EXTENSION_ROUNDS;
  const found = times(() => {
    const { rounds, comparison } = measurements({ ...trial, soak }, random);
    for (let extensions = 0; extensions <= MAX_EXTENSIONS; extensions++) {
      const seen = trial.baseline + trial.soak + extensions * EXTENSION_ROUNDS;
      const verdict = verdictOf({ rounds: rounds.slice(0, seen), comparison });
      if (verdict !== 'Inconclusive') return verdict;
    }
    return 'Inconclusive';
  });
  return (['Fail', 'Pass', 'Inconclusive'] as const).map((name) => share(found, name)).join(' / ');
}

function falseAlarms(trial: Trial): string[] {
  const alpha = 1 - LIMITS.confidence;
  const found = times(() => {
    const { rounds, comparison } = measurements(trial, random);
    const input = { indicator: INDICATOR, rounds, comparison, baselineRounds: 8 };
    const { before, soak } = contrast('Level', patchedSeries(input), controlSeries(input));
    const halfOff = soak.map((value) => value - INDICATOR.tolerance / 2);
    return [signedRank(soak), rankSum.pValue(soak, before), rankSum.pValue(halfOff, before)];
  }, 4);
  return [0, 1, 2].map((test) => {
    const alarms = found.filter((values) => (values[test] ?? 1) <= alpha);
    return ((100 * alarms.length) / found.length).toFixed(1);
  });
}

function verdictOf(of: Pick<ReturnType<typeof measurements>, 'rounds' | 'comparison'>): string {
  return judge({ ...of, indicators: [INDICATOR], limits: LIMITS, test: rankSum }).verdict;
}

function times<T>(work: () => T, factor = 1): T[] {
  return Array.from({ length: TRIALS * factor }, work);
}

function share(found: readonly string[], verdict: string): string {
  const percent = (100 * found.filter((entry) => entry === verdict).length) / found.length;
  return percent > 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0);
}

function print(title: string, rows: readonly (readonly string[])[]): void {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  console.log([title, '', line(head), rule, ...body.map(line), ''].join('\n'));
}
