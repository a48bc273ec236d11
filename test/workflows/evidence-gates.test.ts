/** Where measurements decide nothing people do; and whoever stops a rollout does not wait for its soak. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Context } from '@temporalio/activity';
import {
  atGate,
  type Handle,
  judgementsOf,
  QUICK,
  QUICK_STRATEGY,
  refusedWith,
  send,
  verdictsOf,
  withMeasured,
} from './evidence-kit.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { usual } from './fake-measures.ts';
import { all, statusOf, until, untilPhase, versions } from './rollout-kit.ts';
import { untilTold } from './told.ts';

const GATE = 'judgement-canary';
const lost = { error: 'connect ECONNREFUSED' };
const updatedCount = (fleet: FakeFleet) => versions(fleet).filter((one) => one === TO).length;

/** The provider dies in the soak of the canary, and is back after so many rounds. */
function dies(fleet: FakeFleet, backAfter = Number.POSITIVE_INFINITY): void {
  fleet.measures.says = (asked) => (asked.soak && asked.round <= backAfter ? lost : usual(asked));
}

const quick = (prepare?: (fleet: FakeFleet) => void, more: object = {}) => ({
  ...{ analysis: QUICK, strategy: QUICK_STRATEGY },
  ...(prepare ? { prepare } : {}),
  ...more,
});

async function judgedAt(handle: Handle): Promise<string> {
  const { digest } = await atGate(handle, GATE);
  return digest;
}

describe('a canary whose provider does not come back', () => {
  it('is decided by people, who see what was measured first; approved, the rollout goes on', async () => {
    await withMeasured(
      async ({ fleet, plan, handle }) => {
        const { evidence, rules, digest } = await atGate(handle, GATE);
        assert.match(evidence[0] ?? '', /^measured after canary: Error \(.*2 times\): /);
        assert.match(evidence[1] ?? '', /^Error: .*latency.*connect ECONNREFUSED/);
        assert.ok(evidence.includes('nodes so far: 1 Updated'));
        assert.equal(rules.quorum, 1);
        const judgement = (await judgementsOf(handle))[0];
        assert.deepEqual([judgement?.verdict, judgement?.extensions], ['Error', 2]);
        assert.equal(updatedCount(fleet), 1);
        const own = send(handle, 'approve', { by: plan.requestedBy, digest });
        await refusedWith(own, /requested this rollout/);
        fleet.measures.says = usual;
        await send(handle, 'approve', { by: 'sre-lead', digest, reason: 'the dashboard is fine' });
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
        assert.deepEqual(await verdictsOf(handle), ['canary Error', 'wave-1 Pass', 'wave-2 Pass']);
        const { votes } = await statusOf(handle);
        assert.deepEqual(
          votes.map(({ gate, by }) => [gate, by]),
          [[GATE, 'sre-lead']],
        );
      },
      quick((fleet) => dies(fleet)),
    );
  });

  it('goes back where people reject it', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        await judgedAt(handle);
        await send(handle, 'reject', { by: 'ann', reason: 'no numbers, no rollout' });
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'RolledBack');
        assert.match(
          reasons[0] ?? '',
          /^canary is not taken for good: rejected by ann: no numbers/,
        );
        assert.match(reasons[0] ?? '', /judgement-canary; Error: /);
        assert.deepEqual(versions(fleet), all(FROM));
      },
      quick((fleet) => dies(fleet)),
    );
  });

  it('stays where nobody decides in time', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.deepEqual(reasons, [
          'judgement-canary: nobody approved within 60 s; updated nodes stay as they are',
        ]);
        assert.equal(updatedCount(fleet), 1);
      },
      quick((fleet) => dies(fleet), { approval: { expirySeconds: 60 } }),
    );
  });

  it('is not asked about where its provider comes back within the extensions', async () => {
    await withMeasured(
      async ({ handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual((await statusOf(handle)).votes, []);
        assert.equal((await verdictsOf(handle))[0], 'canary Pass');
      },
      { prepare: (fleet) => dies(fleet, 14) },
    );
  });

  it('asks for as many as the policy does, of the roles that it names', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const digest = await judgedAt(handle);
        fleet.measures.says = usual;
        const stranger = send(handle, 'approve', { by: 'eve', digest });
        await refusedWith(stranger, /eve has no role in the policy, and this takes one of sre/);
        assert.match(await send(handle, 'approve', { by: 'ann', digest }), /more approvals/);
        assert.match(await send(handle, 'approve', { by: 'ben', digest }), /goes on/);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      quick((fleet) => dies(fleet), {
        approval: { quorum: 2, roles: ['sre'] },
        people: ['ann', 'ben'].map((name) => ({ name, roles: ['sre'], chat: [] })),
      }),
    );
  });
});

