/** `npm run chaos`: strikes faults into rollouts on the real lab, one after the other. */
import { parseArgs } from 'node:util';
import { connect } from '../../client/connection.ts';
import { RolloutClient } from '../../client/rollout-client.ts';
import { processTerminal } from '../../client/terminal.ts';
import { bringUp } from '../../lab/bring-up.ts';
import { checkout } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { messageOf } from '../../lab/run.ts';
import { nodes } from '../../lab/settings.ts';
import { startWorker, stopWorker, useLabTemporal } from '../../lab/worker.ts';
import { FAULTS, type Fault } from './faults.ts';
import { type CaseRow, chaosReport } from './table.ts';

const help = `Usage: npm run chaos [-- --quick] [-- --only ID,ID] [-- --seed N] [-- --list]

Rolls a patch of containerd through nodes of the lab, one rollout for each fault, and strikes in the
middle of it. Brings the lab up if need be; nodes are left as the lab starts them. Exits with 1 if
a node ended neither as found, nor updated and verified, nor cordoned and told to a person.

  --quick      the quick set
  --only IDS   these faults
  --seed N     the seed of the delays (default: a random one, which the last line tells)
  --list       tells the faults and strikes none`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const began = performance.now();
let stopping = false;

/** Progress goes to stderr, so that the table stays clean in pipes. */
function note(text: string): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`[${seconds} s] ${text}\n`);
}

/** Returns the faults asked for, in the order in which they were named. */
function chosen(): readonly Fault[] {
  if (values.only === undefined) return values.quick ? FAULTS.filter(({ quick }) => quick) : FAULTS;
  return values.only.split(',').map((id) => {
    const fault = FAULTS.find((entry) => entry.id === id);
    if (!fault) throw new Error(`no fault ${id}; --list tells those there are`);
    return fault;
  });
}

async function chaos(faults: readonly Fault[], seed: number): Promise<readonly CaseRow[]> {
  process.chdir(checkout);
  await bringUp('stderr');
  await useLabTemporal();
  // What the lab's repository offers is read when this is loaded: not before it is up.
  const { runCase } = await import('./case.ts');
  await resetNodes();
  await startWorker();
  const [rollouts, temporal] = await Promise.all([RolloutClient.connect(), connect()]);
  const rows: CaseRow[] = [];
  try {
    for (const [index, fault] of faults.entries()) {
      if (stopping) break;
      // All five take turns, so that taking them back is done for several at once.
      const node = nodes[index % nodes.length];
      if (!node) throw new Error('the lab has no nodes');
      if (index % nodes.length === 0 || needsReset(rows.at(-1))) await resetNodes();
      note(`${fault.id}: ${fault.does} on ${node.name}`);
      const row = await runCase({ rollouts, temporal }, fault, { node, seed });
      rows.push(row);
      note(
        `  ${row.moment}: ${row.outcome} in ${row.seconds.toFixed(1)} s ${row.reason}`.trimEnd(),
      );
      for (const violation of row.violations) note(`  VIOLATION ${violation}`);
    }
  } finally {
    await Promise.all([rollouts.close(), temporal.close()]);
    await stopWorker();
    await resetNodes();
  }
  return rows;
}

/** A cordoned node counts against the budget of the next rollout. */
function needsReset(row: CaseRow | undefined): boolean {
  if (!row) return false;
  return row.violations.length > 0 || !['Updated', 'RolledBack', 'Skipped'].includes(row.outcome);
}

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    note('ending after this fault');
    stopping = true;
  });
}

try {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
  if (values.help) process.stdout.write(`${help}\n`);
  else if (values.list) {
    for (const { id, does, healed } of chosen())
      process.stdout.write(`${id}\t${does}\t${healed}\n`);
  } else {
    const rows = await chaos(chosen(), seed);
    process.stdout.write(`${chaosReport(rows, seed, processTerminal().look)}\n`);
    if (rows.some((row) => row.violations.length > 0)) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
