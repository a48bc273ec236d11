/** What tests of windows share: a rollout whose calendar is asked by the server's own clock. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import {
  type RolloutStatus,
  rolloutWorkflowId,
  TASK_QUEUE,
  type WaveStatus,
  type WindowLook,
  type WindowQuestion,
  waveWorkflowId,
} from '../../workflows/contract.ts';
import { invertPlan, makePlan } from '../../workflows/domain/plan.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { type Fleet, policySchema } from '../../workflows/domain/spec.ts';
import { rolloutWorkflow } from '../../workflows/rollout.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { type FakeFleet, FROM, type StepName, TO } from './fake-fleet.ts';
import {
  bundleOf,
  fleet as eastOnly,
  factsOf,
  hash,
  offers,
  policy,
  rolloutOf,
} from './fixtures.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const ID = rolloutWorkflowId('patch');
export type Handle = WorkflowHandleWithFirstExecutionRunId<typeof rolloutWorkflow>;

export let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

/** The server's clock, which jumps only while a result is waited for. */
export const serverNow = () => bed.env.currentTimeMs();

export interface Setting {
  readonly fleet: FakeFleet;
  readonly plan: Plan;
  readonly handle: Handle;
  /** Every question, with the answer. */
  readonly asked: { readonly question: WindowQuestion; readonly look: WindowLook }[];
  /** When each node was looked at first, by the server's clock, in that order. */
  readonly starts: readonly { readonly node: string; readonly atMs: number }[];
}

interface Options {
  /** By cluster, which is its region as well. */
  readonly nodes?: Readonly<Record<string, number>>;
  readonly policy?: object;
  readonly strategy?: object;
  readonly spec?: object;
  readonly look: (question: WindowQuestion) => WindowLook | Promise<WindowLook>;
  readonly prepare?: (fleet: FakeFleet) => void;
  /** Called in the middle of each step; what it throws the step fails with. */
  readonly during?: (step: StepName, node: string) => void;
}

/** Nothing of it waits for time to pass, other than for windows. */
const AT_ONCE = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 100, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};

/** Runs `body` over a started rollout that needs no approval; afterwards no node is half-done. */
export async function withWindows(
  options: Options,
  body: (setting: Setting) => Promise<void>,
): Promise<void> {
  const plan = planFor(options);
  const names = plan.waves.flatMap((wave) => wave.nodes.map(({ node }) => node));
  await bed.withFleet(names, async (fleet) => {
    const asked: { question: WindowQuestion; look: WindowLook }[] = [];
    const starts: { node: string; atMs: number }[] = [];
    fleet.planned = { plan, impact: [] };
    fleet.rollbackPlan = (given, nodes) => invertPlan({ plan: given, nodes, hash });
    fleet.window = async (question) => {
      const look = await options.look(question);
      asked.push({ question, look });
      return look;
    };
    fleet.during(async (step, node) => {
      if (step === 'lease') starts.push({ node, atMs: await serverNow() });
      options.during?.(step, node);
    });
    options.prepare?.(fleet);
    const handle = await bed.env.client.workflow.start(rolloutWorkflow, {
      taskQueue: TASK_QUEUE,
      workflowId: ID,
      args: [{ metadata: { name: 'patch' } }],
    });
    await body({ fleet, plan, handle, asked, starts });
    assert.equal(fleet.clusterLease, undefined, 'the lease of the cluster is given back');
    for (const [name, node] of fleet.nodes) {
      const whole = node.version === FROM || node.version === TO;
      assert.ok(whole && !node.cordoned && node.lease === undefined, `${name} is not half-done`);
    }
  });
}

function planFor({ nodes = { east: 3 }, strategy, spec, policy: more }: Options): Plan {
  const [usual] = eastOnly.spec.clusters;
  const clusters = Object.keys(nodes).map((name) => ({ ...usual, name, region: name }));
  const fleet = { ...eastOnly, spec: { clusters } } as Fleet;
  const facts = Object.entries(nodes).flatMap(([cluster, count]) =>
    Array.from({ length: count }, (_, i) => factsOf(`${cluster}-${i + 1}`, 'a', { cluster })),
  );
  const approval = { ...policy.spec.approval, required: false };
  const answer = makePlan({
    rollout: rolloutOf({ ...AT_ONCE, ...strategy }, spec),
    fleet,
    bundle: bundleOf('Drain'),
    policy: policySchema.parse({ ...policy, spec: { ...policy.spec, approval, ...more } }),
    ...{ facts, offered: offers(facts), hash },
  });
  if (answer.kind === 'Refused') throw new Error(answer.reasons.join('; '));
  return answer.plan;
}

export async function statusOf(handle: Handle): Promise<RolloutStatus> {
  return await handle.query<RolloutStatus>('status');
}

export async function waveStatus(wave: string): Promise<WaveStatus> {
  const handle = bed.env.client.workflow.getHandle(waveWorkflowId(ID, wave));
  return await handle.query<WaveStatus>('status');
}

/** Waits until the rollout waits for something that matches. */
export async function untilWaits(handle: Handle, what: RegExp): Promise<RolloutStatus> {
  for (let i = 0; i < 300; i++) {
    const status = await statusOf(handle);
    if (what.test(status.waitingFor)) return status;
    await delay(20);
  }
  return assert.fail(`never waited for ${what}, but ${(await statusOf(handle)).waitingFor}`);
}

export async function tell(handle: Handle, name: string, argument: object): Promise<string> {
  return await handle.executeUpdate<string, [object]>(name, { args: [argument] });
}

/** Types of the events of a wave's history, with the summary of each timer. */
export async function eventsOf(wave: string): Promise<string[]> {
  const handle = bed.env.client.workflow.getHandle(waveWorkflowId(ID, wave));
  const { events = [] } = await handle.fetchHistory();
  return (events ?? []).map((event) => {
    const [type = ''] = Object.keys(event).filter((key) => key.endsWith('EventAttributes'));
    const activity = event.activityTaskScheduledEventAttributes?.activityType?.name;
    return activity ?? type.replace('EventAttributes', '');
  });
}
