/** `npm run bench`: Tidegate beside the usual shell loop, on the same fleet in the same run. */
import { parseArgs } from 'node:util';
import { connect } from '../../client/connection.ts';
import { processTerminal } from '../../client/terminal.ts';
import { bringUp } from '../../lab/bring-up.ts';
import { checkout } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { messageOf } from '../../lab/run.ts';
import { startWorker, useLabTemporal } from '../../lab/worker.ts';
import { benchReport } from './report.ts';
import { observed, prepareFleet, type Run, type Way } from './runs.ts';
import { tidegateWay, usualWay } from './ways.ts';

const help = `Usage: npm run bench [-- [--runs N] [--output json]]

Patches containerd on the lab's five nodes, alternately with the usual loop (kubectl drain, apt-get
install over SSH, wait, kubectl uncordon) and with Tidegate, and compares time and disturbance.
Brings the lab up if need be; nodes are left as the lab starts them. Compares, never judges.

  --runs N         pairs of runs (default 1)
  --output json    print the measurements as JSON`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1' },
    output: { type: 'string', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const began = performance.now();

/** Progress goes to stderr, so that the result stays clean in pipes. */
function note(text: string): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`[${seconds} s] ${text}\n`);
}

/** Each way goes first in every second pair. */
function order(pairs: number): readonly Way[] {
  return Array.from({ length: pairs }, (_, pair): Way[] =>
    pair % 2 === 0 ? ['usual', 'tidegate'] : ['tidegate', 'usual'],
  ).flat();
}

async function bench(pairs: number): Promise<readonly Run[]> {
  process.chdir(checkout);
  await bringUp('stderr');
  await useLabTemporal();
  await startWorker();
  const connection = await connect();
  const runs: Run[] = [];
  try {
    for (const way of order(pairs)) {
      note('making the fleet alike for the next run');
      await prepareFleet();
      note(way === 'usual' ? 'the usual way: one node after another' : 'Tidegate');
      runs.push(
        await observed(way, () => (way === 'usual' ? usualWay() : tidegateWay(connection))),
      );
    }
    return runs;
  } finally {
    note('taking the nodes back');
    await resetNodes().catch((error: unknown) => note(`they do not go back: ${messageOf(error)}`));
    await connection.close();
  }
}

try {
  const pairs = Number(values.runs);
  const isJson = values.output === 'json';
  if (values.help) process.stdout.write(`${help}\n`);
  else if (!Number.isInteger(pairs) || pairs < 1 || !['json', 'text'].includes(values.output)) {
    process.stderr.write(`${help}\n`);
    process.exitCode = 2;
  } else {
    const runs = await bench(pairs);
    const text = isJson
      ? JSON.stringify({ runs }, null, 2)
      : benchReport(runs, processTerminal().look);
    process.stdout.write(`${text}\n`);
  }
} catch (error) {
  process.stderr.write(`bench: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
