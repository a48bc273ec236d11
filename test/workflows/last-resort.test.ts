/** What is insisted on, and what is looked at right before a node is disturbed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FakeFleet, type FakeNode, FROM } from './fake-fleet.ts';
import { assertInvariant, cancelDuring, ID, NODE, run, withNode } from './saga-kit.ts';

/** The way forward fails, and so does the way back. */
function breakBothWays(fleet: FakeFleet): void {
  const fault = { when: 'Before', times: 1, retryable: false } as const;
  fleet.inject({ step: 'apply', type: 'ApplyFailed', ...fault });
  fleet.inject({ step: 'revert', type: 'ApplyFailed', ...fault });
}

describe('leaving a node to a person', () => {
  it('is tried again for as long as it is refused, and nothing else is undone meanwhile', async () => {
    await withNode(async (fleet) => {
      breakBothWays(fleet);
      const refused = { type: 'KubernetesForbidden', retryable: false, times: 12 } as const;
      fleet.inject({ step: 'quarantine', when: 'Before', ...refused });
      const outcome = await run('Drain');
      assert.equal(outcome.outcome, 'NeedsAttention');
      assert.equal(fleet.count('quarantine'), 13);
      assert.equal(fleet.count('uncordon') + fleet.count('unstage') + fleet.count('release'), 0);
      // 10 s, 20 s, … 10 min: a permission may be given back an hour later.
      assert.ok(outcome.durationMs > 3_600_000, String(outcome.durationMs));
      assertInvariant(fleet, outcome);
    });
  });

  it('is not ended by a cancellation', async () => {
    await withNode(async (fleet) => {
      breakBothWays(fleet);
      const refused = { type: 'KubeconfigInvalid', retryable: false, times: 2 } as const;
      fleet.inject({ step: 'quarantine', when: 'Before', ...refused });
      cancelDuring(fleet, 'quarantine');
      const outcome = await run('Drain');
      assert.equal(outcome.outcome, 'NeedsAttention');
      assertInvariant(fleet, outcome);
    });
  });

  it('is what becomes of a node under its quarantine policy even if the API server refuses at first', async () => {
    await withNode(async (fleet) => {
      const once = { when: 'Before', times: 1, retryable: false } as const;
      fleet.inject({ step: 'drain', type: 'DrainBlocked', ...once });
      fleet.inject({ step: 'quarantine', type: 'KubernetesForbidden', ...once });
      const outcome = await run('Drain', { atTimeout: 'Quarantine' });
      assert.equal(outcome.outcome, 'NeedsAttention');
      assertInvariant(fleet, outcome);
    });
  });
});

describe('a Node object that is gone', () => {
  for (const step of ['inspect', 'lease', 'cordon'] as const) {
    it(`at ${step} leaves nothing to do`, async () => {
      await withNode(async (fleet) => {
        const gone = { type: 'NodeGone', retryable: false, times: 1 } as const;
        fleet.inject({ step, when: 'Before', ...gone });
        const outcome = await run('Drain');
        assert.equal(outcome.outcome, 'Skipped');
        assert.match(outcome.reasons[0] ?? '', /^NodeGone: .*nothing was changed on it/);
        assert.equal(fleet.count('quarantine'), 0);
        assert.equal(fleet.count('unstage'), 0, 'the host is gone as well');
      });
    });
  }

  it('needs no uncordon, neither when it was updated nor when it was put back', async () => {
    for (const ends of ['Updated', 'RolledBack']) {
      await withNode(async (fleet) => {
        const gone = { type: 'NodeGone', retryable: false, times: 1 } as const;
        fleet.inject({ step: 'uncordon', when: 'After', ...gone });
        if (ends === 'RolledBack') {
          fleet.inject({ step: 'apply', when: 'After', ...gone, type: 'ApplyFailed' });
        }
        const outcome = await run('Drain');
        assert.equal(outcome.outcome, ends);
        assert.match(outcome.notes?.join() ?? '', /its Node object is gone/);
      });
    }
  });
});

