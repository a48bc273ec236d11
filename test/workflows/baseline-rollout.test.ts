/** What failed on nodes before their update is held against no soak, and stops no way back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { policy } from './fixtures.ts';
import { all, approve, versions, withRollout } from './rollout-kit.ts';

const DaemonSets = ['kube-system/foo'];

describe('the baselines of a rollout', () => {
  it('are known to the looks after each soak', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.baselineNow = { alreadyFailing: { DaemonSets }, unwellPods: [] };
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
        assert.deepEqual(fleet.knownSick['east-5'], { DaemonSets });
        assert.deepEqual(outcome.nodes[0]?.alreadyFailing, { DaemonSets });
      },
      { prepare },
    );
  });

  it('keep no node from the way back, though its probe may not run any more', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.during(async (step) => {
        // The update has broken it, which the soak shows.
        if (step !== 'verify') return;
        fleet.baselineNow = { alreadyFailing: { probe: ['x'], exec: ['y'] }, unwellPods: [] };
        fleet.sick.push('east-1 is not healthy');
      });
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
        // That a command runs again is what the way back has to prove.
        assert.deepEqual(fleet.verifiedWith.at(-1), { alreadyFailing: {}, unwellPods: [] });
        assert.equal(fleet.baselinesWithProbe, 1);
      },
      { prepare, policy: { verification: { ...policy.spec.verification, probeImage: 'probe' } } },
    );
  });
});
