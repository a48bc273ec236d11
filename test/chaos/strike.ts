/** One rollout with a fault struck in the middle of it, followed to its end and beyond. */
import { ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { TemporalConnection } from '../../client/connection.ts';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { partPid } from '../../lab/processes.ts';
import { messageOf, sleep } from '../../lab/run.ts';
import type { LabNode } from '../../lab/settings.ts';
import { startWorker, workerPart } from '../../lab/worker.ts';
import { containerd } from '../lab/activity-kit.ts';
import { openWork } from './accounting.ts';
import type { Fault, Target } from './fault.ts';
import { type Execution, type Story, storiesOf } from './history.ts';
import { MissedMoment, NodeFollower } from './moment.ts';
import { documentOf, versionOf } from './rollout.ts';

const END_WITHIN_MS = 200_000;
/** A node whose rollout has ended unwinds by itself. */
const CHILDREN_WITHIN_MS = 120_000;

export interface Clients {
  readonly rollouts: RolloutClient;
  readonly temporal: TemporalConnection;
}

/** What came of a rollout and of the fault in it. */
export interface Struck {
  readonly moment: string;
  /** The rollout's workflow first, then those below it. */
  readonly stories: readonly Story[];
  /** Nodes of the plan, as "cluster/node". */
  readonly planned: readonly string[];
  readonly violations: readonly string[];
}

interface Running {
  readonly root: Execution;
  readonly planned: readonly string[];
}

/** Rolls out to the struck node and those beside it, strikes in the moment, heals, and waits. */
export async function strikeInRollout(
  clients: Clients,
  fault: Fault,
  args: { readonly nodes: readonly LabNode[]; readonly delayMs: number },
): Promise<Struck> {
  const { nodes, delayMs } = args;
  const [node] = nodes as [LabNode];
  const { phase, step = '' } = fault.moment;
  const follower = await NodeFollower.before(clients.temporal.client, node.name);
  const pending: Promise<void>[] = [];
  const name = `chaos-${fault.id}`;
  const running = await startPlanned(clients, name, fault, nodes);
  const strike = () => fault.strike(targetOf(clients, { fault, node, running, follower, pending }));
  let moment = `${phase}${step && ` ${step}`} +${delayMs} ms`;
  try {
    if (phase === 'Planned') await strike();
    await approve(clients, name);
    if (phase !== 'Planned') {
      await follower.until(phase, step);
      await sleep(delayMs);
      await strike();
    }
  } catch (error) {
    // The rollout goes on, and is judged; the fault does not count.
    const missed = error instanceof MissedMoment;
    moment = `MISSED ${missed ? '' : 'the fault went wrong: '}${messageOf(error)}`;
  } finally {
    await Promise.all(pending);
    await fault.heal?.(node);
    if (!(await partPid(workerPart))) await startWorker();
  }
  return { moment, ...(await toItsEnd(clients, running, fault.endWithinMs ?? END_WITHIN_MS)) };
}

/** Rolls out once more, with nothing in the way but what the rollout before has left. */
export async function rollOutAgain(
  clients: Clients,
  fault: Fault,
  nodes: readonly LabNode[],
): Promise<Omit<Struck, 'moment'>> {
  const name = `chaos-${fault.id}-again`;
  const running = await startPlanned(clients, name, fault, nodes);
  await approve(clients, name);
  return await toItsEnd(clients, running, END_WITHIN_MS / 2);
}

async function startPlanned(
  { rollouts }: Clients,
  name: string,
  fault: Fault,
  nodes: readonly LabNode[],
): Promise<Running> {
  const document = documentOf(
    name,
    fault,
    nodes.map((node) => node.name),
  );
  const { workflowId, runId } = await rollouts.start(document);
  const { status, failure } = await rollouts.untilPlanned(name);
  if (status?.phase !== 'AwaitingApproval') {
    throw new Error(`${name} has no plan to approve: ${failure?.message ?? status?.phase}`);
  }
  const { plan } = await rollouts.planOf(name);
  const planned = plan.waves.flatMap((wave) =>
    wave.nodes.map((entry) => `${entry.cluster}/${entry.node}`),
  );
  return { root: { workflowId, runId }, planned };
}

async function approve({ rollouts }: Clients, name: string): Promise<void> {
  const { status } = await rollouts.status(name);
  await rollouts.approve(name, { by: 'sre-lead', digest: status?.digest ?? '' });
}

function targetOf(
  { temporal }: Clients,
  args: {
    readonly fault: Fault;
    readonly node: LabNode;
    readonly running: Running;
    readonly follower: NodeFollower;
    readonly pending: Promise<void>[];
  },
): Target {
  const { fault, node, running, follower, pending } = args;
  const name = `chaos-${fault.id}`;
  const handleOf = ({ workflowId, runId }: Execution) =>
    temporal.client.workflow.getHandle(workflowId, runId);
  return {
    node,
    sha256: containerd(versionOf(fault)).sha256,
    untilPhase: (phase, ms = 15_000) => follower.until(phase, '', ms),
    untilDone: (activity) => follower.untilDone(activity),
    untilPatched: (id) => follower.untilPatched(id),
    untilTaskFails: () => follower.untilTaskFails(),
    meanwhile: (work, ms) => void pending.push(sleep(ms).then(work)),
    ask: async () => void (await follower.ask()),
    tell: async (what) => {
      const handle = handleOf(running.root);
      if (what === 'cancel') return void (await handle.cancel());
      // As a signal: it is taken while no worker is there to answer an update.
      await handle.signal(what, { by: 'sre-lead', reason: 'a test of faults' });
    },
    terminate: async (what) => {
      const stories = what === 'all' ? await storiesOf(temporal.client, running.root) : [];
      const below = stories.flatMap((story) => story.children);
      const own = temporal.client.workflow.getHandle(follower.workflowId);
      const all = what === 'node' ? [own] : [running.root, ...below].map(handleOf);
      await Promise.all(
        all.map((handle) => end(handle, `${name}: terminated by a test of faults`)),
      );
    },
  };
}

/** Waits for the end of a rollout and of everything that it started, and reads their histories. */
async function toItsEnd(
  { temporal: { client } }: Clients,
  { root, planned }: Running,
  endWithinMs: number,
): Promise<Omit<Struck, 'moment'>> {
  const handle = client.workflow.getHandle(root.workflowId, root.runId);
  const ended = await untilClosed(handle, endWithinMs);
  const late = ended ? [] : [`the rollout did not end within ${endWithinMs / 1000} s`];
  if (!ended) await end(handle, 'did not end in time, says test/chaos');
  const deadline = Date.now() + CHILDREN_WITHIN_MS;
  for (;;) {
    const stories = await storiesOf(client, root);
    if (stories.every((story) => story.end) || Date.now() > deadline) {
      const open = openWork(stories);
      for (const { workflowId, end: closed } of stories) {
        if (!closed) await end(client.workflow.getHandle(workflowId), 'left open');
      }
      return { stories, planned, violations: [...late, ...open] };
    }
    await sleep(500);
  }
}

async function untilClosed(handle: WorkflowHandle, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    try {
      if ((await handle.describe()).status.name !== 'RUNNING') return true;
    } catch (error) {
      // Temporal is down for a while in some faults; the rollout is not.
      if (!(error instanceof ServiceError)) throw error;
    }
    await sleep(150);
  }
  return false;
}

/** Terminates a workflow; one that has ended already is as good as terminated. */
async function end(handle: WorkflowHandle, reason: string): Promise<void> {
  try {
    await handle.terminate(reason);
  } catch (error) {
    if ((await handle.describe()).status.name === 'RUNNING') throw error;
  }
}
