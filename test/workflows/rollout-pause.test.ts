/** A rollout that people pause: nodes in work are finished, no further one starts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { all, approve, failApply, statusOf, versions, withRollout } from './rollout-kit.ts';

/** Nothing of it waits for time to pass: the server's clock stands still while nobody awaits the end. */
const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 4, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};
type Handle = Parameters<typeof statusOf>[0];

const by = 'platform-oncall';
const tell = (handle: Handle, name: string, reason?: string) =>
  handle.executeUpdate<string, [object]>(name, {
    args: [{ by, ...(reason === undefined ? {} : { reason }) }],
  });

/** Pauses once, in the middle of the first step that `wanted` names. */
function pauseDuring(
  fleet: FakeFleet,
  handle: Handle,
  wanted: (step: string, node: string) => boolean,
) {
  let sent = false;
  fleet.during(async (step, node) => {
    if (sent || !wanted(step, node)) return;
    sent = true;
    await tell(handle, 'pause', 'an incident elsewhere');
  });
}

async function untilPaused(handle: Handle): Promise<void> {
  for (let i = 0; i < 200 && !(await statusOf(handle)).paused; i++) await delay(20);
  // Whatever would start in spite of it has the time to.
  await delay(500);
}

describe('pause', () => {
  it('finishes the node in work, starts no other, and says who and what to type', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const canary = plan.waves[0]?.nodes[0]?.node;
        pauseDuring(fleet, handle, (step, node) => step === 'apply' && node !== canary);
        await approve(handle, plan.digest);
        await untilPaused(handle);
        const status = await statusOf(handle);
        assert.equal(status.paused, `paused by ${by}: an incident elsewhere`);
        assert.match(status.waitingFor, /^somebody to resume it \(paused by platform-oncall/);
        assert.equal(status.next[0], 'tidegate resume patch --as WHO');
        assert.equal(versions(fleet).filter((version) => version === TO).length, 2);
        assert.ok([...fleet.nodes.values()].every((node) => !node.cordoned && !node.lease));

        await assert.rejects(tell(handle, 'pause'), (error: Error) =>
          /is paused by .* already/.test(String((error.cause as Error).message)),
        );
        assert.equal(await tell(handle, 'resume'), 'it goes on');
        assert.equal((await statusOf(handle)).paused, undefined);
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
      },
      { strategy },
    );
  });

  it('at the gate lets people decide, and begins nothing', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await assert.rejects(tell(handle, 'resume'), (error: Error) =>
          /it is not paused/.test(String((error.cause as Error).message)),
        );
        await tell(handle, 'pause');
        await approve(handle, plan.digest);
        await untilPaused(handle);
        assert.equal(fleet.clusterLease, undefined, 'others may have the cluster meanwhile');
        assert.equal(fleet.calls.length, 0);
        await tell(handle, 'resume');
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { strategy },
    );
  });

  it('is over where somebody stops the rollout', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        pauseDuring(fleet, handle, (step) => step === 'verify');
        await approve(handle, plan.digest);
        await untilPaused(handle);
        await tell(handle, 'stop', 'lunch');
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted');
        assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
      },
      { strategy },
    );
  });

  it('holds the way back as well', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const last = plan.waves.at(-1)?.nodes.at(-1)?.node ?? '';
        failApply(fleet, last);
        pauseDuring(
          fleet,
          handle,
          (step, node) => step === 'apply' && node !== last && fleet.node(node).version === FROM,
        );
        await approve(handle, plan.digest);
        await untilPaused(handle);
        assert.equal((await statusOf(handle)).phase, 'RollingBack');
        assert.ok(versions(fleet).includes(TO), 'some still have to go back');
        await tell(handle, 'resume');
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
      },
      { strategy },
    );
  });
});
