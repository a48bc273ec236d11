/** Single nodes that people leave out or try again, by updates and by signals, wherever a rollout is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import {
  all,
  approve,
  failApply,
  statusOf,
  until,
  untilPhase,
  versions,
  withRollout,
} from './rollout-kit.ts';

/** Nothing of it waits for time to pass: the server's clock stands still while nobody awaits the end. */
const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback', failureBudget: 1 },
};
const by = 'sre-lead';
type Handle = Parameters<typeof statusOf>[0];

const tell = (handle: Handle, name: string, more: object = {}) =>
  handle.executeUpdate<string, [object]>(name, { args: [{ by, ...more }] });

async function refused(handle: Handle, name: string, more: object, words: RegExp): Promise<void> {
  await assert.rejects(tell(handle, name, more), (error: Error) => {
    assert.match(String((error.cause as Error).message), words);
    return true;
  });
}

const nodesOf = (plan: Plan, wave: number) => plan.waves[wave]?.nodes.map(({ node }) => node) ?? [];
const kinds = (outcome: RolloutOutcome) =>
  Object.fromEntries(outcome.nodes.map((entry) => [entry.node, entry.outcome]));

/** Acts once, in the middle of a step of a node. */
function during(fleet: FakeFleet, step: string, node: string, act: () => Promise<unknown>): void {
  let done = false;
  fleet.during(async (current, name) => {
    if (done || current !== step || name !== node) return;
    done = true;
    await act();
  });
}

describe('a node that people leave out', () => {
  it('at the gate stays as it is, and is not held against the rollout', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [first = ''] = nodesOf(plan, 1);
        const [canary = ''] = nodesOf(plan, 0);
        await untilPhase(handle, 'AwaitingApproval');
        const words = /is the last node of canary: without it nothing would be tried/;
        await refused(handle, 'skipNode', { node: canary }, words);
        await refused(handle, 'skipNode', { node: 'east-9' }, /the plan has no node east-9/);
        await refused(handle, 'skipNode', {}, /"node" must be the name of a node/);
        await refused(handle, 'retryNode', { node: first }, /waits for its turn/);
        assert.match(
          await tell(handle, 'skipNode', { node: first, reason: 'a demo runs there' }),
          /is left out/,
        );
        await refused(handle, 'skipNode', { node: `east/${first}` }, /is left out already/);
        const shown = (await statusOf(handle)).waves[1]?.nodes.find(({ node }) => node === first);
        assert.deepEqual(shown, {
          node: first,
          phase: 'Skipped',
          reason: 'skipped by sre-lead: a demo runs there',
        });
        await approve(handle, plan.digest);
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(outcome.reasons, [
          `${first} Skipped: skipped by sre-lead: a demo runs there`,
        ]);
        assert.equal(fleet.node(first).version, FROM);
        assert.equal(fleet.count('inspect', first), 0, 'it was not even looked at');
        assert.equal(versions(fleet).filter((version) => version === TO).length, 4);
      },
      { strategy },
    );
  });

  it('as a whole wave: the wave is done without work', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await untilPhase(handle, 'AwaitingApproval');
        for (const node of nodesOf(plan, 1)) await handle.signal('skipNode', { by, node });
        await approve(handle, plan.digest);
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
        const { waves } = await statusOf(handle);
        assert.deepEqual(
          waves.map(({ state }) => state),
          ['Done', 'Done', 'Done'],
        );
        for (const node of nodesOf(plan, 1)) assert.equal(fleet.count('inspect', node), 0);
      },
      // A soak of nothing would be waited for in vain.
      { strategy: { ...strategy, waves: { size: 2, soakSeconds: 3600 } } },
    );
  });

  for (const way of ['update', 'signal'] as const) {
    it(`in the running wave, by ${way}: the one that waits, not the one in work`, async () => {
      await withRollout(
        async ({ fleet, plan, handle }) => {
          const [inWork = '', waits = ''] = nodesOf(plan, 1);
          const [canary = ''] = nodesOf(plan, 0);
          during(fleet, 'apply', inWork, async () => {
            if (way === 'signal') {
              await handle.signal('skipNode', { by, node: inWork });
              await handle.signal('skipNode', { by, node: waits });
              await delay(500);
              return;
            }
            await refused(handle, 'skipNode', { node: inWork }, /is in work: wait until/);
            await refused(handle, 'skipNode', { node: canary }, /has ended as Updated/);
            assert.match(await tell(handle, 'skipNode', { node: waits }), /is left out/);
            await refused(handle, 'skipNode', { node: waits }, /is left out already/);
          });
          await approve(handle, plan.digest);
          const outcome: RolloutOutcome = await handle.result();
          assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
          assert.equal(kinds(outcome)[inWork], 'Updated');
          assert.equal(kinds(outcome)[waits], 'Skipped');
          assert.equal(fleet.count('inspect', waits), 0);
        },
        { strategy },
      );
    });
  }

  it('in the canary: one in work is said to be that', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [canary = ''] = nodesOf(plan, 0);
        during(fleet, 'apply', canary, () =>
          refused(handle, 'skipNode', { node: canary }, /is in work: wait until/),
        );
        await approve(handle, plan.digest);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { strategy },
    );
  });

  it('while it is paused: a wave of which nothing is left ends', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [first = '', waits = ''] = nodesOf(plan, 1);
        during(fleet, 'release', first, () => tell(handle, 'pause'));
        await approve(handle, plan.digest);
        await until('paused', async () => (await statusOf(handle)).paused !== undefined);
        await delay(300);
        assert.match(await tell(handle, 'skipNode', { node: waits }), /is left out/);
        await until('the wave is done', async () => {
          return (await statusOf(handle)).waves[1]?.state === 'Done';
        });
        for (const node of nodesOf(plan, 2)) assert.equal(fleet.count('inspect', node), 0);
        await tell(handle, 'resume');
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.equal(fleet.node(waits).version, FROM);
      },
      { strategy },
    );
  });

  it('is taken in again before its wave', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [node = ''] = nodesOf(plan, 1);
        await untilPhase(handle, 'AwaitingApproval');
        await tell(handle, 'skipNode', { node });
        assert.match(await tell(handle, 'retryNode', { node }), /its turn comes with wave-1/);
        await approve(handle, plan.digest);
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
      },
      { strategy },
    );
  });
});

