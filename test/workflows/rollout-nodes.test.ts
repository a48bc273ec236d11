/** Nodes that a rollout leaves for later, holds back, or leaves to a person. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { policy } from './fixtures.ts';
import { all, approve, NODES, statusOf, versions, withRollout } from './rollout-kit.ts';

describe('a node whose Jobs outlast its turn', () => {
  for (const [times, last] of [
    [1, 'Updated'],
    [2, 'Deferred'],
  ] as const) {
    it(`comes last, and ends as ${last} where it is left for later ${times} times`, async () => {
      const prepare = (fleet: FakeFleet) =>
        fleet.inject({
          ...{ step: 'drain', node: 'east-2', when: 'Before', times },
          ...{ type: 'JobsRunning', retryable: false },
        });
      await withRollout(
        async ({ fleet, plan, handle }) => {
          await approve(handle, plan.digest);
          const outcome = await handle.result();
          assert.equal(outcome.outcome, 'Succeeded');
          const ended = outcome.nodes.at(-1);
          assert.equal(ended?.node, 'east-2');
          assert.equal(ended?.outcome, last);
          assert.equal(outcome.nodes.length, NODES.length);
          assert.equal(fleet.node('east-2').version, last === 'Updated' ? TO : FROM);
          assert.equal(fleet.calls.at(-1), 'release east-2');
          assert.equal(outcome.reasons.length, last === 'Updated' ? 0 : 1);
          const status = await statusOf(handle);
          assert.equal(status.waves.at(-1)?.wave, 'later');
        },
        { prepare },
      );
    });
  }
});

describe('a node that is held back', () => {
  const hold = { node: 'east-2', reason: 'kured works on it' };

  it('lets others pass and starts once it is free', async () => {
    let looks = 0;
    const prepare = (fleet: FakeFleet) => {
      fleet.holdsNow = () => (looks++ < 12 ? [hold] : []);
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
        const order = outcome.nodes.map((entry) => entry.node);
        assert.ok(order.indexOf('east-2') > 1, `${order}`);
      },
      { prepare },
    );
  });

  it('is skipped once it has been held for too long, with the reason', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.holdsNow = () => [hold];
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(outcome.reasons, [
          'east-2 Skipped: held back for more than 3600 s: kured works on it',
        ]);
        assert.equal(fleet.node('east-2').version, FROM);
        assert.equal(fleet.count('inspect', 'east-2'), 0);
      },
      { prepare },
    );
  });

  it('with all others ends the rollout, which is taken back without being held', async () => {
    const prepare = (fleet: FakeFleet) => {
      const sick = { reason: 'Deployment shop/web has 5 of 6 pods ready' };
      fleet.holdsNow = () => (fleet.recoveryIgnored || fleet.count('verify') < 1 ? [] : [sick]);
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.match(outcome.reasons[0] ?? '', /held back for more than 3600 s: Deployment/);
        assert.deepEqual(versions(fleet), all(FROM));
      },
      { prepare },
    );
  });
});

describe('a node that can never be drained', () => {
  it('stays in quarantine, and the rollout goes on within its failure budget', async () => {
    const prepare = (fleet: FakeFleet) =>
      fleet.inject({
        ...{ step: 'drain', node: 'east-3', when: 'Before', times: 1 },
        ...{ type: 'DrainBlocked', retryable: false },
      });
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(outcome.needsAttention, ['east/east-3']);
        const updated = outcome.nodes.filter((entry) => entry.outcome === 'Updated');
        assert.equal(updated.length, NODES.length - 1);
        assert.match(fleet.node('east-3').attention ?? '', /DrainBlocked/);
      },
      {
        prepare,
        strategy: { failureBudget: 1, waves: { size: 1 } },
        policy: { drain: { ...policy.spec.drain, atTimeout: 'Quarantine' } },
      },
    );
  });
});
