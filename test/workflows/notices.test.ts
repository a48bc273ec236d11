/** What a rollout tells people while it runs: each cause once, in order, and after a replay the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Notice } from '../../workflows/contract.ts';
import type { OwnerImpact } from '../../workflows/domain/plan-types.ts';
import type { FakeFleet } from './fake-fleet.ts';
import { planOf, policy } from './fixtures.ts';
import { approve, failApply, NODES, statusOf, untilPhase, withRollout } from './rollout-kit.ts';

type Handle = Parameters<typeof statusOf>[0];

const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  maxUnavailable: 1,
};
const notices = {
  ...{ leadSeconds: 0, channels: ['slack:#platform'], ownerKeys: ['tidegate.dev/owner'] },
  owners: { shop: ['slack:#shop'], '*': ['slack:#others'] },
};
const NONE = { evicted: 0, waitedFor: 0, blocked: 0, restarted: 0 };
const impact = (owner: string, ...waves: string[]): OwnerImpact => ({
  ...{ owner, workloads: ['shop/web (Deployment)'], count: 1 },
  waves: waves.map((wave) => ({ wave, ...NONE, evicted: 1 })),
});
const owners = [impact('shop', 'canary', 'wave-1'), impact('pay', 'wave-2')];

function withOwners(fleet: FakeFleet): void {
  if (fleet.planned) fleet.planned = { ...fleet.planned, owners };
}

const options = { strategy, policy: { notices }, prepare: withOwners };

async function told(handle: Handle): Promise<readonly Notice[]> {
  return (await statusOf(handle)).notices ?? [];
}

/** A line for each notice: its cause, where it goes, and how it begins. */
const heads = (all: readonly Notice[]) =>
  all.map(({ cause, channels, lines }) => `${cause} ${channels.join(' ')}: ${lines[0]}`);

describe('the notices of a rollout', () => {
  it('are of the plan, the start and the end, once each, for all and for owners', async () => {
    await withRollout(async ({ plan, handle }) => {
      await untilPhase(handle, 'AwaitingApproval');
      const first = await told(handle);
      await approve(handle, plan.digest);
      await handle.result();
      const all = await told(handle);
      assert.deepEqual(heads(all), [
        'Planned slack:#platform: Rollout patch is planned: containerd-deb12u3 on 5 nodes of east',
        'Planned slack:#shop: Rollout patch is planned and will disturb workloads of shop',
        'Planned slack:#others: Rollout patch is planned and will disturb workloads of pay',
        'Started slack:#platform: Rollout patch has started: containerd-deb12u3 on 5 nodes of east, canary first',
        'Started slack:#shop: Rollout patch has started and disturbs workloads of shop',
        'Started slack:#others: Rollout patch has started and disturbs workloads of pay',
        'Ended slack:#platform: Rollout patch has ended as Succeeded: of 5 nodes 5 Updated',
        'Ended slack:#shop: Rollout patch has ended as Succeeded: it disturbs workloads of shop no more',
        'Ended slack:#others: Rollout patch has ended as Succeeded: it disturbs workloads of pay no more',
      ]);
      assert.deepEqual(
        all.map(({ id }) => id),
        ['planned', 'started', 'ended'].flatMap((cause) => [
          `${cause}-1`,
          `${cause}-1.1`,
          `${cause}-1.2`,
        ]),
      );
      // A closed workflow is asked by replaying it.
      assert.deepEqual(all.slice(0, first.length), first);
      assert.deepEqual(await told(handle), all);
    }, options);
  });

  it('gather the nodes of a wave that fail within the budget', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const wave = plan.waves.find(({ name }) => name === 'wave-1');
        for (const { node } of wave?.nodes ?? []) failApply(fleet, node);
        await approve(handle, plan.digest);
        await handle.result();
        const trouble = (await told(handle)).filter(({ cause }) => cause === 'Trouble');
        assert.deepEqual(heads(trouble), [
          'Trouble slack:#platform: Rollout patch: 2 of 2 nodes of wave-1 failed (2 put back); it goes on',
          'Trouble slack:#shop: Rollout patch: 2 of 2 nodes of wave-1 failed (2 put back); it goes on',
        ]);
      },
      { ...options, strategy: { ...strategy, failureBudget: 2 } },
    );
  });

  it('say that updated nodes go back, to those whose pods are on them', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      const wave = plan.waves.find(({ name }) => name === 'wave-1');
      failApply(fleet, wave?.nodes[0]?.node ?? '');
      await approve(handle, plan.digest);
      await handle.result();
      const all = await told(handle);
      const trouble = all.filter(({ cause }) => cause === 'Trouble');
      const head = 'Rollout patch is taken back: 1 updated node goes back to what ran before';
      assert.deepEqual(heads(trouble), [
        `Trouble slack:#platform: ${head}`,
        `Trouble slack:#shop: ${head}`,
      ]);
      assert.equal(trouble[1]?.lines[1], 'shop: 1 pod evicted once more in canary');
      assert.match(trouble[0]?.lines[1] ?? '', /^Why: wave-1 failed: /);
      assert.match(
        heads(all).at(-3) ?? '',
        /has ended as RolledBack: of 5 nodes 1 Updated, 1 Rolled/,
      );
    }, options);
  });

  it('say so where nodes are tried again instead', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const failing = plan.waves.find(({ name }) => name === 'wave-1')?.nodes[0]?.node ?? '';
        failApply(fleet, failing);
        await approve(handle, plan.digest);
        for (let i = 0; i < 200 && (await statusOf(handle)).gate?.id !== 'before-rollback'; i++) {
          await delay(20);
        }
        const args: [object] = [{ by: 'ada', node: failing }];
        await handle.executeUpdate<string, [object]>('retryNode', { args });
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const general = (await told(handle)).filter(({ channels }) =>
          channels.includes('slack:#platform'),
        );
        assert.deepEqual(general.map(({ id, lines }) => `${id} ${lines[0]}`).slice(2, -1), [
          'trouble-1 Rollout patch is taken back: 1 updated node goes back to what ran before, once that is approved',
          'trouble-2 Rollout patch is not taken back for now: what has failed is tried again',
        ]);
      },
      { ...options, approval: { gates: [{ at: 'BeforeRollback', expirySeconds: 3600 }] } },
    );
  });

  it('tell voters whose approval is void by a new plan, and what the new plan is', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest, 'ada');
        const spec = { ...policy.spec, notices, approval: plan.policy.spec.approval };
        const smaller = planOf({
          ...{ count: 4, disruption: 'Drain', strategy },
          policy: { ...policy, spec },
        });
        fleet.planned = { plan: smaller, impact: [] };
        await handle.executeUpdate<string, [object]>('replan', { args: [{ by: 'eve' }] });
        for (let i = 0; i < 200 && (await told(handle)).length < 5; i++) await delay(20);
        const all = (await told(handle)).slice(3);
        const anew = 'Rollout patch is planned anew: containerd-deb12u3 on 4 nodes of east';
        const gone = 'Rollout patch: the approval of ada does not count any more';
        assert.deepEqual([...heads(all)].sort(), [
          `Planned slack:#platform: ${anew}`,
          `Void slack:#platform: ${gone}`,
        ]);
        assert.deepEqual(all.find(({ cause }) => cause === 'Void')?.people, ['ada']);
        await handle.executeUpdate<string, [object]>('stop', { args: [{ by: 'eve' }] });
        await handle.result();
      },
      { ...options, approval: { quorum: 2 } },
    );
  });

  it('are none where there is nothing to do, and none of a policy of before', async () => {
    const nothing = (fleet: FakeFleet) => {
      if (!fleet.planned) return;
      const plan = { ...fleet.planned.plan, waves: [] };
      fleet.planned = { plan, impact: [] };
    };
    await withRollout(
      async ({ handle }) => {
        await handle.result();
        assert.equal((await statusOf(handle)).notices, undefined);
      },
      { ...options, prepare: nothing },
    );
    await withRollout(
      async ({ plan, handle }) => {
        await approve(handle, plan.digest);
        await handle.result();
        assert.equal((await statusOf(handle)).notices, undefined);
      },
      { strategy, policy: { notices: undefined } },
    );
  });
});

