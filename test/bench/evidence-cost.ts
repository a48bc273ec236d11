/** `npm run bench:evidence`: the same rollout with and without measuring, and what the difference costs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { connect } from '../../client/connection.ts';
import { alignedTable } from '../../client/render/look.ts';
import { RolloutClient } from '../../client/rollout-client.ts';
import { processTerminal } from '../../client/terminal.ts';
import { bringUp } from '../../lab/bring-up.ts';
import { cgroupDirs } from '../../lab/cgroups.ts';
import { checkout } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { nodes } from '../../lab/settings.ts';
import { startWorker, useLabTemporal } from '../../lab/worker.ts';
import { prepareFleet } from './runs.ts';

const help = `Usage: npm run bench:evidence [-- [--runs N] [--output json]]

Rolls the same update through the lab's five nodes, alternately without and with measurements, with the
same soaks, and compares wall time and processor time of the worker and of the nodes. Never judges.

  --runs N         pairs of runs (default 1)
  --output json    print the measurements as JSON`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1' },
    output: { type: 'string', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** What one rollout took, in seconds; processor time of all its cores together. */
interface Cost {
  readonly measured: boolean;
  readonly wall: number;
  readonly workerCpu: number;
  readonly nodesCpu: number;
}

const CLOCK_TICKS = 100;
/** Half of the example's, and all other nodes in one wave: a pair is to take ten minutes. */
const INTERVAL_SECONDS = 10;

/** Returns the processor time of a process, in seconds. */
async function processCpu(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** Returns the processor time of all nodes since they booted, in seconds. */
async function nodesCpu(): Promise<number> {
  let sum = 0;
  for (const { name } of nodes) {
    // The folder of the node itself stands last: deepest first.
    const dirs = (await cgroupDirs(name)).filter((dir) => dir.endsWith(`/${name}`));
    for (const dir of dirs) sum += await usageOf(dir);
  }
  return sum;
}

async function usageOf(dir: string): Promise<number> {
  const v1 = await readFile(join(dir, 'cpuacct.usage'), 'utf8').catch(() => undefined);
  if (v1 !== undefined) return dir.includes('cpuacct') ? Number(v1) / 1e9 : 0;
  const v2 = await readFile(join(dir, 'cpu.stat'), 'utf8').catch(() => '');
  return Number(/^usage_usec (\d+)$/m.exec(v2)?.[1] ?? 0) / 1e6;
}

/** The measured rollout of the examples, and the same without `analysis` but with as long a soak. */
async function documentOf(measured: boolean): Promise<unknown> {
  const read = async (file: string) =>
    parse(await readFile(join(checkout, 'examples', file), 'utf8'));
  const document = await read('rollouts/containerd-deb12u3-measured.yaml');
  const policy = await read('policies/measured.yaml');
  const { analysis: example, ...rest } = policy.spec;
  const analysis = { ...example, intervalSeconds: INTERVAL_SECONDS };
  const soakSeconds = analysis.minSamples * INTERVAL_SECONDS;
  const { strategy } = document.spec;
  const approval = { ...rest.approval, required: false, gates: [] };
  return {
    ...document,
    metadata: { name: `cost-${measured ? 'with' : 'without'}` },
    spec: {
      ...document.spec,
      policy: { ...policy, spec: { ...rest, approval, ...(measured ? { analysis } : {}) } },
      strategy: {
        ...strategy,
        canary: { ...strategy.canary, soakSeconds },
        waves: { ...strategy.waves, size: nodes.length - 1, soakSeconds },
      },
    },
  };
}

async function costOf(client: RolloutClient, worker: number, measured: boolean): Promise<Cost> {
  const before = { at: Date.now(), worker: await processCpu(worker), nodes: await nodesCpu() };
  const { rollout } = await client.start(await documentOf(measured));
  const { outcome, reasons } = await client.waitFor(rollout);
  if (outcome !== 'Succeeded') throw new Error(`${rollout}: ${outcome}: ${reasons.join('; ')}`);
  return {
    measured,
    wall: (Date.now() - before.at) / 1000,
    workerCpu: (await processCpu(worker)) - before.worker,
    nodesCpu: (await nodesCpu()) - before.nodes,
  };
}

function reportOf(costs: readonly Cost[]): string {
  const mean = (measured: boolean, field: 'wall' | 'workerCpu' | 'nodesCpu') => {
    const found = costs.filter((cost) => cost.measured === measured);
    return found.reduce((sum, cost) => sum + cost[field], 0) / found.length;
  };
  const rows = (['wall', 'workerCpu', 'nodesCpu'] as const).map((field) => {
    const [without, with_] = [mean(false, field), mean(true, field)];
    return [
      { wall: 'wall time', workerCpu: 'CPU of the worker', nodesCpu: 'CPU of the nodes' }[field],
      `${without.toFixed(1)} s`,
      `${with_.toFixed(1)} s`,
      `× ${(with_ / without).toFixed(2)}`,
    ];
  });
  return alignedTable(['', 'WITHOUT', 'WITH', 'RATIO'], rows, processTerminal().look);
}

async function bench(pairs: number): Promise<readonly Cost[]> {
  process.chdir(checkout);
  await bringUp('stderr');
  await useLabTemporal();
  const worker = await startWorker();
  const connection = await connect();
  const client = new RolloutClient(connection);
  const costs: Cost[] = [];
  try {
    for (let run = 0; run < pairs * 2; run++) {
      await prepareFleet();
      // Each way goes first in every second pair.
      const measured = run % 2 === Math.floor(run / 2) % 2;
      process.stderr.write(`rollout ${measured ? 'with' : 'without'} measurements\n`);
      costs.push(await costOf(client, worker, measured));
    }
    return costs;
  } finally {
    await resetNodes();
    await connection.close();
  }
}

const pairs = Number(values.runs);
if (values.help) process.stdout.write(`${help}\n`);
else if (!Number.isInteger(pairs) || pairs < 1 || !['json', 'text'].includes(values.output)) {
  process.stderr.write(`${help}\n`);
  process.exitCode = 2;
} else {
  const costs = await bench(pairs);
  process.stdout.write(
    `${values.output === 'json' ? JSON.stringify({ costs }, null, 2) : reportOf(costs)}\n`,
  );
}
