/** `npm run chaos`: strikes faults into rollouts on the real lab, one after the other. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { connect } from '../../client/connection.ts';
import { RolloutClient } from '../../client/rollout-client.ts';
import { processTerminal } from '../../client/terminal.ts';
import { bringUp } from '../../lab/bring-up.ts';
import { checkout } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { messageOf } from '../../lab/run.ts';
import { startWorker, stopWorker, useLabTemporal } from '../../lab/worker.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import type { Fault } from './fault.ts';
import { FAULTS } from './faults.ts';
import { NodePicker } from './node-picker.ts';
import { spread } from './order.ts';
import type { Clients } from './strike.ts';
import { type CaseRow, chaosReport, holds, passed, struck } from './table.ts';

const help = `Usage: npm run chaos [-- --quick] [-- --only ID,ID] [-- --seed N] [-- --json FILE] [-- --list]

Rolls a patch of containerd through nodes of the lab, one rollout for each fault, and strikes in the
middle of it. Brings the lab up if need be; nodes are left as the lab starts them. Exits with 1 if
a node ended neither as found, nor updated and verified, nor cordoned and told to a person, or if
the rollout's outcome and histories do not account for what was seen.

  --quick      the quick set
  --only IDS   these faults; "X-*" for all that begin so
  --seed N     the seed of the delays (default: a random one, which the last line tells)
  --json FILE  writes what the table shows there as well, after each fault
  --list       tells the faults and strikes none`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'string' },
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
  if (values.only === undefined) {
    return spread(values.quick ? FAULTS.filter(({ quick }) => quick) : FAULTS);
  }
  return values.only.split(',').flatMap((id) => {
    const begins = id.endsWith('*') ? id.slice(0, -1) : undefined;
    const found = FAULTS.filter((entry) =>
      begins === undefined ? entry.id === id : entry.id.startsWith(begins),
    );
    if (found.length === 0) throw new Error(`no fault ${id}; --list tells those there are`);
    return found;
  });
}

async function chaos(faults: readonly Fault[], seed: number): Promise<readonly CaseRow[]> {
  process.chdir(checkout);
  await bringUp('stderr');
  await useLabTemporal();
  await resetNodes();
  await Promise.all([startWorker(), ensureWorkload()]);
  const [rollouts, temporal] = await Promise.all([RolloutClient.connect(), connect()]);
  const picker = new NodePicker();
  const rows: CaseRow[] = [];
  try {
    for (const fault of faults) {
      if (stopping) break;
      const row = await strikeTwice({ rollouts, temporal }, { fault, seed, picker });
      rows.push(row);
      if (values.json) await writeFile(values.json, `${JSON.stringify({ seed, rows }, null, 2)}\n`);
    }
  } finally {
    await Promise.all([rollouts.close(), temporal.close()]);
    await stopWorker();
    await resetNodes();
    await ensureWorkload();
  }
  return rows;
}

/** A moment may be over before it is seen, on a busy machine: then it is looked for once more. */
async function strikeTwice(
  clients: Clients,
  args: { readonly fault: Fault; readonly seed: number; readonly picker: NodePicker },
): Promise<CaseRow> {
  const first = await strike(clients, args);
  return struck(first) || !passed(first) || stopping ? first : await strike(clients, args);
}

async function strike(
  clients: Clients,
  args: { readonly fault: Fault; readonly seed: number; readonly picker: NodePicker },
): Promise<CaseRow> {
  const { fault, seed, picker } = args;
  // What the lab's repository offers is read when these are loaded: not before it is up.
  const [{ runCase }, { putRight }] = await Promise.all([
    import('./case.ts'),
    import('./blows.ts'),
  ]);
  let names: readonly string[] = [];
  let row: CaseRow;
  try {
    const nodes = await picker.pick(fault);
    names = nodes.map(({ name }) => name);
    note(`${fault.id}: ${fault.does} on ${names.join(', ')}`);
    row = await runCase(clients, fault, { nodes, seed });
  } catch (error) {
    row = failedRow(fault, names[0] ?? '', messageOf(error));
    await putRight();
  }
  picker.used(names, row);
  const spent = `${row.seconds.toFixed(1)} s (+ ${row.aroundSeconds.toFixed(1)} s)`;
  note(
    `  ${row.moment}: ${row.outcome} in ${spent} ${(row.reason.split('\n')[0] ?? '').slice(0, 300)}`.trimEnd(),
  );
  for (const violation of row.violations) note(`  VIOLATION ${violation}`);
  return row;
}

/** A case that could not be judged has not passed. */
function failedRow(fault: Fault, node: string, why: string): CaseRow {
  return {
    ...{ fault: fault.id, does: fault.does, moment: 'NOT JUDGED', node, outcome: 'Untouched' },
    ...{ reason: '', seconds: 0, aroundSeconds: 0, installs: 0, harm: undefined, gaps: 0 },
    violations: [`not judged: ${why}`],
  };
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
    if (!holds(rows)) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
