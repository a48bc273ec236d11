/** What becomes of a cluster's Lease that can't be given back at once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approve, withRollout } from './rollout-kit.ts';

describe('a Lease that is refused when it is given back', () => {
  it('is given back again until that is taken', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      let refusals = 3;
      fleet.leaseStuck = () => refusals-- > 0;
      await approve(handle, plan.digest);
      const { outcome, reasons } = await handle.result();
      assert.equal(outcome, 'Succeeded');
      assert.deepEqual(reasons, []);
      assert.ok(refusals < 0, 'it was asked again');
    });
  });

  it('is told with the outcome where it stays refused', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      fleet.leaseStuck = () => true;
      await approve(handle, plan.digest);
      const { outcome, reasons } = await handle.result();
      assert.equal(outcome, 'Succeeded');
      assert.match(
        reasons.join(),
        /^the Lease of east could not be given back: .*no right to east.* \(the next rollout takes it over\)$/,
      );
      fleet.clusterLease = undefined;
    });
  });
});
