/**
 * Records histories for the replay test from a Temporal that ran them, each with the id that its
 * workflow had: `node test/replay/record.ts WORKFLOW_ID...`. Recorded once a release, from the lab.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connect } from '../../client/connection.ts';

const folder = join(import.meta.dirname, 'histories');
await mkdir(folder, { recursive: true });
const { client, close } = await connect();
for (const workflowId of process.argv.slice(2)) {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const file = join(folder, `${workflowId.replaceAll('/', '.')}.json`);
  const text = JSON.stringify({ workflowId, history: JSON.parse(historyToJSON(history), plain) });
  await writeFile(file, `${text}\n`);
  process.stdout.write(`${file}\n`);
}
await close();

/** Leaves out what tells of the machine that ran it: no replay needs it. */
function plain(key: string, value: unknown): unknown {
  return key === 'stackTrace' || key === 'identity' ? undefined : value;
}
