/** A whole rollout over a fake fleet: gates, waves, budget, stop, rollback and cancellation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import {
  all,
  approve,
  failApply,
  NODES,
  statusOf,
  untilPhase,
  versions,
  withRollout,
} from './rollout-kit.ts';

describe('a rollout', () => {
  it('goes through canary and waves, never more at once than allowed', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      assert.equal(await approve(handle, plan.digest), 'approved: the rollout starts');
      const outcome: RolloutOutcome = await handle.result();
      assert.equal(outcome.outcome, 'Succeeded');
      assert.deepEqual(versions(fleet), all(TO));
      assert.deepEqual(
        outcome.nodes.map((entry) => entry.outcome),
        NODES.map(() => 'Updated'),
      );
      assert.ok(fleet.maxCordoned <= 2, `saw ${fleet.maxCordoned} cordoned`);
      const canary = plan.waves[0]?.nodes[0]?.node;
      assert.equal(fleet.calls[0], `inspect ${canary}`);
      const first = fleet.calls.findIndex((call) => !call.endsWith(`${canary}`));
      assert.equal(fleet.calls[first - 1], `release ${canary}`, 'the canary went alone');
      const status = await statusOf(handle);
      assert.deepEqual(
        status.waves.map((wave) => wave.state),
        ['Done', 'Done', 'Done'],
      );
      assert.equal(status.outcome?.outcome, 'Succeeded');
    });
  });

  it('is approved by a signal of the same name as well', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      await untilPhase(handle, 'AwaitingApproval');
      await handle.signal('approve', { by: 'sre-lead', digest: plan.digest });
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.deepEqual(versions(fleet), all(TO));
    });
  });

  it('refuses votes of the requester, of another digest and malformed ones', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      await untilPhase(handle, 'AwaitingApproval');
      const refusals: [object, RegExp][] = [
        [{ by: 'platform-oncall', digest: plan.digest }, /asks for somebody else/],
        [{ by: 'sre-lead', digest: 'sha256:0' }, /look at the plan again/],
        [{ by: 'sre-lead' }, /"digest" is missing/],
        [{ digest: plan.digest }, /"by" must be the name/],
      ];
      for (const [vote, words] of refusals) {
        await assert.rejects(handle.executeUpdate('approve', { args: [vote] }), (error: Error) => {
          assert.match(String(error.cause), words);
          return true;
        });
        await handle.signal('approve', vote);
      }
      const status = await statusOf(handle);
      assert.equal(status.phase, 'AwaitingApproval');
      assert.equal(status.refusedVotes.length, refusals.length);
      assert.equal(status.votes.length, 0);
      await handle.executeUpdate('reject', { args: [{ by: 'sre-lead', reason: 'not today' }] });
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'Rejected');
      assert.deepEqual(outcome.reasons, ['rejected by sre-lead: not today']);
      assert.deepEqual(fleet.calls, [], 'no node was touched');
    });
  });

  it('waits for a quorum, and counts a name once', async () => {
    await withRollout(
      async ({ plan, handle }) => {
        assert.match(await approve(handle, plan.digest), /more approvals/);
        assert.match(await approve(handle, plan.digest), /more approvals/);
        assert.match(await approve(handle, plan.digest, 'security'), /approved/);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { approval: { quorum: 2 } },
    );
  });

  it('expires where nobody approves', async () => {
    await withRollout(async ({ fleet, handle }) => {
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'Rejected');
      assert.match(outcome.reasons[0] ?? '', /nobody approved within/);
      assert.deepEqual(fleet.calls, []);
    });
  });

  it('fails with the type of the closed list where it can’t be planned', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.planFailure = ApplicationFailure.nonRetryable('spec.x is unknown', 'InvalidDocument');
    };
    await withRollout(
      async ({ handle }) => {
        await assert.rejects(handle.result(), (error: Error) => {
          assert.ok(error.cause instanceof ApplicationFailure);
          assert.equal(error.cause.type, 'InvalidDocument');
          assert.equal(error.cause.message, 'spec.x is unknown');
          return true;
        });
      },
      { prepare },
    );
  });
});

describe('when nodes fail', () => {
  it('a failed canary ends it before any other node is touched', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.match(outcome.reasons[0] ?? '', /canary failed.*VerificationFailed/);
        assert.equal(outcome.untouched.length, 4);
        assert.deepEqual(versions(fleet), all(FROM));
        assert.equal(new Set(fleet.calls.map((call) => call.split(' ')[1])).size, 1);
      },
      { prepare: (fleet) => fleet.broken.add(TO) },
    );
  });

  for (const [onFailure, outcomeKind] of [
    ['Rollback', 'RolledBack'],
    ['Halt', 'Halted'],
  ] as const) {
    it(`a failed wave ends in ${outcomeKind} with onFailure ${onFailure}`, async () => {
      await withRollout(
        async ({ fleet, plan, handle }) => {
          await approve(handle, plan.digest);
          const outcome = await handle.result();
          assert.equal(outcome.outcome, outcomeKind);
          const updated = versions(fleet).filter((version) => version === TO).length;
          if (onFailure === 'Rollback') {
            assert.equal(updated, 0);
            assert.ok(outcome.rolledBack.length > 0);
          } else {
            assert.ok(updated > 0, 'what is updated stays');
            assert.equal(outcome.rolledBack.length, 0);
          }
        },
        { strategy: { onFailure }, prepare: (fleet) => failApply(fleet, 'east-3') },
      );
    });
  }

  it('goes on within the failure budget', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        const kinds = outcome.nodes.map((entry) => entry.outcome);
        assert.equal(kinds.filter((kind) => kind === 'RolledBack').length, 1);
        assert.equal(fleet.node('east-3').version, FROM);
      },
      { strategy: { failureBudget: 1 }, prepare: (fleet) => failApply(fleet, 'east-3') },
    );
  });

  it('an unhealthy soak takes the canary back', async () => {
    const prepare = (fleet: FakeFleet) => fleet.sick.push('east-1 is not Ready');
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.match(outcome.reasons[0] ?? '', /canary is not healthy: east-1 is not Ready/);
        assert.deepEqual(versions(fleet), all(FROM));
      },
      { prepare },
    );
  });

  it('a rollback that fails halts and names the node that needs a person', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.sick.push('east-1 is not Ready');
      fleet.broken.add(FROM);
    };
    await withRollout(
      async ({ plan, handle }) => {
        await approve(handle, plan.digest);
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Halted');
        assert.deepEqual(outcome.reasons.slice(1), ['rolled back 0 of 1 nodes']);
      },
      { prepare },
    );
  });
});

describe('people', () => {
  it('stop it after the nodes in work; what is updated stays', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      let sent = false;
      fleet.during(async (step, node) => {
        if (sent || step !== 'apply' || node === plan.waves[0]?.nodes[0]?.node) return;
        sent = true;
        await handle.executeUpdate('stop', { args: [{ by: 'sre-lead', reason: 'lunch' }] });
      });
      await approve(handle, plan.digest);
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'Halted');
      assert.deepEqual(outcome.reasons, ['stopped by sre-lead: lunch']);
      const updated = versions(fleet).filter((version) => version === TO).length;
      assert.ok(updated >= 2 && updated <= 3, `${updated} updated`);
      assert.ok(outcome.untouched.length >= 2);
    });
  });

  it('roll it back in its midst', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      let sent = false;
      fleet.during(async (step, node) => {
        if (sent || step !== 'verify' || node === plan.waves[0]?.nodes[0]?.node) return;
        sent = true;
        await handle.signal('rollback', { by: 'sre-lead' });
      });
      await approve(handle, plan.digest);
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.deepEqual(versions(fleet), all(FROM));
      assert.ok(outcome.rolledBack.length >= 2);
    });
  });

  it('stop it on its way back: what is still updated stays so, and is counted', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      const sent = new Set<string>();
      fleet.during(async (step, node) => {
        const canary = node === plan.waves[0]?.nodes[0]?.node;
        const back = fleet.node(node).version === FROM;
        if (step !== 'verify' || canary) return;
        const message = back ? 'stop' : 'rollback';
        if (sent.has(message)) return;
        sent.add(message);
        await handle.signal(message, { by: 'sre-lead' });
      });
      await approve(handle, plan.digest);
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'Halted');
      assert.deepEqual(outcome.reasons, [
        'rolled back by sre-lead',
        'stopped by sre-lead',
        'rolled back 2 of 3 nodes',
      ]);
      assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
    });
  });

  it('stop it while it waits for approval', async () => {
    await withRollout(async ({ fleet, handle }) => {
      await untilPhase(handle, 'AwaitingApproval');
      await handle.executeUpdate('stop', { args: [{ by: 'sre-lead' }] });
      assert.equal((await handle.result()).outcome, 'Halted');
      assert.deepEqual(fleet.calls, []);
    });
  });

  it('cancel it: nodes in work unwind, leases are given back, it ends as Cancelled', async () => {
    await withRollout(async ({ fleet, plan, handle }) => {
      let sent = false;
      fleet.during(async (step) => {
        if (sent || step !== 'cordon') return;
        sent = true;
        await handle.cancel();
        await delay(300);
      });
      await approve(handle, plan.digest);
      await assert.rejects(handle.result(), (error: Error) => {
        assert.ok(error.cause instanceof CancelledFailure);
        return true;
      });
      assert.deepEqual(versions(fleet), all(FROM));
    });
  });
});

describe('others', () => {
  it('another holder of the cluster’s lease is waited for, and named', async () => {
    const prepare = (fleet: FakeFleet) => {
      fleet.clusterLease = 'rollout/other';
    };
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await approve(handle, plan.digest);
        const status = await untilPhase(handle, 'AwaitingLease');
        assert.match(status.waitingFor, /rollout\/other/);
        assert.deepEqual(fleet.calls, []);
        fleet.clusterLease = undefined;
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { prepare },
    );
  });
});
