/** What a rollout says to the ledger: the whole story, each thing once, whatever becomes of the rollout. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { lastOf } from '../../workflows/domain/report-entries.ts';
import { withMeasured } from './evidence-kit.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { known, storyOf } from './ledger-kit.ts';
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
import { untilTold } from './told.ts';

/** Nothing of it waits for time to pass: the server's clock stands still while nobody awaits the end. */
const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};
type Handle = Parameters<Parameters<typeof withRollout>[0]>[0]['handle'];
const by = 'sre-lead';

const say = (handle: Handle, name: string, more: object = {}) =>
  handle.executeUpdate<string, [object]>(name, { args: [{ by, ...more }] });

/** Acts once, in the middle of a step of a node. */
function during(fleet: FakeFleet, step: string, node: string, act: () => Promise<unknown>): void {
  let done = false;
  fleet.during(async (current, name) => {
    if (done || current !== step || name !== node) return;
    done = true;
    await act();
  });
}

describe('the ledger of a rollout', () => {
  it('tells the whole story in its order, from the request to the outcome', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [canary, one, two] = plan.waves.map(({ nodes }) => nodes.map(({ node }) => node));
        const [first = '', second = ''] = one ?? [];
        await untilPhase(handle, 'AwaitingApproval');
        await handle.signal('approve', { by: plan.requestedBy, digest: plan.digest });
        await handle.signal('pause', { because: 'nobody says who' });
        await assert.rejects(say(handle, 'approve', { digest: 'sha256:other' }));
        await say(handle, 'skipNode', { node: two?.[0] ?? '', reason: 'keep it' });
        await say(handle, 'replan', { via: 'slack' });
        during(fleet, 'apply', canary?.[0] ?? '', async () => {
          await say(handle, 'pause', { reason: 'lunch' });
        });
        await approve(handle, plan.digest);
        await until('the canary is done', async () => {
          return (await statusOf(handle)).waves[0]?.state === 'Done';
        });
        await say(handle, 'resume');
        failApply(fleet, second);
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
        assert.deepEqual(storyOf(fleet.records.entries), [
          'Requested: request run',
          'Phase: Planning',
          'Planned: Forward canary wave-1 wave-2',
          'GateOpened before-canary: 1 needed',
          'Phase: AwaitingApproval',
          `VoteRefused before-canary ${plan.requestedBy}: ${plan.requestedBy} requested this rollout, and the policy asks for somebody else`,
          'Command nobody who gave a name: pause -> refused: "by" must be the name of the person who asks',
          `Command ${by}: skipNode -> ${two?.[0]} is left out; "tidegate retry patch --node ${two?.[0]}" takes it in again`,
          `Command ${by}: replan -> it is looked at anew; if anything has changed, votes so far are void`,
          'Planned: Forward canary wave-1 wave-2',
          `Vote before-canary ${by}: Approve`,
          `GateClosed before-canary: Passed ${by}`,
          'Phase: Canary',
          `Command ${by}: pause -> no further node starts until it is resumed; the nodes in work are finished first`,
          `Node east/${canary?.[0]}: Forward Updated in canary`,
          'WaveEnded canary: Forward Done',
          `Command ${by}: resume -> it goes on`,
          'Phase: Wave',
          `Node east/${first}: Forward Updated in wave-1`,
          `Node east/${second}: Forward RolledBack in wave-1`,
          'WaveEnded wave-1: Forward Failed',
          'Planned: Back back-wave-1 back-canary',
          'Phase: RollingBack',
          `Node east/${first}: Back Updated in back-wave-1`,
          'WaveEnded back-wave-1: Back Done',
          `Node east/${canary?.[0]}: Back Updated in back-canary`,
          'WaveEnded back-canary: Back Done',
          'Phase: RolledBack',
          'Outcome: RolledBack',
        ]);
        const replanned = known(fleet.records.entries).find(({ actor, kind }) => {
          return kind === 'Command' && actor === by;
        });
        assert.ok(replanned?.kind === 'Command');
        assert.deepEqual(replanned.body.details, { node: two?.[0] });
        assert.equal(replanned.body.reason, 'keep it');
      },
      { strategy },
    );
  });

  it('says which votes are void, and what the gate shows then', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await untilPhase(handle, 'AwaitingApproval');
        await say(handle, 'approve', { digest: plan.digest });
        const changed = { ...plan, digest: 'sha256:changed' };
        fleet.planned = { plan: changed, impact: [] };
        await say(handle, 'replan');
        await until('the new plan waits', async () => {
          return (await statusOf(handle)).gate?.digest === changed.digest;
        });
        await say(handle, 'reject', { reason: 'not tonight' });
        assert.equal((await handle.result()).outcome, 'Rejected');
        const story = storyOf(fleet.records.entries);
        assert.deepEqual(story.slice(3), [
          'GateOpened before-canary: 2 needed',
          'Phase: AwaitingApproval',
          `Vote before-canary ${by}: Approve`,
          `Command ${by}: replan -> it is looked at anew; if anything has changed, votes so far are void`,
          'Planned: Forward canary wave-1 wave-2',
          `VoteVoid before-canary: ${by}, what was approved has changed: digest is digest now`,
          'GateOpened before-canary: 2 needed',
          `Phase: AwaitingApproval`,
          `Vote before-canary ${by}: Reject`,
          'GateClosed before-canary: Rejected',
          'Phase: Rejected',
          'Outcome: Rejected',
        ]);
      },
      { strategy, approval: { quorum: 2 } },
    );
  });

  it('has the rounds that were measured and what they came to', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      assert.equal((await handle.result()).outcome, 'Succeeded');
      const story = storyOf(fleet.records.entries);
      const rounds = story.filter((line) => line === 'Measured east: latency');
      assert.equal(rounds.length, fleet.measures.rounds.length);
      const found = story.filter((line) => line.startsWith('Verdict'));
      assert.deepEqual(found.slice(0, 2), ['Verdict canary: Pass', 'Verdict wave-1: Pass']);
      const { batches } = fleet.records;
      assert.ok(
        batches < rounds.length,
        `${batches} batches hold ${rounds.length} rounds and more`,
      );
    });
  });
});