describe('the notice period', () => {
  const leadSeconds = 7200;
  const late = { ...options, policy: { notices: { ...notices, leadSeconds } } };

  async function untilNoticed(handle: Handle) {
    const status = await untilPhase(handle, 'AwaitingWindow');
    const [first] = status.notices ?? [];
    const until = Date.parse(first?.at ?? '') + leadSeconds * 1000;
    assert.equal(status.waitingFor, `the notice period to end at ${new Date(until).toISOString()}`);
    return until;
  }

  it('passes between the notice and the first node, and leaves the clusters to others', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      await approve(handle, plan.digest);
      const until = await untilNoticed(handle);
      assert.equal(fleet.clusterLease, undefined);
      assert.deepEqual(fleet.calls, []);
      assert.equal((await handle.result()).outcome, 'Succeeded');
      const started = (await told(handle)).find(({ cause }) => cause === 'Started');
      assert.ok(Date.parse(started?.at ?? '') >= until);
    }, late);
  });

  it('is ended by a stop before anything is touched', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      await approve(handle, plan.digest);
      await untilNoticed(handle);
      const args: [object] = [{ by: 'shop', reason: 'a sale' }];
      await handle.executeUpdate<string, [object]>('stop', { args });
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'Halted');
      assert.match(outcome.reasons.join(), /stopped by shop.*: a sale/);
      assert.equal(outcome.untouched.length, NODES.length);
      assert.deepEqual(fleet.calls, []);
      const causes = (await told(handle)).map(({ cause }) => cause);
      assert.deepEqual([...new Set(causes)], ['Planned', 'Ended']);
    }, late);
  });

  it('does not outlast a pause', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      await approve(handle, plan.digest);
      await untilNoticed(handle);
      const args: [object] = [{ by: 'shop' }];
      await handle.executeUpdate<string, [object]>('pause', { args });
      assert.match((await statusOf(handle)).waitingFor, /^somebody to resume it .*; the notice/);
      await handle.executeUpdate<string, [object]>('resume', { args });
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.ok(fleet.calls.length > 0);
    }, late);
  });

  it('is no timer where the policy gives none', async () => {
    await withRollout(async ({ plan, handle }) => {
      await approve(handle, plan.digest);
      await handle.result();
      const history = await handle.fetchHistory();
      const timers = (history.events ?? []).filter((event) => event.timerStartedEventAttributes);
      const all = await told(handle);
      assert.equal(heads(all).filter((head) => head.startsWith('Started')).length, 3);
      assert.ok(!timers.some(({ userMetadata }) => isNoticePeriod(userMetadata?.summary?.data)));
    }, options);
  });
});

function isNoticePeriod(data: Uint8Array | null | undefined): boolean {
  return Buffer.from(data ?? []).toString() === '"notice period"';
}
