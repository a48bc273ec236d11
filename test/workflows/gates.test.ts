/** A rollout that waits for people: before and after its canary, before waves, before it goes back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { GateStatus, RolloutStatus } from '../../workflows/contract.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { all, failApply, NODES, statusOf, versions, withRollout } from './rollout-kit.ts';

const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};
type Handle = Parameters<typeof statusOf>[0];

async function atGate(handle: Handle, id: string): Promise<GateStatus> {
  for (let i = 0; i < 300; i++) {
    const { gate } = await statusOf(handle);
    if (gate?.id === id) return gate;
    await delay(20);
  }
  return assert.fail(`never at ${id}: ${JSON.stringify(await statusOf(handle))}`);
}

const send = (handle: Handle, name: string, argument: object) =>
  handle.executeUpdate<string, [object]>(name, { args: [argument] });

async function refusedWith(answer: Promise<unknown>, words: RegExp): Promise<void> {
  await assert.rejects(answer, (error: Error) => {
    assert.match(String((error.cause as Error | undefined)?.message), words);
    return true;
  });
}

async function pass(handle: Handle, id: string, by = 'sre-lead'): Promise<string> {
  const { digest } = await atGate(handle, id);
  return await send(handle, 'approve', { by, digest, gate: id });
}

const gates = (...points: object[]) => ({ strategy, approval: { gates: points } });

describe('gates', () => {
  it('are passed one by one, each with a digest of its own that the requester may not approve', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        const ids = ['before-canary', 'after-canary', 'before-wave-1', 'before-wave-2'];
        const digests: string[] = [];
        for (const id of ids) {
          const gate = await atGate(handle, id);
          const mine = send(handle, 'approve', { by: plan.requestedBy, digest: gate.digest });
          await refusedWith(mine, /requested this rollout, and the policy asks for somebody else/);
          const [before] = digests.slice(-1);
          if (before) {
            const old = send(handle, 'approve', { by: 'sre-lead', digest: before });
            await refusedWith(old, /look at the plan again/);
          }
          digests.push(gate.digest);
          assert.match(await pass(handle, id), /^approved/);
        }
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.equal(new Set(digests).size, ids.length);
        const { votes } = await statusOf(handle);
        assert.deepEqual(
          votes.map(({ gate, identity }) => `${gate} ${identity}`),
          ids.map((id) => `${id} Asserted`),
        );
        assert.deepEqual(versions(fleet), all(TO));
      },
      gates({ at: 'AfterCanary' }, { at: 'BeforeWave' }),
    );
  });

  it('show what the canary has come to, and hold the rest until then', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        const { evidence, rules } = await atGate(handle, 'after-canary');
        assert.equal(evidence[0], 'nodes so far: 1 Updated');
        assert.equal(evidence[1], 'found now: nothing wrong');
        assert.match(evidence[2] ?? '', /^east\/east-\d Updated: containerd .* -> /);
        assert.deepEqual([rules.quorum, rules.roles], [2, []]);
        await delay(300);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
        assert.match(await pass(handle, 'after-canary', 'ann'), /more approvals/);
        assert.match(await pass(handle, 'after-canary', 'ann'), /has approved already/);
        assert.match(await pass(handle, 'after-canary', 'ben'), /^approved/);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      gates({ at: 'AfterCanary', quorum: 2 }),
    );
  });

  it('that nobody passes in time end the rollout; updated nodes stay', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.deepEqual(reasons, [
          'after-canary: nobody approved within 60 s; updated nodes stay as they are',
        ]);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
      },
      gates({ at: 'AfterCanary', expirySeconds: 60 }),
    );
  });

  it('that are refused end it likewise, and take nobody back', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        await atGate(handle, 'before-wave-2');
        await send(handle, 'reject', { by: 'ann', reason: 'latency is up' });
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.match(reasons[0] ?? '', /^before-wave-2: rejected by ann: latency is up/);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 3);
      },
      gates({ at: 'BeforeWave', waves: ['wave-2'] }),
    );
  });
});

describe('votes', () => {
  it('are void once what they were given on has changed, and are asked for anew', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        const gate = await atGate(handle, 'after-canary');
        await send(handle, 'approve', { by: 'ann', digest: gate.digest });
        fleet.sick = ['east-1: the probe pod does not start'];
        await send(handle, 'approve', { by: 'ben', digest: gate.digest });
        let status = await statusOf(handle);
        for (let i = 0; i < 200 && status.gate?.digest === gate.digest; i++) {
          await delay(20);
          status = await statusOf(handle);
        }
        assert.equal(status.gate?.evidence[1], 'found now: east-1: the probe pod does not start');
        assert.deepEqual(status.gate?.approvedBy, []);
        const voided = status.votes.filter((vote) => vote.void?.includes('has changed'));
        assert.deepEqual(
          voided.map(({ by }) => by),
          ['ann', 'ben'],
        );
        const late = send(handle, 'approve', { by: 'cleo', digest: gate.digest });
        await refusedWith(late, /look at the plan again/);
        await pass(handle, 'after-canary', 'ann');
        await pass(handle, 'after-canary', 'ben');
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'RolledBack', 'the soak of the next wave finds it as well');
        assert.match(reasons[0] ?? '', /^wave-1 is not healthy: east-1: the probe pod/);
      },
      gates({ at: 'AfterCanary', quorum: 2 }),
    );
  });

  it('are void once a new plan is another one, and stand where it is the same', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await pass(handle, 'before-canary', 'ann');
        await send(handle, 'replan', { by: 'ann' });
        await untilReplanned(handle, fleet, 2);
        assert.deepEqual((await atGate(handle, 'before-canary')).approvedBy, ['ann']);

        const other: Plan = { ...plan, digest: `sha256:${'b'.repeat(64)}` };
        fleet.planned = { plan: other, impact: [] };
        await send(handle, 'replan', { by: 'ann' });
        await untilReplanned(handle, fleet, 3);
        const status = await statusOf(handle);
        assert.equal(status.digest, other.digest);
        assert.deepEqual(status.gate?.approvedBy, []);
        assert.match(status.votes[0]?.void ?? '', /has changed/);
        const old = send(handle, 'approve', { by: 'ben', digest: plan.digest });
        await refusedWith(old, /look at the plan again/);
        await pass(handle, 'before-canary', 'ann');
        await pass(handle, 'before-canary', 'ben');
        assert.equal((await handle.result()).digest, other.digest);
      },
      { strategy, approval: { quorum: 2 } },
    );
  });

  it('need one of the roles that are asked for', async () => {
    const people = [{ name: 'ann', roles: ['sre'], chat: [] }];
    await withRollout(
      async ({ plan, handle }) => {
        await atGate(handle, 'before-canary');
        const of = (by: string) => send(handle, 'approve', { by, digest: plan.digest });
        await refusedWith(of('ben'), /ben has no role in the policy, and this takes one of sre/);
        await of('ann');
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      { strategy, policy: { people }, approval: { roles: ['sre'] } },
    );
  });

  it('that are signed are checked: a bad one is refused in words, and fails nothing', async () => {
    await withRollout(
      async ({ fleet, plan, handle }) => {
        await atGate(handle, 'before-canary');
        const vote = { by: 'ann', digest: plan.digest };
        await refusedWith(send(handle, 'approve', vote), /takes signed votes only/);
        fleet.checkVote = () => ({ kind: 'Refused', reason: 'the key is not one of ann' });
        const signed = { ...vote, proof: { signature: 'forged' } };
        await refusedWith(send(handle, 'approve', signed), /the key is not one of ann/);
        await handle.signal('approve', signed);
        for (let i = 0; i < 100 && (await statusOf(handle)).refusedVotes.length < 2; i++) {
          await delay(20);
        }
        fleet.checkVote = ({ by, statement }) => {
          assert.match(statement, /^gate: "before-canary"$/m);
          assert.match(statement, /^decision: "Approve"$/m);
          return { kind: 'Attested', signedBy: `${by} (ED25519 SHA256:x)` };
        };
        // The test server forgets an update of a workflow that has ended, hence the second gate.
        await send(handle, 'approve', { ...vote, proof: { signature: 'good' } });
        await atGate(handle, 'after-canary');
        const { votes, refusedVotes } = await statusOf(handle);
        assert.deepEqual(
          votes.map(({ by, identity, signedBy }) => [by, identity, signedBy]),
          [['ann', 'Attested', 'ann (ED25519 SHA256:x)']],
        );
        assert.equal(refusedVotes.length, 2);
        assert.ok(!('proof' in (votes[0] ?? {})));
        await send(handle, 'reject', { by: 'ben' });
        assert.equal((await handle.result()).outcome, 'Halted');
      },
      { strategy, approval: { identity: 'Attested', gates: [{ at: 'AfterCanary' }] } },
    );
  });
});

describe('a rollback that needs approval', () => {
  const last = NODES.at(-1) ?? '';
  const options = gates({ at: 'BeforeRollback' });
  const prepare = (fleet: FakeFleet) => failApply(fleet, last);

  it('begins once somebody has agreed', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        const { evidence } = await atGate(handle, 'before-rollback');
        assert.match(evidence[0] ?? '', /^why: wave-2 failed/);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 4);
        await pass(handle, 'before-rollback');
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
      },
      { ...options, prepare },
    );
  });

  it('does not where somebody says no', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        await atGate(handle, 'before-rollback');
        await send(handle, 'reject', { by: 'ann', reason: 'we repair it by hand' });
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.match(reasons[1] ?? '', /^no rollback: rejected by ann: we repair it by hand/);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 4);
      },
      { ...options, prepare },
    );
  });

  it('is not for whoever has asked for it to approve', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary');
        await atGate(handle, 'after-canary');
        await send(handle, 'rollback', { by: 'ann' });
        const { digest } = await atGate(handle, 'before-rollback');
        await refusedWith(
          send(handle, 'approve', { by: 'ann', digest }),
          /ann asked for this rollback/,
        );
        await pass(handle, 'before-rollback', 'ben');
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.deepEqual(versions(fleet), all(FROM));
      },
      gates({ at: 'AfterCanary' }, { at: 'BeforeRollback' }),
    );
  });
});

describe('rollouts that need less', () => {
  it('begin at once under a standing approval, which is shown as what it is', async () => {
    let bundle = '';
    await withRollout(
      async ({ handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const [vote] = (await statusOf(handle)).votes;
        assert.equal(vote?.by, 'ann, ben');
        assert.equal(vote?.via, 'the policy');
        assert.match(vote?.reason ?? '', /^standard approval of containerd-deb12u3: monthly/);
        assert.match(bundle, /^sha256:/);
      },
      {
        strategy,
        prepare: (fleet) => {
          const plan = fleet.planned?.plan;
          if (!plan) return;
          bundle = plan.bundle.digest;
          const known = { bundle, until: '2999-12-31', approvedBy: ['ann', 'ben'] };
          const standard = [{ ...known, reason: 'monthly patch' }];
          fleet.planned = { plan: withApproval(plan, { standard }), impact: [] };
        },
      },
    );
  });

  it('that are urgent take fewer approvers, and a review by somebody else afterwards', async () => {
    await withRollout(
      async ({ fleet, handle }) => {
        await pass(handle, 'before-canary', 'ann');
        const { evidence, digest } = await atGate(handle, 'review');
        assert.equal(evidence[0], 'urgent: exploited in the wild');
        assert.equal(fleet.clusterLease, undefined, 'others may work meanwhile');
        await refusedWith(
          send(handle, 'approve', { by: 'ann', digest }),
          /its review is for others/,
        );
        await send(handle, 'approve', { by: 'ben', digest, reason: 'as it should be' });
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Succeeded');
        assert.deepEqual(reasons, ['urgent; reviewed by ben: as it should be']);
      },
      {
        strategy,
        approval: { quorum: 2 },
        prepare: (fleet) => {
          const plan = fleet.planned?.plan;
          if (!plan) return;
          const urgent = { quorum: 1, roles: [], reviewSeconds: 3600 };
          fleet.planned = {
            plan: {
              ...withApproval(plan, { urgent }),
              urgent: { reason: 'exploited in the wild' },
            },
            impact: [],
          };
        },
      },
    );
  });
});

function withApproval(plan: Plan, approval: object): Plan {
  const { spec } = plan.policy;
  const changed = { ...spec, approval: { ...spec.approval, ...approval } };
  return { ...plan, policy: { ...plan.policy, spec: changed } };
}

/** Returns once the plan has been made so often. */
async function untilReplanned(
  handle: Handle,
  fleet: FakeFleet,
  times: number,
): Promise<RolloutStatus> {
  for (let i = 0; i < 200 && fleet.plans < times; i++) await delay(20);
  await delay(200);
  return await statusOf(handle);
}
