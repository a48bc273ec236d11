import { join } from 'node:path';
import { kubectl } from './control-plane.ts';
import { attempt, run, waitFor } from './run.ts';

const namespace = 'shop';
const manifest = join(import.meta.dirname, 'workload.yaml');

interface JobObject {
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

/** Applies the workload and waits until it runs; a batch that has ended is started anew. */
export async function ensureWorkload(): Promise<void> {
  if (await batchHasEnded()) await run(inShop('delete', 'job', 'batch', '--wait'));
  await run(kubectl('apply', '-f', manifest));
  const rollouts = ['deployment/web', 'statefulset/db', 'daemonset/agent'];
  await Promise.all(
    rollouts.map((name) => run(inShop('rollout', 'status', name, '--timeout=120s'))),
  );
  await waitFor({
    what: "the batch's four pods to run",
    timeoutMs: 60_000,
    everyMs: 500,
    until: async () => {
      const path = 'jsonpath={.status.ready}';
      return (await run(inShop('get', 'job', 'batch', '-o', path))) === '4';
    },
  });
}

async function batchHasEnded(): Promise<boolean> {
  const { code, stdout } = await attempt(inShop('get', 'job', 'batch', '-o', 'json'));
  if (code !== 0) return false;
  const job = JSON.parse(stdout) as JobObject;
  const ends = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet'];
  return (job.status?.conditions ?? []).some((c) => ends.includes(c.type) && c.status === 'True');
}

function inShop(...words: string[]): string[] {
  return kubectl('--namespace', namespace, ...words);
}