describe('a wave without numbers', () => {
  it('that has no others to be compared with is asked about when it became worse', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const { evidence, digest } = await atGate(handle, 'judgement-wave-2');
        assert.match(evidence[0] ?? '', /^measured after wave-2: Inconclusive/);
        assert.ok(evidence.includes('measured after earlier waves: 2 Pass'));
        await send(handle, 'approve', { by: 'sre-lead', digest });
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual(versions(fleet), all(TO));
      },
      quick((fleet) => {
        let last = 0;
        fleet.measures.says = (asked) => {
          const { value } = usual(asked);
          // Without control nodes it is the last wave.
          const { control = [] } = fleet.measures.rounds.at(-1) ?? {};
          if (asked.soak && control.length === 0) last = asked.round;
          return { value: last > 0 && asked.patched ? value + 500 : value };
        };
      }),
    );
  });

  it('shows its verdict at the gate that comes next', async () => {
    await withMeasured(
      async ({ handle }) => {
        const { evidence, digest } = await atGate(handle, 'after-canary');
        assert.match(evidence[0] ?? '', /^measured after canary: Pass: /);
        assert.equal(evidence[1], 'nodes so far: 1 Updated');
        await send(handle, 'approve', { by: 'sre-lead', digest });
        assert.equal((await handle.result()).outcome, 'Succeeded');
      },
      quick(undefined, { approval: { gates: [{ at: 'AfterCanary' }] } }),
    );
  });
});

/** Does something once, in the middle of a round. */
function inRound(fleet: FakeFleet, wanted: number, act: (context: Context) => Promise<void>): void {
  fleet.measures.during = async (round, context) => {
    if (round === wanted && context.info.attempt === 1) await act(context);
  };
}

describe('people who end a rollout that is measured', () => {
  it('do not wait for the rest of a soak', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        await untilPhase(handle, 'Soaking');
        const { waitingFor } = await statusOf(handle);
        assert.match(
          waitingFor,
          /^the soak of canary to end at \S+Z at the earliest \(\d+ of 40 rounds measured\)$/,
        );
        await send(handle, 'stop', { by: 'ann' });
        const { outcome, reasons } = await handle.result();
        assert.deepEqual([outcome, reasons], ['Halted', ['stopped by ann']]);
        assert.equal(updatedCount(fleet), 1);
        assert.deepEqual(await judgementsOf(handle), []);
        assert.ok(fleet.measures.rounds.length < 12, `${fleet.measures.rounds.length} rounds`);
      },
      {
        strategy: { ...QUICK_STRATEGY, canary: { count: 1, soakSeconds: 600 } },
        analysis: QUICK,
      },
    );
  });

  it('break off the round that is being measured', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      let broken = false;
      inRound(fleet, 8, async ({ cancellationSignal }) => {
        await send(handle, 'rollback', { by: 'ann' });
        await untilTold();
        broken = cancellationSignal.aborted;
      });
      const { outcome } = await handle.result();
      assert.equal(outcome, 'RolledBack');
      assert.ok(broken, 'the activity heard that it is cancelled');
      assert.equal(fleet.measures.rounds.length, 8);
      assert.deepEqual(versions(fleet), all(FROM));
    }, {});
  });

  it('touch no node where it is the baseline that they interrupt', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      inRound(fleet, 2, async () => {
        await send(handle, 'stop', { by: 'ann' });
      });
      const { outcome, reasons } = await handle.result();
      assert.deepEqual([outcome, reasons], ['Halted', ['stopped by ann']]);
      assert.deepEqual(fleet.calls, []);
    }, {});
  });

  it('may stop at the gate at which they are asked, or take all back there', async () => {
    for (const [word, outcome, updated] of [
      ['stop', 'Halted', 1],
      ['rollback', 'RolledBack', 0],
    ] as const) {
      await withMeasured(
        async ({ fleet, handle }) => {
          await judgedAt(handle);
          await send(handle, word, { by: 'ann' });
          assert.equal((await handle.result()).outcome, outcome);
          assert.equal(updatedCount(fleet), updated);
        },
        quick((fleet) => dies(fleet)),
      );
    }
  });

  it('pause it for what comes next, not for its soak', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      inRound(fleet, 8, async () => {
        await send(handle, 'pause', { by: 'ann' });
      });
      await until('judged', async () => (await judgementsOf(handle)).length > 0);
      await until('paused', async () => (await statusOf(handle)).paused !== undefined);
      assert.equal(updatedCount(fleet), 1);
      await send(handle, 'resume', { by: 'ann' });
      assert.equal((await handle.result()).outcome, 'Succeeded');
    }, quick());
  });
});
