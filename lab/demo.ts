/** `make demo`: a real containerd patch through five real nodes, from nothing to a checked result. */
import { runProgram } from '../client/program.ts';
import { paint } from '../client/render/look.ts';
import { RolloutClient } from '../client/rollout-client.ts';
import { processTerminal } from '../client/terminal.ts';
import { bringUp } from './bring-up.ts';
import { brokenPromises, type Measured } from './demo-checks.ts';
import { demoReport, whatNext } from './demo-report.ts';
import { clearTheWay, planDigest } from './demo-rollout.ts';
import { fleetFacts } from './fleet-facts.ts';
import { Observation } from './observation.ts';
import { checkout } from './paths.ts';
import { resetNodes } from './reset-nodes.ts';
import { messageOf } from './run.ts';
import { versions } from './settings.ts';
import { say, task } from './tasks.ts';
import { startWorker, useLabTemporal } from './worker.ts';
import { ensureWorkload } from './workload.ts';

const file = 'examples/rollouts/containerd-deb12u3.yaml';
const rollout = 'containerd-deb12u3';
const approver = 'sre-lead';

const terminal = processTerminal();
const started = performance.now();

function step(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const { look } = terminal;
  say(`\n${paint(`[${seconds} s]`, 'dim', look)} ${paint(text, 'bold', look)}`);
}

/** Runs a command of the command line in this process, as a person would type it. */
async function tidegate(...words: string[]): Promise<number> {
  say(paint(`$ tidegate ${words.join(' ')}`, 'cyan', terminal.look));
  return await runProgram(words, { terminal });
}

async function must(code: Promise<number>): Promise<void> {
  const ended = await code;
  if (ended !== 0) throw new Error(`the command ended with ${ended}`);
}

async function prepare(client: RolloutClient): Promise<void> {
  for (const what of await clearTheWay(client, rollout)) say(`  ${what}`);
  const taken = await task(`nodes on containerd ${versions.containerd}`, resetNodes);
  for (const what of taken) say(`    taken back with apt: ${what}`);
  await task('workload: web, db, agent, a CronJob each minute, a batch', ensureWorkload);
}

/** The rollout itself: started, approved and watched to its end. Returns its exit code. */
async function rollOut(client: RolloutClient): Promise<number> {
  await must(tidegate('start', file));
  const digest = await planDigest(client, rollout);
  step(`Approval: platform-oncall asked for it, so ${approver} has to agree`);
  await must(tidegate('approve', rollout, '--digest', digest, '--as', approver));
  step('Progress');
  return await tidegate('watch', rollout);
}

/** The rollout with everything around it measured from outside. */
async function measure(
  client: RolloutClient,
): Promise<{ readonly code: number; readonly measured: Measured }> {
  const before = await fleetFacts();
  const observation = await Observation.start();
  try {
    const code = await rollOut(client);
    const after = await fleetFacts();
    step('What the demo measured itself, from the nodes, the API and the network');
    const disturbance = await observation.stop();
    const jobPodSucceeded = observation.jobPodSucceeded.bind(observation);
    return { code, measured: { before, after, disturbance, jobPodSucceeded } };
  } finally {
    await observation.abandon();
  }
}

async function main(): Promise<number> {
  process.chdir(checkout);
  step('The lab: a real Kubernetes fleet on this machine');
  await bringUp();
  await useLabTemporal();
  step('The worker, and the fleet as the demo needs it');
  await task('worker', () => startWorker());
  const client = await RolloutClient.connect();
  try {
    await prepare(client);
    step('The plan: who, when, from, to, what it disturbs; nothing is touched yet');
    await must(tidegate('plan', file));
    step('Start');
    const { code, measured } = await measure(client);
    const { outcome } = await client.status(rollout);
    if (outcome) say(demoReport(measured, outcome, terminal.look));
    const broken = [
      ...(code === 0 ? [] : [`the rollout ended as ${outcome?.outcome ?? 'a failure'}`]),
      ...brokenPromises(measured, versions.containerdPatched),
    ];
    step(broken.length === 0 ? 'All as promised' : 'NOT as promised');
    for (const what of broken) say(`  ${paint('✗', 'red', terminal.look)} ${what}`);
    say('');
    say(whatNext(rollout, terminal.look));
    return broken.length === 0 ? 0 : 1;
  } finally {
    await client.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`demo: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
