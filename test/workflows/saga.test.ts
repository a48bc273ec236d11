/**
 * One node's saga: every step fails before and after its effect, is repeated, and is cancelled in;
 * every undo is repeated and made impossible. After each run one invariant holds over the node.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FROM, TO } from './fake-fleet.ts';
import { assertInvariant, cancelDuring, NODE, run, withNode } from './saga-kit.ts';

const BEFORE = ['inspect', 'lease', 'stage', 'cordon', 'drain'] as const;
const FORWARD = [...BEFORE, 'apply', 'reboot', 'verify'] as const;
const FINAL = ['uncordon', 'release'] as const;
const UNDOS = ['revert', 'uncordon', 'unstage', 'release'] as const;

describe('one node', () => {
  it('goes through the saga in order', async () => {
    await withNode(async (fleet) => {
      const outcome = await run();
      assert.equal(outcome.outcome, 'Updated');
      assert.deepEqual(
        fleet.calls.map((call) => call.split(' ')[0]),
        [...BEFORE, 'inspect', 'apply', 'drain', 'reboot', 'verify', ...FINAL],
      );
      assert.deepEqual(outcome.podsEvicted, ['shop/web-1']);
      assert.deepEqual(outcome.packages, [
        { name: 'containerd', before: FROM, after: TO, daemon: TO },
      ]);
      assertInvariant(fleet, outcome);
    });
  });

  for (const [disruption, absent] of [
    ['Drain', ['reboot']],
    ['Restart', ['reboot', 'drain']],
    ['None', ['reboot', 'drain', 'cordon', 'uncordon']],
  ] as const) {
    it(`disturbs no more than class ${disruption} asks for`, async () => {
      await withNode(async (fleet) => {
        assertInvariant(fleet, await run(disruption));
        for (const step of absent) assert.equal(fleet.count(step), 0, step);
      });
    });
  }

  it('leaves a node alone that is as wanted already, or that another holds', async () => {
    await withNode(async (fleet) => {
      fleet.node(NODE).lease = 'rollout/other';
      const held = await run();
      assert.equal(held.outcome, 'Skipped');
      assert.match(held.reasons[0] ?? '', /LeaseHeld: held by rollout\/other/);
      assert.equal(fleet.node(NODE).lease, 'rollout/other');
      assert.equal(fleet.count('stage'), 0);
    });
    await withNode(async (fleet) => {
      fleet.node(NODE).version = TO;
      assert.equal((await run()).outcome, 'AlreadyDone');
      assert.deepEqual(fleet.calls, [`inspect ${NODE}`]);
    });
  });

  it('skips a node that is not as planned, with every reason', async () => {
    await withNode(async (fleet) => {
      fleet.node(NODE).version = '1.6.19';
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assert.equal(outcome.reasons.length, 2);
      assert.deepEqual(fleet.calls, [`inspect ${NODE}`]);
    });
  });

  it('keeps a node cordoned that was cordoned before, in success and in failure', async () => {
    await withNode(async (fleet) => {
      fleet.node(NODE).cordoned = true;
      assertInvariant(fleet, await run(), true);
    });
    await withNode(async (fleet) => {
      fleet.node(NODE).cordoned = true;
      fleet.broken.add(TO);
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assertInvariant(fleet, outcome, true);
    });
  });
});

describe('every step', () => {
  for (const step of FORWARD) {
    for (const when of ['Before', 'After'] as const) {
      it(`${step} fails for good ${when.toLowerCase()} its effect`, async () => {
        await withNode(async (fleet) => {
          fleet.inject({ step, when, times: 1, type: 'ApplyFailed', retryable: false });
          const outcome = await run();
          const alone = step === 'inspect' || step === 'lease';
          assert.equal(outcome.outcome, alone ? 'Skipped' : 'RolledBack');
          assert.match(outcome.reasons[0] ?? '', /injected into/);
          assertInvariant(fleet, outcome);
        });
      });
    }
  }

  for (const step of [...FORWARD, ...FINAL]) {
    it(`${step} is repeated after it took effect`, async () => {
      await withNode(async (fleet) => {
        fleet.inject({ step, when: 'After', times: 2, type: 'HostUnreachable', retryable: true });
        const outcome = await run();
        assert.equal(outcome.outcome, 'Updated');
        // A node is looked at when it begins and right before it is changed, and emptied again before its reboot.
        assert.equal(fleet.count(step), step === 'inspect' || step === 'drain' ? 4 : 3);
        assert.equal(fleet.node(NODE).installs, 1);
        assertInvariant(fleet, outcome);
      });
    });

    it(`${step} is cancelled in`, async () => {
      await withNode(async (fleet) => {
        cancelDuring(fleet, step);
        const outcome = await run();
        assertInvariant(fleet, outcome);
        // Once it is verified the update stands.
        const done = ['verify', ...FINAL].includes(step);
        const alone = step === 'inspect';
        assert.equal(outcome.outcome, done ? 'Updated' : alone ? 'Skipped' : 'RolledBack');
      });
    });
  }

  for (const step of FINAL) {
    it(`${step} that can't be done leaves the node to a person`, async () => {
      await withNode(async (fleet) => {
        const type = 'KubernetesForbidden';
        fleet.inject({ step, when: 'Before', times: 1, type, retryable: false });
        const outcome = await run();
        assert.equal(outcome.outcome, 'NeedsAttention');
        assertInvariant(fleet, outcome);
      });
    });
  }
});

describe('every undo', () => {
  for (const step of UNDOS) {
    it(`${step} is repeated after it took effect`, async () => {
      await withNode(async (fleet) => {
        fleet.broken.add(TO);
        fleet.inject({ step, when: 'After', times: 2, type: 'HostUnreachable', retryable: true });
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.equal(fleet.count(step), 3);
        assertInvariant(fleet, outcome);
      });
    });

    it(`${step} that fails for good ${step === 'unstage' ? 'is a note' : 'leaves the node cordoned'} and says so`, async () => {
      await withNode(async (fleet) => {
        fleet.broken.add(TO);
        fleet.inject({ step, when: 'Before', times: 1, type: 'ApplyFailed', retryable: false });
        const outcome = await run();
        assertInvariant(fleet, outcome);
        // Staged packages that are left behind harm nobody.
        if (step === 'unstage') {
          assert.equal(outcome.outcome, 'RolledBack');
          assert.match(outcome.notes?.join() ?? '', /left in \/var\/cache\/tidegate: ApplyFailed/);
          return;
        }
        assert.equal(outcome.outcome, 'NeedsAttention');
        assert.match(outcome.reasons[0] ?? '', /VerificationFailed.*the undo failed/);
      });
    });

    it(`${step} is not stopped by a cancellation`, async () => {
      await withNode(async (fleet) => {
        fleet.broken.add(TO);
        cancelDuring(fleet, step);
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assertInvariant(fleet, outcome);
      });
    });
  }

  it('is retried until the deadline, then the node is left to a person', async () => {
    await withNode(async (fleet) => {
      fleet.broken.add(TO);
      const type = 'HostUnreachable';
      fleet.inject({ step: 'revert', when: 'Before', times: 10_000, type, retryable: true });
      const outcome = await run();
      assert.equal(outcome.outcome, 'NeedsAttention');
      assert.ok(fleet.count('revert') > 10, 'retried until the deadline');
      assertInvariant(fleet, outcome);
    });
  });

  it('is verified: a node that does not come back is left to a person', async () => {
    await withNode(async (fleet) => {
      fleet.broken.add(TO).add(FROM);
      const outcome = await run();
      assert.equal(outcome.outcome, 'NeedsAttention');
      assertInvariant(fleet, outcome);
    });
  });
});
