/** What rollouts tell to be counted: each thing once, and nothing of the way there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approve, counts, failApply, NODES, untilPhase, withRollout } from './rollout-kit.ts';

const nodes = () => counts().of('tidegate_nodes_total');
const key = (outcome: string, direction: string) =>
  `outcome=${outcome},cluster=east,direction=${direction}`;

describe('a rollout', () => {
  it('counts its vote, its nodes and itself once', async () => {
    await withRollout(async ({ plan, handle }) => {
      await approve(handle, plan.digest);
      assert.deepEqual(counts().of('tidegate_rollouts_total'), {}, 'it has only begun');
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.deepEqual(counts().of('tidegate_rollouts_total'), { 'outcome=Succeeded': 1 });
      assert.deepEqual(counts().of('tidegate_votes_total'), { 'decision=Approve': 1 });
      assert.deepEqual(nodes(), { [key('Updated', 'Forward')]: NODES.length });
    });
  });

  it('counts its way back as that', async () => {
    const before = nodes()[key('Updated', 'Forward')] ?? 0;
    await withRollout(
      async ({ fleet, plan, handle }) => {
        failApply(fleet, plan.waves[1]?.nodes[0]?.node ?? '');
        await approve(handle, plan.digest);
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.equal(counts().of('tidegate_rollouts_total')['outcome=RolledBack'], 1);
        assert.equal(nodes()[key('RolledBack', 'Forward')], 1);
        const back = nodes()[key('Updated', 'Back')] ?? 0;
        const forward = (nodes()[key('Updated', 'Forward')] ?? 0) - before;
        assert.ok(back >= 1 && back === forward, `${forward} went forward, ${back} back`);
      },
      { strategy: { onFailure: 'Rollback' } },
    );
  });

  it('counts a vote against it, and votes that were refused not at all', async () => {
    const before = counts().of('tidegate_votes_total');
    await withRollout(async ({ plan, handle }) => {
      await untilPhase(handle, 'AwaitingApproval');
      const vote = { by: 'platform-oncall', digest: plan.digest };
      await assert.rejects(handle.executeUpdate('approve', { args: [vote] }));
      await handle.signal('approve', vote);
      await handle.executeUpdate('reject', { args: [{ by: 'sre-lead', reason: 'not today' }] });
      assert.equal((await handle.result()).outcome, 'Rejected');
      const after = counts().of('tidegate_votes_total');
      assert.deepEqual(after, { ...before, 'decision=Reject': 1 });
    });
  });
});