describe('a rollout that ends early', () => {
  it('by cancellation hands over how its nodes were put back, and that it was cancelled', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const [canary = ''] = plan.waves[0]?.nodes.map(({ node }) => node) ?? [];
        during(fleet, 'apply', canary, async () => {
          await handle.cancel();
          await untilTold();
        });
        await approve(handle, plan.digest);
        await assert.rejects(handle.result(), /cancelled/i);
        assert.deepEqual(storyOf(fleet.records.entries).slice(-4), [
          'Phase: Canary',
          `Node east/${canary}: Forward RolledBack in canary`,
          'Phase: Halted',
          'Outcome: Halted Cancelled',
        ]);
      },
      { strategy },
    );
  });

  it('while it waits for approval says that the gate was cut short', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await untilPhase(handle, 'AwaitingApproval');
        await handle.cancel();
        await assert.rejects(handle.result(), /cancelled/i);
        const story = storyOf(fleet.records.entries);
        assert.deepEqual(story.slice(-2), [
          'GateClosed before-canary: Interrupted',
          'Outcome: Halted Cancelled',
        ]);
      },
      { strategy },
    );
  });

  it('without a plan says why, and fails as before', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.planFailure = ApplicationFailure.nonRetryable('no such fleet', 'PlanRefused');
    };
    await withRollout(
      async ({ fleet, handle }) => {
        await assert.rejects(handle.result(), (error: Error) => {
          return (error.cause as ApplicationFailure).type === 'PlanRefused';
        });
        const { entries } = fleet.records;
        assert.deepEqual(storyOf(entries), [
          'Requested: request run',
          'Phase: Planning',
          'Outcome: Halted Failed',
        ]);
        const outcome = lastOf(known(entries), 'Outcome');
        assert.deepEqual(outcome?.reasons, ['PlanRefused: no such fleet']);
      },
      { prepare },
    );
  });
});

describe('where nobody takes entries', () => {
  it('a rollout goes its way all the same, ends once they are taken, and nothing is lost', async () => {
    let down = true;
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        await until('the work is done', async () => fleet.count('release') === 5);
        await until('the lease is back', async () => fleet.clusterLease === undefined);
        assert.deepEqual(versions(fleet), all(TO));
        assert.deepEqual(fleet.records.entries, []);
        assert.equal((await handle.describe()).status.name, 'RUNNING');
        const ended = handle.result();
        await until('it was tried often', async () => fleet.records.failures >= 8);
        down = false;
        assert.equal((await ended).outcome, 'Succeeded');
        const story = storyOf(fleet.records.entries);
        assert.deepEqual(
          [story[0], story.at(-1)],
          ['Requested: request run', 'Outcome: Succeeded'],
        );
        assert.equal(story.filter((line) => line.startsWith('Node ')).length, 5);
        assert.ok(fleet.records.batches <= 3, `${fleet.records.batches} batches`);
      },
      {
        strategy,
        prepare: (fleet) => {
          fleet.records.isDown = () => down;
        },
      },
    );
  });

  it('for good as it seems, they are kept and offered again a minute later', async () => {
    let refusals = 2;
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        assert.equal((await handle.result()).outcome, 'Succeeded');
        await delay(0);
        assert.equal(refusals, 0);
        assert.equal(storyOf(fleet.records.entries).at(-1), 'Outcome: Succeeded');
      },
      {
        strategy,
        prepare: (fleet) => {
          fleet.records.isDown = () => {
            if (refusals === 0) return false;
            refusals -= 1;
            throw ApplicationFailure.nonRetryable('an old worker', 'NoSuchActivity');
          };
        },
      },
    );
  });
});
