/** What holds a node right before it is disturbed, who judges recovery, and what is left to others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { JOBS_MESSAGE, type NodeInput } from '../../workflows/contract.ts';
import { type FakeFleet, type FakeNode, FROM } from './fake-fleet.ts';
import { assertInvariant, begin, handle, NODE, pass, untilAsked, withNode } from './saga-kit.ts';

async function run(drain: object = {}, more: Partial<NodeInput> = {}) {
  return await (await begin('Drain', drain, more)).result();
}

/** Staging takes half a minute. */
function stageSlowly(fleet: FakeFleet): void {
  const fault = { type: 'HostUnreachable', retryable: true, times: 5 } as const;
  fleet.inject({ step: 'stage', when: 'Before', ...fault });
}

/** Somebody else changes the node while it is drained. */
function whileDrained(fleet: FakeFleet, change: (node: FakeNode) => void): void {
  fleet.during(async (step, name) => {
    if (step === 'drain') change(fleet.node(name));
  });
}

describe('recovery right before the cordon', () => {
  it('is waited for where the wave says what was unhealthy before', async () => {
    await withNode(async (fleet) => {
      stageSlowly(fleet);
      fleet.holdsNow = () =>
        fleet.looks.length < 3 ? [{ reason: 'Deployment shop/web has 5 of 6 pods ready' }] : [];
      const unhealthyBefore = ['Deployment/shop/old'];
      const outcome = await run({}, { unhealthyBefore });
      assert.equal(outcome.outcome, 'Updated');
      const look = { nodes: [NODE], recovery: 'Wait', unhealthyBefore };
      assert.deepEqual(fleet.looks, [look, look, look]);
    });
  });

  it('is no matter of a node that is cordoned: it has made workloads unwell itself', async () => {
    await withNode(async (fleet) => {
      const fault = { type: 'JobsUndecided', retryable: false, times: 1 } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' }, { unhealthyBefore: [] });
      await untilAsked();
      await pass(60_000);
      await handle().executeUpdate(JOBS_MESSAGE, { args: [{ by: 'night-shift', choice: 'Wait' }] });
      const outcome = await running.result();
      assert.equal(outcome.outcome, 'Updated');
      assert.deepEqual(fleet.looks, [{ nodes: [NODE], recovery: 'Ignore' }]);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('an answer about Jobs that comes late', () => {
  it('is no reason to go on while another tool works on the node', async () => {
    await withNode(async (fleet) => {
      const fault = { type: 'JobsUndecided', retryable: false, times: 1 } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      fleet.holdsNow = () => [{ node: NODE, reason: 'kured works on it' }];
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await pass(60_000);
      await handle().executeUpdate(JOBS_MESSAGE, { args: [{ by: 'night-shift', choice: 'Wait' }] });
      const outcome = await running.result();
      assert.equal(outcome.outcome, 'Skipped');
      assert.match(outcome.reasons[0] ?? '', /held back for more than \d+ s: kured works on it/);
      assert.equal(fleet.count('drain'), 1);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('a cluster that cannot be read right before the cordon', () => {
  const away = () => {
    throw ApplicationFailure.nonRetryable('away', 'KubernetesForbidden');
  };

  it('is waited for, before anything is disturbed', async () => {
    await withNode(async (fleet) => {
      stageSlowly(fleet);
      fleet.holdsNow = () => (fleet.looks.length < 4 ? away() : []);
      const outcome = await run();
      assert.equal(outcome.outcome, 'Updated');
      assert.equal(fleet.looks.length, 4);
      assertInvariant(fleet, outcome);
    });
  });

  it('for too long leaves the node alone, which is no failure of the update', async () => {
    await withNode(async (fleet) => {
      stageSlowly(fleet);
      fleet.holdsNow = away;
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assert.match(outcome.reasons[0] ?? '', /held back .* can't be read: KubernetesForbidden/);
      assert.equal(fleet.count('cordon'), 0);
      assertInvariant(fleet, outcome);
    });
  });
});

describe('what is not ours any more', () => {
  it('is left to who has leased the node meanwhile, with its cordon', async () => {
    await withNode(async (fleet) => {
      whileDrained(fleet, (node) => (node.lease = 'somebody'));
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assert.match(outcome.reasons[0] ?? '', /its lease .* is somebody's now/);
      assert.match(outcome.notes?.join() ?? '', /cordon was left as it is.*held by somebody/);
      const { version, cordoned, lease, staged, attention } = fleet.node(NODE);
      assert.deepEqual(
        { version, cordoned, lease, staged, attention },
        { version: FROM, cordoned: true, lease: 'somebody', staged: false, attention: undefined },
      );
    });
  });

  it('is not cordoned again where it was found cordoned, and somebody took that off', async () => {
    await withNode(async (fleet) => {
      fleet.node(NODE).cordoned = true;
      whileDrained(fleet, (node) => (node.cordoned = false));
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assertInvariant(fleet, outcome, false);
    });
  });
});
