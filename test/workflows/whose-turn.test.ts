/** A search attribute says whose turn it is, while a rollout waits for people. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { untilPhase, withRollout } from './rollout-kit.ts';

type Handle = Parameters<Parameters<typeof withRollout>[0]>[0]['handle'];

async function turn(handle: Handle): Promise<readonly unknown[]> {
  const { searchAttributes } = await handle.describe();
  // The test server keeps an empty entry of what was taken away.
  return (searchAttributes[SEARCH_ATTRIBUTES.actor] ?? []).filter((name) => name !== null);
}

describe('whose turn it is', () => {
  const send = (handle: Handle, name: string) =>
    handle.executeUpdate(name, { args: [{ by: 'ada' }] });

  it('is that of the roles that the gate asks for, and nobody’s in the end', async () => {
    await withRollout(
      async ({ handle }) => {
        await untilPhase(handle, 'AwaitingApproval');
        assert.deepEqual(await turn(handle), ['sre', 'security']);
        await send(handle, 'stop');
        await handle.result();
        assert.deepEqual(await turn(handle), []);
      },
      { approval: { roles: ['sre', 'security'] } },
    );
  });

  it('is anybody’s where the gate asks for no role, and where it is paused', async () => {
    await withRollout(async ({ handle, fleet, plan }) => {
      await untilPhase(handle, 'AwaitingApproval');
      assert.deepEqual(await turn(handle), ['anybody']);
      const turns: (readonly unknown[])[] = [];
      fleet.during(async (step, node) => {
        if (step !== 'verify' || node !== 'east-1') return;
        turns.push(await turn(handle));
        await send(handle, 'pause');
        turns.push(await turn(handle));
        await send(handle, 'resume');
        turns.push(await turn(handle));
      });
      const vote = { by: 'ada', digest: plan.digest };
      await handle.executeUpdate('approve', { args: [vote] });
      await handle.result();
      assert.deepEqual(turns, [[], ['anybody'], []]);
    });
  });
});
