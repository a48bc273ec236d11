/** The bench's result as people read it. */
import { alignedTable, type Look, paint, type Row } from '../../client/render/look.ts';
import type { Run, Way } from './runs.ts';

const names: Readonly<Record<Way, string>> = { usual: 'usual way', tidegate: 'Tidegate' };
const header = [
  'WAY',
  'SECONDS',
  'PODS EVICTED',
  'JOB PODS KILLED',
  'HTTP FAILED',
  'CRON MISSED',
  'SPENT ON',
];

/** Returns a row for each run, the ratio of the medians, and Tidegate's own share of its time. */
export function benchReport(runs: readonly Run[], look: Look): string {
  return [
    alignedTable(header, runs.map(row), look),
    ratio(runs, look),
    ...runs.filter(({ way }) => way === 'tidegate').map(ownShare),
  ].join('\n\n');
}

function row({ way, wallMs, disturbance, spentMs }: Run): Row {
  const { evicted, jobPodsLost, http, cron } = disturbance;
  const spent = Object.entries(spentMs).map(([name, ms]) => `${name} ${seconds(ms)}`);
  return [
    names[way],
    seconds(wallMs),
    String(evicted.length),
    String(jobPodsLost.length),
    `${http.failed} of ${http.sent}`,
    `${cron.missed.length} of ${cron.scheduled}`,
    spent.join(', '),
  ];
}

function ratio(runs: readonly Run[], look: Look): string {
  const medianOf = (way: Way) =>
    median(runs.filter((run) => run.way === way).map(({ wallMs }) => wallMs));
  const [usual, ours] = [medianOf('usual'), medianOf('tidegate')];
  const times = (ours / usual).toFixed(2);
  const note = `Tidegate takes ${paint(times, 'bold', look)} of the time of the usual way`;
  return `${note} (median ${seconds(ours)} s against ${seconds(usual)} s).`;
}

function ownShare({ wallMs, spentMs, phasesMs = {} }: Run): string {
  const phases = Object.entries(phasesMs).map(([name, ms]) => `${name} ${seconds(ms)}`);
  const own = (spentMs['planning'] ?? 0) + (spentMs['rest'] ?? 0);
  const share = ((100 * own) / wallMs).toFixed(0);
  return (
    `Outside apt, soak and waiting for a kubelet Tidegate spent ${seconds(own)} s of` +
    ` ${seconds(wallMs)} s (${share} %): planning ${seconds(spentMs['planning'] ?? 0)} s,` +
    ` everything else ${seconds(spentMs['rest'] ?? 0)} s.` +
    `\nSeconds of a node's phases, on average: ${phases.join(', ')}.`
  );
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Returns the middle value, or the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}
