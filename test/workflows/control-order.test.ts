/** One word of a person after another, by updates and by signals, while nodes are in work. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeOutcome, RolloutOutcome } from '../../workflows/contract.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { all, approve, failApply, type statusOf, versions, withRollout } from './rollout-kit.ts';
import { untilBrokenOff } from './told.ts';

/** Nothing of it waits for time to pass: the server's clock stands still while nobody awaits the end. */
const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};
type Handle = Parameters<typeof statusOf>[0];

const nodesOf = (plan: Plan, wave: number) => plan.waves[wave]?.nodes.map(({ node }) => node) ?? [];
const tell = (handle: Handle, name: string, by: string, more: object = {}) =>
  handle.executeUpdate<string, [object]>(name, { args: [{ by, ...more }] });

/** Runs a rollout in which `act` happens while the first node of the first wave is in a step. */
async function inWork(
  step: string,
  act: (handle: Handle, fleet: FakeFleet) => Promise<void>,
  judge: (args: { outcome: RolloutOutcome; fleet: FakeFleet; plan: Plan }) => void,
): Promise<void> {
  await withRollout(
    async ({ fleet, plan, handle }) => {
      const [first] = nodesOf(plan, 1);
      let done = false;
      fleet.during(async (current, node) => {
        if (done || current !== step || node !== first) return;
        done = true;
        await act(handle, fleet);
      });
      await approve(handle, plan.digest);
      judge({ outcome: await handle.result(), fleet, plan });
      assert.ok(done);
    },
    { strategy },
  );
}

const updated = (fleet: FakeFleet) => versions(fleet).filter((version) => version === TO).length;

describe('what people say one after the other', () => {
  it('a stronger stop follows a weaker one; the node says whose stop has put it back', async () => {
    await inWork(
      'apply',
      async (handle) => {
        const wave = await tell(handle, 'stop', 'ada', { mode: 'AfterWave' });
        assert.match(wave, /the wave that runs is finished, with its soak/);
        assert.match(await tell(handle, 'stop', 'bob'), /the nodes in work are finished first/);
        await tell(handle, 'stop', 'eve', { mode: 'Now', reason: 'smoke' });
        await assert.rejects(tell(handle, 'stop', 'ada'), (error: Error) =>
          /stopped by eve: smoke already, in mode Now/.test(String(error.cause)),
        );
        await handle.signal('stop', { by: 'ada', mode: 'AfterWave' });
        await untilBrokenOff();
      },
      ({ outcome, fleet }) => {
        assert.equal(outcome.outcome, 'Halted');
        assert.deepEqual(outcome.reasons, ['stopped by eve: smoke']);
        const put = outcome.nodes.find((entry: NodeOutcome) => entry.outcome === 'RolledBack');
        assert.deepEqual(put?.reasons, ['stopped by eve: smoke']);
        assert.equal(updated(fleet), 1);
      },
    );
  });

  it('a signal stops it now as well, and one in another mode changes nothing', async () => {
    await inWork(
      'drain',
      async (handle) => {
        await handle.signal('stop', { by: 'ada', mode: 'Sometime' });
        await handle.signal('stop', { by: '', mode: 'AfterNode' });
        await handle.signal('stop', { by: 'bob', mode: 'Now' });
        await untilBrokenOff();
      },
      ({ outcome, fleet }) => {
        assert.deepEqual(outcome.reasons, ['stopped by bob']);
        assert.equal(updated(fleet), 1);
      },
    );
  });

  it('a rollback after a stop now: what was in work is put back, what is updated goes back', async () => {
    await inWork(
      'apply',
      async (handle) => {
        await tell(handle, 'stop', 'ada', { mode: 'Now' });
        assert.match(await tell(handle, 'rollback', 'bob'), /after those in work are put back/);
        await untilBrokenOff();
      },
      ({ outcome, fleet }) => {
        assert.equal(outcome.outcome, 'RolledBack');
        assert.deepEqual(outcome.reasons, ['rolled back by bob']);
        assert.equal(outcome.rolledBack.length, 1, 'the canary');
        assert.deepEqual(versions(fleet), all(FROM));
      },
    );
  });

  it('a stop now after a rollback: nothing goes back', async () => {
    await inWork(
      'apply',
      async (handle) => {
        await tell(handle, 'rollback', 'ada');
        await assert.rejects(tell(handle, 'stop', 'bob'), (error: Error) =>
          /rolled back by ada: updated nodes go back after/.test(String(error.cause)),
        );
        await tell(handle, 'stop', 'bob', { mode: 'Now' });
        await untilBrokenOff();
      },
      ({ outcome, fleet }) => {
        assert.equal(outcome.outcome, 'Halted');
        assert.deepEqual(outcome.reasons, ['stopped by bob']);
        assert.equal(updated(fleet), 1);
        assert.equal(outcome.rolledBack.length, 0);
      },
    );
  });

  it('a stop after a wave that fails: both are said, and nothing goes back unasked', async () => {
    await inWork(
      'drain',
      async (handle, fleet) => {
        for (const node of fleet.nodes.keys()) failApply(fleet, node);
        await tell(handle, 'stop', 'ada', { mode: 'AfterWave' });
      },
      ({ outcome, fleet }) => {
        assert.equal(outcome.outcome, 'Halted');
        assert.match(outcome.reasons.join('; '), /^stopped by ada; wave-1 failed: .*RolledBack/);
        assert.equal(updated(fleet), 1, 'the canary keeps its update');
      },
    );
  });

  it('pause and resume in quick succession leave nothing waiting', async () => {
    await inWork(
      'apply',
      async (handle) => {
        for (let i = 0; i < 5; i++) {
          await tell(handle, 'pause', 'ada');
          await handle.signal('resume', { by: 'ada' });
        }
      },
      ({ outcome, fleet }) => {
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
      },
    );
  });
});
