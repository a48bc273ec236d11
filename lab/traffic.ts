import { join } from 'node:path';
import { assertRuns, startPart } from './processes.ts';
import { waitFor } from './run.ts';
import { host } from './settings.ts';
import { listens } from './temporal.ts';

/** The name of the process that asks the workload's pods and exports what it got. */
export const trafficPart = 'traffic';

const address = '127.0.0.1';

/** Starts what stands for the workload's users, unless it runs. Needs the API server. */
export async function ensureTraffic(): Promise<void> {
  const server = join(import.meta.dirname, 'traffic-server.ts');
  await startPart({
    name: trafficPart,
    command: [process.execPath, server, address, `${host.trafficPort}`],
  });
  await waitFor({
    what: 'the traffic exporter to listen',
    timeoutMs: 15_000,
    until: async () => {
      await assertRuns(trafficPart);
      return listens(host.trafficPort, address);
    },
  });
}

/** Stops the requests to the workload, as if nobody wanted anything of it. */
export async function pauseTraffic(): Promise<void> {
  await order('pause');
}

/** Takes the requests to the workload up again. */
export async function resumeTraffic(): Promise<void> {
  await order('resume');
}

async function order(word: 'pause' | 'resume'): Promise<void> {
  const url = `http://${address}:${host.trafficPort}/${word}`;
  const answer = await fetch(url, { method: 'POST' });
  if (!answer.ok) throw new Error(`the traffic exporter does not ${word}: ${answer.status}`);
}
