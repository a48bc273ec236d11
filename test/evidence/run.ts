/** `npm run evidence`: what a rollout's measurements find on the real lab, and what they must not. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { RolloutClient } from '../../client/rollout-client.ts';
import { bringUp } from '../../lab/bring-up.ts';
import { checkout } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { messageOf } from '../../lab/run.ts';
import { startWorker, stopWorker, useLabTemporal } from '../../lab/worker.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import type { EvidenceCase } from './case.ts';
import { type CaseRow, evidenceReport, holds } from './table.ts';

const help = `Usage: npm run evidence [-- --runs N] [-- --only ID,ID] [-- --json FILE]

Rolls patches of containerd through nodes of the lab under a policy that measures: a patch that is
slow on purpose, a harmless one while all nodes are slowed down, without Prometheus, without any
traffic, and undisturbed. Brings the lab up if need be; nodes are left as the lab starts them.
Exits with 1 if a verdict or an end is not as it has to be.

  --runs N     how often the harmless patch is rolled out (default: 20)
  --only IDS   these cases: slow-patch, slow-everywhere, provider-dies, no-traffic, harmless
  --json FILE  writes what the table shows there as well, after each run`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    only: { type: 'string' },
    json: { type: 'string' },
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

/** Returns the runs asked for; of all cases but the last, one each. */
async function chosen(): Promise<readonly { entry: EvidenceCase; run: number }[]> {
  const { CASES } = await import('./cases.ts');
  const ids = values.only?.split(',') ?? CASES.map(({ id }) => id);
  const times = Number(values.runs);
  if (!Number.isInteger(times) || times < 1) throw new Error(`--runs ${values.runs} is no count`);
  return ids.flatMap((id) => {
    const entry = CASES.find((known) => known.id === id);
    if (!entry) throw new Error(`no case ${id}; there are ${CASES.map((c) => c.id).join(', ')}`);
    const count = id === 'harmless' ? times : 1;
    return Array.from({ length: count }, (_, index) => ({ entry, run: index + 1 }));
  });
}

async function evidence(): Promise<readonly CaseRow[]> {
  process.chdir(checkout);
  await bringUp('stderr');
  await useLabTemporal();
  await resetNodes();
  await Promise.all([startWorker(), ensureWorkload()]);
  // What the lab's repository offers is read when these are loaded: not before it is up.
  const runs = await chosen();
  const client = await RolloutClient.connect();
  const rows: CaseRow[] = [];
  try {
    for (const { entry, run } of runs) {
      if (stopping) break;
      rows.push(await tell(client, entry, run));
      if (values.json) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`);
    }
  } finally {
    await client.close();
    await stopWorker();
    await resetNodes();
  }
  return rows;
}

async function tell(client: RolloutClient, entry: EvidenceCase, run: number): Promise<CaseRow> {
  const { runCase } = await import('./case.ts');
  note(`${entry.id}, run ${run}: ${entry.shows}`);
  let row: CaseRow;
  try {
    // A batch that has ended is started anew here, not in the middle of a soak.
    await ensureWorkload();
    row = await runCase(client, entry, run);
  } catch (error) {
    const problems = [`it came to no end: ${messageOf(error)}`];
    row = { id: entry.id, shows: entry.shows, run, verdicts: [], seconds: 0, problems };
  }
  note(`  ${row.outcome ?? 'no end'} in ${row.seconds.toFixed(1)} s`);
  for (const { wave, verdict, reason } of row.verdicts) note(`  ${wave}: ${verdict}, ${reason}`);
  for (const reason of row.reasons ?? []) note(`  ${reason}`);
  for (const problem of row.problems) note(`  NOT AS IT HAS TO BE: ${problem}`);
  return row;
}

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    note('ending after this run');
    stopping = true;
  });
}

try {
  if (values.help) process.stdout.write(`${help}\n`);
  else {
    const rows = await evidence();
    process.stdout.write(`${evidenceReport(rows)}\n`);
    if (!holds(rows)) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
