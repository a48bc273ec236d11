/** What tests of one node's saga share: a test bed, runs of the workflow, and the invariant. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type NodeInput,
  type NodeOutcome,
  type NodeStatus,
  nodeWorkflowId,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { nodeWorkflow } from '../../workflows/node.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { type FakeFleet, FROM, type StepName, TO } from './fake-fleet.ts';
import { nodeInput } from './fixtures.ts';
import { untilTold } from './told.ts';

export const NODE = 'east-1';
export const ID = nodeWorkflowId('east', NODE);

let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

/** Runs `body` with a fresh fake node. */
export async function withNode(body: (fleet: FakeFleet) => Promise<void>): Promise<void> {
  await bed.withFleet([NODE], body);
}

/** Returns what workflows have told so far. */
export const counts = () => bed.counts;

/** Returns the handle of the node's workflow. */
export const handle = () => bed.env.client.workflow.getHandle(ID);

/** Runs the node's workflow to its end. */
export async function run(
  disruption: Disruption = 'Reboot',
  drain: object = {},
): Promise<NodeOutcome> {
  return await (await begin(disruption, drain)).result();
}

/** Starts the node's workflow. The server's clock jumps only while a result is waited for. */
export function begin(disruption: Disruption, drain: object, more: Partial<NodeInput> = {}) {
  const input = nodeInput(disruption);
  const policy = { ...input.policy, drain: { ...input.policy.drain, ...drain } };
  return bed.env.client.workflow.start(nodeWorkflow, {
    taskQueue: TASK_QUEUE,
    workflowId: ID,
    args: [{ ...input, policy, ...more }],
  });
}

/** Lets time go by on the server's clock, whatever is waited for. */
export const pass = (ms: number) => bed.env.sleep(ms);

/** Cancels the workflow in the middle of the given step, once. */
export function cancelDuring(fleet: FakeFleet, step: StepName): void {
  let cancelled = false;
  fleet.during(async (current) => {
    if (current !== step || cancelled) return;
    cancelled = true;
    await handle().cancel();
    await untilTold();
  });
}

/** Waits until a person is asked. */
export async function untilAsked(): Promise<NodeStatus> {
  for (let i = 0; i < 200; i++) {
    const status = await handle()
      .query<NodeStatus>('status')
      .catch(() => undefined);
    if (status?.asks) return status;
    await delay(20);
  }
  return assert.fail('nobody was asked');
}

/** The one invariant: as found, or updated, or cordoned and marked for a person. */
export function assertInvariant(
  fleet: FakeFleet,
  outcome: NodeOutcome,
  cordonedBefore = false,
): void {
  const node = fleet.node(NODE);
  switch (outcome.outcome) {
    case 'Updated':
      assert.equal(node.version, TO);
      break;
    case 'RolledBack':
    case 'Skipped':
      assert.equal(node.version, FROM);
      assert.ok(outcome.reasons.length > 0, 'a reason is given');
      break;
    case 'NeedsAttention':
      assert.equal(node.cordoned, true, 'stays cordoned');
      assert.ok(node.attention, 'says so on the node');
      return;
    default:
      assert.fail(`unexpected outcome ${outcome.outcome}`);
  }
  assert.equal(node.cordoned, cordonedBefore, 'schedulable as found');
  assert.equal(node.lease, undefined, 'no lease of ours is left');
  assert.equal(node.attention, undefined);
}
