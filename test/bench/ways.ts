/** The two ways from deb12u2 to deb12u3. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { TemporalConnection } from '../../client/connection.ts';
import { RolloutClient } from '../../client/rollout-client.ts';
import { ssh } from '../../lab/node.ts';
import { checkout, paths } from '../../lab/paths.ts';
import { nodes, versions } from '../../lab/settings.ts';
import type { Told } from './runs.ts';
import { meanPhases, spentByTidegate } from './spent.ts';

/** Runs the usual shell loop and adds up its steps. */
export async function usualWay(): Promise<Told> {
  const [sshOptions = []] = nodes.map((node) => ssh(node).slice(1, -1));
  const pairs = nodes.map(({ name, address }) => `${name}=${address}`);
  const child = spawn(
    join(import.meta.dirname, 'usual-way.sh'),
    [versions.containerdPatched, ...pairs, '--', ...sshOptions],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${paths.bin}:${process.env['PATH']}`,
        KUBECONFIG: paths.kubeconfig,
      },
    },
  );
  let told = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const code = await new Promise<number | null>((settle, reject) => {
    child.once('error', reject);
    child.once('close', settle);
  });
  if (code !== 0) throw new Error(`the usual way ended with ${code}:\n${log}`);
  const steps = told.trim().split('\n').map(stepOf);
  return { wallMs: (steps.at(-1)?.at ?? 0) - (steps[0]?.at ?? 0), spentMs: sumOf(steps) };
}

interface Step {
  readonly at: number;
  readonly name: string;
}

function stepOf(line: string): Step {
  const [seconds = '', name = ''] = line.split('\t');
  return { at: Number(seconds.replace(',', '.')) * 1000, name };
}

function sumOf(steps: readonly Step[]): Record<string, number> {
  const spent: Record<string, number> = {};
  for (const [index, { at, name }] of steps.entries()) {
    const next = steps[index + 1];
    if (next) spent[name] = (spent[name] ?? 0) + next.at - at;
  }
  return spent;
}

/** Rolls the demo's rollout out, without soak and without waiting for an approval. */
export async function tidegateWay(connection: TemporalConnection): Promise<Told> {
  const client = new RolloutClient(connection);
  const document = await benchRollout();
  const startedMs = Date.now();
  const { rollout } = await client.start(document);
  const outcome = await client.waitFor(rollout);
  const endedMs = Date.now();
  if (outcome.outcome !== 'Succeeded') {
    throw new Error(`the rollout ended as ${outcome.outcome}: ${outcome.reasons.join('; ')}`);
  }
  const spentMs = await spentByTidegate({ connection, outcome, startedMs, endedMs });
  return { wallMs: endedMs - startedMs, spentMs, phasesMs: meanPhases(outcome.nodes) };
}

/** The demo's rollout with its own canary and waves; soak and approval are left out. */
async function benchRollout(): Promise<unknown> {
  const read = async (file: string) =>
    parse(await readFile(join(checkout, 'examples', file), 'utf8'));
  const document = await read('rollouts/containerd-deb12u3.yaml');
  const policy = await read('policy.yaml');
  const { strategy } = document.spec;
  return {
    ...document,
    metadata: { name: 'bench-containerd-deb12u3' },
    spec: {
      ...document.spec,
      policy: {
        ...policy,
        spec: { ...policy.spec, approval: { ...policy.spec.approval, required: false } },
      },
      strategy: {
        ...strategy,
        canary: { ...strategy.canary, soakSeconds: 0 },
        waves: { ...strategy.waves, soakSeconds: 0 },
      },
    },
  };
}