describe('a node that a terminated run has left cordoned', () => {
  const leave = (fleet: FakeFleet) =>
    Object.assign(fleet.node(NODE), { cordoned: true, lease: ID } satisfies Partial<FakeNode>);

  it('is uncordoned although its new turn ends before the cordon', async () => {
    await withNode(async (fleet) => {
      leave(fleet);
      fleet.inject({
        step: 'stage',
        when: 'Before',
        type: 'DigestMismatch',
        retryable: false,
        times: 1,
      });
      const outcome = await run('Drain');
      assert.equal(outcome.outcome, 'RolledBack');
      assertInvariant(fleet, outcome);
    });
  });

  it('is left to a person where the new run is cancelled before it holds the node', async () => {
    await withNode(async (fleet) => {
      leave(fleet);
      Object.assign(fleet.node(NODE), { version: 'half-way' });
      cancelDuring(fleet, 'inspect');
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'NeedsAttention');
      assert.match(outcome.reasons[0] ?? '', /was ended from outside in its midst.*: cancelled/);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('a transaction of another run that still runs on the host', () => {
  const units = ['tidegate-tx-earlier-apply'];

  it('is waited for before the node is judged', async () => {
    await withNode(async (fleet) => {
      fleet.transactionsNow = () => (fleet.count('inspect') < 20 ? units : []);
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'Updated');
      assert.ok(fleet.count('inspect') >= 20);
      assertInvariant(fleet, outcome);
    });
  });

  it('that never ends leaves the node alone, and says which', async () => {
    await withNode(async (fleet) => {
      fleet.transactionsNow = () => units;
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'Skipped');
      assert.match(outcome.reasons[0] ?? '', /tidegate-tx-earlier-apply of another run/);
      assert.equal(fleet.count('lease'), 0);
    });
  });
});

describe('right before a node is disturbed', () => {
  /** Staging takes half a minute. */
  const stageSlowly = (fleet: FakeFleet) =>
    fleet.inject({
      step: 'stage',
      when: 'Before',
      type: 'HostUnreachable',
      retryable: true,
      times: 5,
    });

  it('a hold that came while it was staged is waited for, before anything is disturbed', async () => {
    await withNode(async (fleet) => {
      stageSlowly(fleet);
      let looks = 0;
      fleet.holdsNow = () => {
        assert.equal(fleet.node(NODE).cordoned, false);
        return ++looks < 4 ? [{ node: NODE, reason: 'kured works on it' }] : [];
      };
      const outcome = await run('Drain');
      assert.equal(outcome.outcome, 'Updated');
      assert.equal(looks, 4);
      assert.equal(fleet.recoveryIgnored, true, 'that is for the wave to judge');
      assertInvariant(fleet, outcome);
    });
  });

  it('one that does not end leaves the node alone', async () => {
    await withNode(async (fleet) => {
      stageSlowly(fleet);
      fleet.holdsNow = () => [{ reason: 'a CronJob fires' }];
      const outcome = await run('Drain');
      assert.equal(outcome.outcome, 'Skipped');
      assert.match(outcome.reasons[0] ?? '', /held back for more than \d+ s: a CronJob fires/);
      assert.equal(fleet.count('cordon'), 0);
      assertInvariant(fleet, outcome);
    });
  });

  it('nothing is asked again where the wave has looked a moment ago', async () => {
    await withNode(async (fleet) => {
      fleet.holdsNow = () => assert.fail('no look is due');
      assert.equal((await run('Drain')).outcome, 'Updated');
    });
  });

  for (const [what, change, reason] of [
    ['has uncordoned', (node) => (node.cordoned = false), /somebody has uncordoned the node/],
    ['has taken the lease of', (node) => (node.lease = undefined), /its lease .* was taken off/],
  ] as [string, (node: FakeNode) => void, RegExp][]) {
    it(`nothing is changed where somebody ${what} it`, async () => {
      await withNode(async (fleet) => {
        fleet.during(async (step, name) => {
          if (step === 'drain') change(fleet.node(name));
        });
        const outcome = await run('Drain');
        assert.equal(outcome.outcome, 'Skipped');
        assert.match(outcome.reasons[0] ?? '', reason);
        assert.equal(fleet.node(NODE).version, FROM);
        assert.equal(fleet.count('apply'), 0);
        assertInvariant(fleet, outcome);
      });
    });
  }
});

describe('pods that come while packages are installed', () => {
  it('go before the reboot; where they can not, the node is put back', async () => {
    await withNode(async (fleet) => {
      fleet.during(async (step) => {
        if (step !== 'apply') return;
        fleet.inject({
          step: 'drain',
          when: 'Before',
          type: 'DrainBlocked',
          retryable: false,
          times: 1,
        });
      });
      const outcome = await run('Reboot', { atTimeout: 'Quarantine' });
      assert.equal(outcome.outcome, 'RolledBack');
      assert.equal(fleet.count('reboot'), 0);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('an outcome', () => {
  it('lists what fits, and says how much more there is', async () => {
    await withNode(async (fleet) => {
      const evicted = Array.from({ length: 150 }, (_, index) => `shop/web-${index}`);
      const notes = ['x'.repeat(5000), ...evicted];
      const details = [[], { evicted, jobPodsEvicted: [], notes }];
      const fault = { times: 1, type: 'DrainBlocked', retryable: false, details } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      const outcome = await run('Drain');
      assert.equal(outcome.podsEvicted.length, 110);
      assert.equal(outcome.notes?.[0]?.length, 1001);
      assert.deepEqual(outcome.notes?.slice(-2), [
        'and 131 more notes',
        'and 40 more evicted pods',
      ]);
    });
  });
});
