/** What a Schedule starts, once: a rollout that outlives it, an inventory, an announcement. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type RolloutStatus,
  rolloutWorkflowId,
  type ScheduledOutcome,
  type ScheduledStatus,
  scheduledWorkflowId,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import { type Schedule, scheduleSchema } from '../../workflows/domain/spec.ts';
import { scheduledWorkflow } from '../../workflows/scheduled.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { factsOf, planOf, rolloutOf } from './fixtures.ts';

let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

function scheduleOf(spec: object): Schedule {
  return scheduleSchema.parse({
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Schedule',
    metadata: { name: 'weekly' },
    spec: { cron: ['30 21 * * Tue'], timeZone: 'Europe/Berlin', ...spec },
  });
}

/** Fires once and waits for what it shows: awaiting its result would let the clock run. */
async function fire(schedule: Schedule): Promise<ScheduledOutcome> {
  const handle = await bed.env.client.workflow.start(scheduledWorkflow, {
    taskQueue: TASK_QUEUE,
    workflowId: `${scheduledWorkflowId('weekly')}-${randomUUID()}`,
    args: [schedule],
  });
  for (let i = 0; i < 200; i++) {
    const { outcome } = await handle.query<ScheduledStatus>('status');
    if (outcome) return outcome;
    const { status } = await handle.describe();
    if (status.name === 'FAILED') await handle.result();
    await delay(20);
  }
  return assert.fail('it never ended');
}

const patch = () => bed.env.client.workflow.getHandle(rolloutWorkflowId('patch'));

async function untilPhase(phase: string): Promise<RolloutStatus> {
  for (let i = 0; i < 200; i++) {
    const status = await patch().query<RolloutStatus>('status');
    if (status.phase === phase) return status;
    await delay(20);
  }
  return assert.fail(`never reached ${phase}`);
}

describe('a Schedule of a rollout', () => {
  it('starts it under its own name, once at a time, and leaves it to itself', async () => {
    await bed.withFleet(['east-1'], async (fleet) => {
      const plan = planOf({ count: 1 });
      fleet.planned = { plan, impact: [] };
      fleet.standing.set('patch', rolloutOf());
      const schedule = scheduleOf({ rollout: 'patch' });

      const first = await fire(schedule);
      assert.ok('started' in first, JSON.stringify(first));
      assert.equal(first.started, 'rollout/patch');
      const waiting = await untilPhase('AwaitingApproval');
      assert.equal((await patch().describe()).runId, first.run);

      assert.deepEqual(await fire(schedule), { skipped: 'rollout patch runs already' });
      assert.equal((await patch().describe()).runId, first.run, 'the same run goes on');

      const vote = { by: 'sre-lead', digest: waiting.digest, gate: waiting.gate?.id };
      await patch().executeUpdate('reject', { args: [{ ...vote, reason: 'a test' }] });
      await untilPhase('Rejected');
      const next = await fire(schedule);
      assert.ok('started' in next && next.run !== first.run, JSON.stringify(next));
      await untilPhase('AwaitingApproval');
      await patch().terminate();
    });
  });

  it('takes a document that stands in the Schedule, with all that starting by hand would set', async () => {
    await bed.withFleet(['east-1'], async (fleet) => {
      fleet.planned = { plan: planOf({ count: 1 }), impact: [] };
      const outcome = await fire(scheduleOf({ rollout: rolloutOf() }));
      assert.ok('started' in outcome);
      const status = await untilPhase('AwaitingApproval');
      assert.equal(status.rollout, 'patch');
      const history = await patch().fetchHistory();
      const [started] = (history.events ?? []).flatMap(
        (event) => event.workflowExecutionStartedEventAttributes ?? [],
      );
      const fields = started?.searchAttributes?.indexedFields ?? {};
      assert.deepEqual(Object.keys(fields).sort(), ['TidegatePhase', 'TidegateRollout']);
      await patch().terminate();
    });
  });

  it('fails in words where the rollout it names is not there', async () => {
    await bed.withFleet([], async () => {
      const missing = fire(scheduleOf({ rollout: 'gone' }));
      await assert.rejects(missing, (error: Error) =>
        /no Rollout "gone"/.test(String((error.cause as Error).message)),
      );
    });
  });
});

describe('a Schedule of an inventory', () => {
  it('returns counts and what differs', async () => {
    await bed.withFleet([], async (fleet) => {
      const newer = factsOf('east-2', 'b', { kubeletVersion: 'v1.34.5', ready: false });
      const gone = { type: 'HostUnreachable', message: 'no route' };
      const { host: _host, ...silent } = factsOf('east-3', 'c');
      fleet.found = [factsOf('east-1', 'a'), newer, { ...silent, unreachable: gone }];
      assert.deepEqual(await fire(scheduleOf({ inventory: { fleet: 'lab' } })), {
        inventory: {
          fleet: 'fake',
          nodes: 3,
          notReady: 1,
          unreachable: 1,
          differences: ['kubelet: v1.34.4 on east-1, east-3, v1.34.5 on east-2'],
        },
      });
    });
  });
});

describe('a Schedule that announces windows', () => {
  it('shows one notice, for the channels that it names', async () => {
    await bed.withFleet([], async () => {
      const channels = ['slack:#platform'];
      const outcome = await fire(scheduleOf({ announce: { policy: 'standard', channels } }));
      assert.ok('announced' in outcome);
      const { id, cause, lines } = outcome.announced;
      assert.match(id, /^schedule\/weekly-/);
      assert.deepEqual(
        { cause, lines, channels: outcome.announced.channels },
        { cause: 'Planned', lines: ['Next windows of policy standard'], channels },
      );
    });
  });
});
