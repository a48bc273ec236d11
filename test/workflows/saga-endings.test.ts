/** What else a node may meet: changes by others, ended runs, reboots, blocked drains, long Jobs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JOBS_MESSAGE } from '../../workflows/contract.ts';
import { type FakeFleet, type FakeNode, FROM, TO } from './fake-fleet.ts';
import { assertInvariant, begin, handle, ID, NODE, run, untilAsked, withNode } from './saga-kit.ts';

/** Of a fake node, what shows whether anything was changed. */
const AS_FOUND = { cordoned: false, lease: undefined, staged: false, installs: 0 };

function failDrain(fleet: FakeFleet, type: string): void {
  fleet.inject({ step: 'drain', when: 'Before', times: 1, type, retryable: false });
}

function decide(decision: object): Promise<string> {
  return handle().executeUpdate<string, [object]>(JOBS_MESSAGE, { args: [decision] });
}

/** Matches the reason inside the failure of an update. */
function refusal(pattern: RegExp) {
  return (error: Error) => pattern.test(String((error.cause as Error | undefined)?.message));
}

describe('a node that changes while it is worked on', () => {
  for (const [what, change] of [
    ['is rebooted', (node) => (node.bootId = 'another boot')],
    ['gets a third version', (node) => (node.version = '1.6.19')],
  ] as [string, (node: FakeNode) => void][]) {
    it(`is left alone where it ${what} before the change`, async () => {
      await withNode(async (fleet) => {
        fleet.during(async (step, name) => {
          if (step === 'stage') change(fleet.node(name));
        });
        const outcome = await run('Restart');
        assert.equal(outcome.outcome, 'Skipped');
        assert.match(outcome.reasons[0] ?? '', /rebooted by somebody|containerd is 1\.6\.19/);
        assert.equal(fleet.count('apply'), 0);
        const { cordoned, lease, staged, installs } = fleet.node(NODE);
        assert.deepEqual({ cordoned, lease, staged, installs }, AS_FOUND);
      });
    });
  }
});

describe('a node that a terminated run has left leased and cordoned', () => {
  function leave(fleet: FakeFleet, version: string): void {
    Object.assign(fleet.node(NODE), { version, cordoned: true, lease: ID });
  }

  it('is updated as if nothing had been, where nothing was changed', async () => {
    await withNode(async (fleet) => {
      leave(fleet, FROM);
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'Updated');
      assertInvariant(fleet, outcome);
    });
  });

  it('is proved and handed back, where the update came to its end by itself', async () => {
    await withNode(async (fleet) => {
      leave(fleet, 'half-way');
      fleet.during(async (step, name) => {
        if (step === 'inspect' && fleet.count('inspect') === 2) fleet.node(name).version = TO;
      });
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'AlreadyDone');
      assert.deepEqual(
        fleet.calls.map((call) => call.split(' ')[0]),
        ['inspect', 'inspect', 'inspect', 'lease', 'verify', 'uncordon', 'release'],
      );
      const { cordoned, lease, version } = fleet.node(NODE);
      assert.deepEqual(
        { cordoned, lease, version },
        { cordoned: false, lease: undefined, version: TO },
      );
    });
  });

  for (const [what, prepare] of [
    ['stays half-way', (fleet) => leave(fleet, 'half-way')],
    [
      'cannot be proved',
      (fleet) => {
        leave(fleet, TO);
        fleet.broken.add(TO);
      },
    ],
  ] as [string, (fleet: FakeFleet) => void][]) {
    it(`is left to a person where it ${what}`, async () => {
      await withNode(async (fleet) => {
        prepare(fleet);
        const outcome = await run('Restart');
        assert.equal(outcome.outcome, 'NeedsAttention');
        assert.match(outcome.reasons[0] ?? '', /"earlier \(Forward\)" was ended from outside/);
        assertInvariant(fleet, outcome);
      });
    });
  }
});