describe('a node that people try again', () => {
  it('that failed within the budget runs in a wave of its own before the next one', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [failed = '', second = ''] = nodesOf(plan, 1);
        const [later = ''] = nodesOf(plan, 2);
        failApply(fleet, failed);
        during(fleet, 'apply', second, async () => {
          await refused(handle, 'retryNode', { node: second }, /is in work/);
          await refused(handle, 'retryNode', { node: later }, /waits for its turn/);
          const [canary] = nodesOf(plan, 0);
          await refused(handle, 'retryNode', { node: canary }, /is updated already/);
          const answer = await tell(handle, 'retryNode', { node: failed });
          assert.equal(answer, `${failed} is tried again after wave-1, by the same plan`);
          await refused(handle, 'retryNode', { node: failed }, /is tried again already/);
        });
        await approve(handle, plan.digest);
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
        assert.deepEqual(outcome.reasons, [], 'nothing is left of the failure');
        assert.equal(outcome.nodes.length, 5, 'one outcome a node');
        assert.deepEqual(versions(fleet), all(TO));
        const again = fleet.calls.lastIndexOf(`inspect ${failed}`);
        assert.ok(again < fleet.calls.indexOf(`inspect ${later}`), 'before the next wave');
        const { waves } = await statusOf(handle);
        assert.deepEqual(
          waves.map(({ wave, state }) => [wave, state]),
          [...plan.waves.map(({ name }) => [name, 'Done']), ['retry-1', 'Done']],
        );
      },
      { strategy },
    );
  });

  it('counts for nothing in the budget any more', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [first = '', second = ''] = nodesOf(plan, 1);
        const [later = ''] = nodesOf(plan, 2);
        failApply(fleet, first);
        failApply(fleet, later);
        during(fleet, 'apply', second, () => tell(handle, 'retryNode', { node: first }));
        await approve(handle, plan.digest);
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
        assert.equal(kinds(outcome)[first], 'Updated');
        assert.equal(kinds(outcome)[later], 'RolledBack', 'within the budget of one');
      },
      { strategy },
    );
  });

  it('that needs a person is refused until that person has acted', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [stuck = '', second = ''] = nodesOf(plan, 1);
        failApply(fleet, stuck);
        fleet.inject({
          ...{ step: 'revert', node: stuck, when: 'Before', times: 1 },
          ...{ type: 'ApplyFailed', retryable: false },
        });
        during(fleet, 'release', second, async () => {
          await until('left to a person', async () => fleet.count('quarantine', stuck) > 0);
          await delay(300);
          await refused(handle, 'retryNode', { node: stuck }, /needs a person first/);
        });
        await approve(handle, plan.digest);
        const outcome: RolloutOutcome = await handle.result();
        assert.deepEqual(outcome.needsAttention, [`east/${stuck}`]);
      },
      { strategy: { ...strategy, maxUnavailable: 2 } },
    );
  });

  const gates = { gates: [{ at: 'BeforeRollback' }] };
  const untilGate = (handle: Handle) =>
    until('at the gate', async () => (await statusOf(handle)).gate?.id === 'before-rollback');

  it('at the gate before a rollback: made good, the rollout goes on with what is left', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [failed = '', second = ''] = nodesOf(plan, 1);
        failApply(fleet, failed);
        await approve(handle, plan.digest);
        await untilGate(handle);
        assert.equal(fleet.count('inspect', second), 0, 'the wave ended with the failure');
        assert.ok((await statusOf(handle)).next.includes('tidegate retry patch --as WHO'));
        await tell(handle, 'retryNode', { node: failed });
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
        assert.deepEqual(versions(fleet), all(TO));
        const { waves } = await statusOf(handle);
        assert.deepEqual(
          waves.map(({ state }) => state),
          ['Done', 'Done', 'Done', 'Done'],
        );
        assert.equal(fleet.count('apply', failed), 2);
        for (const node of nodesOf(plan, 0)) assert.equal(fleet.count('apply', node), 1);
      },
      { strategy: { ...strategy, failureBudget: 0 }, approval: gates },
    );
  });

  it('at the gate before a rollback: what fails again comes to the gate again', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [failed = ''] = nodesOf(plan, 1);
        failApply(fleet, failed);
        failApply(fleet, failed);
        await approve(handle, plan.digest);
        await untilGate(handle);
        await tell(handle, 'retryNode', { node: failed });
        await until('tried again', async () => fleet.count('apply', failed) === 2);
        await untilGate(handle);
        await tell(handle, 'reject', { reason: 'we look into it' });
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted');
        assert.match(outcome.reasons.join('; '), /retry-1 failed: .*we look into it/);
        assert.equal(outcome.rolledBack.length, 0);
        assert.equal(fleet.node(failed).version, FROM);
      },
      { strategy: { ...strategy, failureBudget: 0 }, approval: gates },
    );
  });

  it('is refused where somebody has asked for the rollback', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [failed = '', second = ''] = nodesOf(plan, 1);
        failApply(fleet, failed);
        during(fleet, 'verify', second, () => tell(handle, 'rollback'));
        await approve(handle, plan.digest);
        await untilGate(handle);
        await refused(handle, 'retryNode', { node: failed }, /rolled back by sre-lead; `reject`/);
        await tell(handle, 'stop', { mode: 'Now' });
        const outcome: RolloutOutcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted', 'a stop at this gate leaves all as it is');
        assert.equal(fleet.node(second).version, TO);
      },
      { strategy, approval: gates },
    );
  });
});
