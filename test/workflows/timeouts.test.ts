/** How long each activity of a node may take, and whether its silence is noticed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FakeFleet, TO } from './fake-fleet.ts';
import { policy } from './fixtures.ts';
import { begin, handle, withNode } from './saga-kit.ts';

type Row = readonly [startToCloseSeconds: number, heartbeatSeconds: number];

/** Runs a node that is rebooted and then put back; returns the timeouts of each call, by activity. */
async function timeoutsOf(fleet: FakeFleet, drain: object, timeoutSeconds: number) {
  fleet.broken.add(TO);
  // A look at holds becomes due.
  const fault = { type: 'HostUnreachable', retryable: true, times: 5 } as const;
  fleet.inject({ step: 'stage', when: 'Before', ...fault });
  const { spec } = policy;
  const verification = { ...spec.verification, timeoutSeconds };
  const changed = { drain: { ...spec.drain, ...drain }, verification, undoDeadlineSeconds: 7200 };
  const more = { policy: { ...spec, ...changed } };
  assert.equal((await (await begin('Reboot', {}, more)).result()).outcome, 'RolledBack');
  const { events } = await handle().fetchHistory();
  const rows: Record<string, Row[]> = {};
  for (const { activityTaskScheduledEventAttributes: scheduled } of events ?? []) {
    if (!scheduled) continue;
    const { activityType, startToCloseTimeout, heartbeatTimeout } = scheduled;
    const row = [Number(startToCloseTimeout?.seconds), Number(heartbeatTimeout?.seconds)] as const;
    const name = activityType?.name ?? '';
    const known = rows[name] ?? [];
    if (known.at(-1)?.join() !== row.join()) rows[name] = [...known, row];
  }
  return rows;
}

describe('the timeouts of a node', () => {
  it('leave each activity the time that it may take itself', async () => {
    await withNode(async (fleet) => {
      const found = await timeoutsOf(fleet, { timeoutSeconds: 600, jobs: 'Evict' }, 1200);
      assert.deepEqual(found, {
        // One command on a host may take a minute, connecting ten seconds.
        inspect: [
          [120, 10],
          [900, 10],
        ],
        lease: [[900, 10]],
        stage: [[900, 10]],
        baseline: [[1320, 10]],
        // Reads only, and does not heartbeat.
        lookBeforeStart: [[60, 0]],
        cordon: [[900, 10]],
        drain: [[720, 10]],
        apply: [[900, 10]],
        reboot: [[720, 10]],
        // As long as the policy says, before and after the undo.
        verify: [[1320, 10]],
        revert: [[900, 10]],
        uncordon: [[900, 10]],
        // Tried for two minutes in all.
        unstage: [[120, 10]],
        release: [[900, 10]],
      });
    });
  });

  it('give the undo a quarter of an hour to verify, and forced pods an hour to end', async () => {
    await withNode(async (fleet) => {
      const forced = { timeoutSeconds: 600, jobs: 'Evict', atTimeout: 'Force' };
      const { verify, drain } = await timeoutsOf(fleet, forced, 120);
      assert.deepEqual(verify, [
        [240, 10],
        [900, 10],
      ]);
      assert.deepEqual(drain, [[720 + 3600, 10]]);
    });
  });
});
