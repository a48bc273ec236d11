/** What tests of whole rollouts share: a rollout over five fake nodes, and the invariant after it. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { type RolloutStatus, rolloutWorkflowId, TASK_QUEUE } from '../../workflows/contract.ts';
import { invertPlan } from '../../workflows/domain/plan.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { rolloutWorkflow } from '../../workflows/rollout.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { hash, planOf, policy } from './fixtures.ts';

export const NODES = ['east-1', 'east-2', 'east-3', 'east-4', 'east-5'];
type Handle = WorkflowHandleWithFirstExecutionRunId<typeof rolloutWorkflow>;

let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

/** Runs `body` over a started rollout; afterwards no node is half-done and the lease is back. */
export async function withRollout(
  body: (args: { fleet: FakeFleet; plan: Plan; handle: Handle }) => Promise<void>,
  options: {
    strategy?: object;
    prepare?: (fleet: FakeFleet) => void;
    approval?: object;
    policy?: object;
  } = {},
): Promise<void> {
  const approval = { ...policy.spec.approval, ...options.approval };
  const plan = planOf({
    count: NODES.length,
    disruption: 'Drain',
    policy: { ...policy, spec: { ...policy.spec, ...options.policy, approval } },
    ...(options.strategy ? { strategy: options.strategy } : {}),
  });
  await bed.withFleet(NODES, async (fleet) => {
    fleet.planned = { plan, impact: [] };
    fleet.rollbackPlan = (given, nodes) => invertPlan({ plan: given, nodes, hash });
    options.prepare?.(fleet);
    const handle = await bed.env.client.workflow.start(rolloutWorkflow, {
      taskQueue: TASK_QUEUE,
      workflowId: rolloutWorkflowId('patch'),
      args: [{ metadata: { name: 'patch' } }],
    });
    await body({ fleet, plan, handle });
    assert.equal(fleet.clusterLease, undefined, 'the lease of the cluster is given back');
    for (const [name, node] of fleet.nodes) {
      const whole = node.version === FROM || node.version === TO;
      const open = !node.cordoned && node.lease === undefined;
      assert.ok(whole && (open || node.attention !== undefined), `${name} is not half-done`);
    }
  });
}

/** Returns what workflows have told so far. */
export const counts = () => bed.counts;

export async function statusOf(handle: Handle): Promise<RolloutStatus> {
  return await handle.query<RolloutStatus>('status');
}

/** Waits until the rollout is in a phase. */
export async function untilPhase(handle: Handle, phase: string): Promise<RolloutStatus> {
  for (let i = 0; i < 200; i++) {
    const status = await statusOf(handle);
    if (status.phase === phase) return status;
    await delay(20);
  }
  return assert.fail(`never reached ${phase}, is ${(await statusOf(handle)).phase}`);
}

/** Waits until something is so, without a look at the server's clock. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return;
    await delay(20);
  }
  assert.fail(`never: ${what}`);
}

/** Approves the plan as soon as it waits for approval. */
export async function approve(handle: Handle, digest: string, by = 'sre-lead'): Promise<string> {
  await untilPhase(handle, 'AwaitingApproval');
  return await handle.executeUpdate<string, [object]>('approve', { args: [{ by, digest }] });
}

export const versions = (fleet: FakeFleet) => NODES.map((name) => fleet.node(name).version);
export const all = (version: string) => NODES.map(() => version);

/** Makes the installation on a node fail for good, after it took effect. */
export function failApply(fleet: FakeFleet, node: string): void {
  fleet.inject({
    step: 'apply',
    node,
    when: 'After',
    times: 1,
    type: 'ApplyFailed',
    retryable: false,
  });
}