describe('a reboot', () => {
  it('that does not end leaves the node to a person, and nothing more is tried', async () => {
    await withNode(async (fleet) => {
      const fault = { times: 1, type: 'NodeNotBack', retryable: false } as const;
      fleet.inject({ step: 'reboot', when: 'After', ...fault });
      const outcome = await run();
      assert.equal(outcome.outcome, 'NeedsAttention');
      assert.match(outcome.reasons[0] ?? '', /^NodeNotBack/);
      assert.equal(fleet.count('revert'), 0);
      assertInvariant(fleet, outcome);
    });
  });

  it('into the old version is undone, with a reboot of its own, and not tried again', async () => {
    await withNode(async (fleet) => {
      fleet.broken.add(TO);
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.equal(fleet.count('apply'), 1);
      assert.equal(fleet.count('reboot'), 2);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('a drain that is blocked', () => {
  for (const [atTimeout, ends] of [
    ['Fail', 'RolledBack'],
    ['Skip', 'Skipped'],
    ['Force', 'RolledBack'],
    ['Quarantine', 'NeedsAttention'],
  ] as const) {
    it(`ends as ${ends} where the policy says ${atTimeout}`, async () => {
      await withNode(async (fleet) => {
        failDrain(fleet, 'DrainBlocked');
        const outcome = await run('Drain', { atTimeout });
        assert.equal(outcome.outcome, ends);
        assert.match(outcome.reasons[0] ?? '', /DrainBlocked/);
        assert.equal(fleet.count('apply'), 0);
        assertInvariant(fleet, outcome);
      });
    });
  }

  it('tells the pods that it had evicted until then', async () => {
    await withNode(async (fleet) => {
      const details = [
        [],
        { evicted: ['shop/web-1'], jobPodsEvicted: [], notes: ['it took long'] },
      ];
      const fault = { times: 1, type: 'DrainBlocked', retryable: false, details } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      const outcome = await run('Drain');
      assert.deepEqual(outcome.podsEvicted, ['shop/web-1']);
      assert.deepEqual(outcome.notes, ['it took long']);
    });
  });

  it('is undone where as many nodes are in quarantine as may be', async () => {
    await withNode(async (fleet) => {
      failDrain(fleet, 'DrainBlocked');
      const fault = { times: 1, type: 'QuarantineFull', retryable: false } as const;
      fleet.inject({ step: 'quarantine', when: 'Before', ...fault });
      const outcome = await run('Drain', { atTimeout: 'Quarantine' });
      assert.equal(outcome.outcome, 'RolledBack');
      assert.match(outcome.reasons[0] ?? '', /DrainBlocked.*QuarantineFull/);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('Jobs that outlast their time', () => {
  for (const choice of ['Evict', 'Wait'] as const) {
    it(`are drained as a person says: ${choice}`, async () => {
      await withNode(async (fleet) => {
        failDrain(fleet, 'JobsUndecided');
        const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
        const status = await untilAsked();
        assert.match(status.asks ?? '', /tidegate jobs patch east-1 --wait \| --later \| --evict/);
        const answer = await decide({ by: 'night-shift', choice, reason: 'agreed' });
        assert.match(answer, choice === 'Evict' ? /evicted/ : /waited for/);
        const outcome = await running.result();
        assert.equal(outcome.outcome, 'Updated');
        assert.deepEqual(fleet.jobChoices, [undefined, choice]);
        assert.deepEqual(outcome.notes, [
          `night-shift decided about running Jobs: ${choice}: agreed`,
        ]);
        assertInvariant(fleet, outcome);
      });
    });
  }

  it('refuse a choice that there is none of, and any while nothing is asked', async () => {
    await withNode(async (fleet) => {
      failDrain(fleet, 'JobsUndecided');
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await assert.rejects(
        decide({ by: 'night-shift', choice: 'Kill' }),
        refusal(/must be one of/),
      );
      await assert.rejects(decide({ by: '', choice: 'Wait' }), refusal(/"by" must be the name/));
      await decide({ by: 'night-shift', choice: 'Wait' });
      assert.equal((await running.result()).outcome, 'Updated');
    });
  });

  it('are not waited for once the rollout is cancelled', async () => {
    await withNode(async (fleet) => {
      failDrain(fleet, 'JobsUndecided');
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await handle().cancel();
      const outcome = await running.result();
      assert.equal(outcome.outcome, 'RolledBack');
      assertInvariant(fleet, outcome);
    });
  });
});
