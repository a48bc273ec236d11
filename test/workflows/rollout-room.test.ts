/** Rollouts for which others have left no room, and waves that wait for other reasons. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TASK_QUEUE, waveWorkflowId } from '../../workflows/contract.ts';
import { rolloutWorkflow } from '../../workflows/rollout.ts';
import { waveWorkflow } from '../../workflows/wave.ts';
import { FROM, TO } from './fake-fleet.ts';
import { policy } from './fixtures.ts';
import { all, approve, failApply, statusOf, versions, withRollout } from './rollout-kit.ts';

const OTHER = 'east-99';
const strategy = { maxUnavailable: 1, onFailure: 'Rollback' };
const impatient = { holds: { ...policy.spec.holds, timeoutSeconds: 300 } };

describe('a node of others that is out of order', () => {
  it('and uses up the budget ends the rollout, with what to do', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted');
        assert.match(
          outcome.reasons[0] ?? '',
          /no room for more than 300 s: .*east-99 unavailable/,
        );
        assert.equal(fleet.count('lease'), 0, 'no node was touched');
        assert.equal(outcome.untouched.length, 5);
      },
      { strategy, policy: impatient, prepare: (fleet) => (fleet.outOfOrder = [OTHER]) },
    );
  });

  it('from the midst on takes no updated node back', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        fleet.during(async (step) => {
          if (step === 'verify') fleet.outOfOrder = [OTHER];
        });
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted');
        assert.equal(outcome.nodes[0]?.outcome, 'Updated');
        assert.deepEqual(versions(fleet), [TO, ...all(FROM).slice(1)]);
      },
      { strategy, policy: impatient },
    );
  });

  it('is waited for, and the rollout goes on once it is back', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        let looks = 0;
        fleet.holdsNow = () => {
          if (++looks > 4) fleet.outOfOrder = [];
          return [];
        };
        await approve(handle, plan.digest);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { strategy, policy: impatient, prepare: (fleet) => (fleet.outOfOrder = [OTHER]) },
    );
  });

  it('does not stand in the way back', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        failApply(fleet, 'east-4');
        fleet.during(async (step, node) => {
          if (step === 'apply' && node === 'east-4') fleet.outOfOrder = [OTHER];
        });
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
        assert.equal(fleet.maxCordoned, 1, 'one node at a time');
      },
      { strategy, policy: impatient },
    );
  });
});

describe('what holds all nodes', () => {
  it('is not counted while nodes are in work, whose own disturbance it may be', async () => {
    const slow = { when: 'Before', type: 'HostUnreachable', retryable: true, times: 9 } as const;
    await withRollout(
      async ({ fleet, plan, handle }) => {
        fleet.inject({ step: 'apply', node: 'east-2', ...slow });
        fleet.holdsNow = () =>
          fleet.node('east-2').cordoned ? [{ reason: 'Deployment shop/web has 1 of 2' }] : [];
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
      },
      {
        strategy: { maxUnavailable: 2, waves: { size: 4, soakSeconds: 0 } },
        policy: { holds: { ...policy.spec.holds, timeoutSeconds: 30 } },
      },
    );
  });
});

describe('a wave', () => {
  it('of the same name that an earlier rollout has left unwinding is waited for', async () => {
    await withRollout(async ({ plan, handle }) => {
      const { workflowId } = handle;
      const wave = plan.waves[0]?.name ?? '';
      const earlier = await handle.client.start(rolloutWorkflow, {
        taskQueue: TASK_QUEUE,
        workflowId: waveWorkflowId(workflowId, wave),
        args: [{ metadata: { name: 'earlier' } }],
      });
      await approve(handle, plan.digest);
      for (let i = 0; i < 200; i++) {
        if (/of an earlier run to end/.test((await statusOf(handle)).waitingFor ?? '')) break;
        await delay(20);
      }
      assert.match(
        (await statusOf(handle)).waitingFor ?? '',
        new RegExp(`wave/${wave} of an earlier`),
      );
      await earlier.terminate('its rollout is over');
      assert.equal((await handle.result()).outcome, 'Succeeded');
    });
  });

  it('that goes on as a new run keeps what it has come to', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      const [access] = plan.clusters;
      const wave = plan.waves.at(-1);
      assert.ok(access && wave && wave.nodes.length > 1);
      const input = {
        ...{ rollout: 'patch', direction: 'Forward' as const, wave, access },
        ...{ policy: plan.policy.spec, failureBudget: 0 },
      };
      const [done, ...left] = wave.nodes.map(({ node }) => node);
      const updated = { outcome: 'Updated' as const, reasons: [], packages: [], phasesMs: {} };
      const counts = { durationMs: 1, containersBefore: 0, containersSurvived: 0 };
      const pods = { podsEvicted: [], jobPodsLost: [] };
      const outcomes = [{ cluster: 'east', node: done ?? '', ...updated, ...counts, ...pods }];
      const outcome = await handle.client.execute(waveWorkflow, {
        taskQueue: TASK_QUEUE,
        workflowId: 'a-wave-of-its-own',
        args: [{ ...input, carried: { waiting: left, outcomes, heldSince: {} } }],
      });
      assert.deepEqual(outcome.nodes.map(({ node }) => node).sort(), [done, ...left].sort());
      assert.equal(fleet.count('inspect', done), 0);
      await handle.terminate();
    });
  });
});
