/** A node is looked at before anything is disturbed: what fails already is no fault of the update. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { FROM, TO } from './fake-fleet.ts';
import { assertInvariant, handle, NODE, run, withNode } from './saga-kit.ts';

/** Heartbeats, which is how an activity learns of its cancellation. */
async function untilCancelled(context: Context): Promise<void> {
  for (let i = 0; i < 100 && !context.cancellationSignal.aborted; i++) {
    context.heartbeat();
    await delay(50);
  }
}

const IMAGE = 'ErrImagePull: registry.example/probe:1';

describe('the baseline of a node', () => {
  it('is taken once, and told to every verification', async () => {
    await withNode(async (fleet) => {
      const execContainer = { namespace: 'shop', pod: 'web', container: 'main' };
      fleet.baselineNow = { alreadyFailing: {}, unwellPods: ['shop/web-1'], execContainer };
      fleet.broken.add(TO);
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.deepEqual(fleet.baselines, [NODE]);
      // Of the update and of its undo.
      assert.deepEqual(fleet.verifiedWith, [fleet.baselineNow, fleet.baselineNow]);
      assert.deepEqual(fleet.probesCleared, []);
    });
  });

  it('in which the probe cannot run leaves the node untouched, and says what to do', async () => {
    await withNode(async (fleet) => {
      fleet.baselineNow = { alreadyFailing: { probe: [IMAGE] }, unwellPods: [] };
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assert.equal(
        outcome.reasons[0],
        `the probe could not run before anything was changed: ${IMAGE}; set verification.probeImage to an image that this cluster allows and can pull, or leave it out`,
      );
      for (const step of ['cordon', 'drain', 'apply', 'revert', 'verify'] as const) {
        assert.equal(fleet.count(step), 0, step);
      }
      assert.equal(fleet.node(NODE).staged, false);
      assertInvariant(fleet, outcome);
    });
  });

  it('with a DaemonSet that is not Ready lets the update go on, and its notes are told', async () => {
    await withNode(async (fleet) => {
      const DaemonSets = ['kube-system/foo'];
      fleet.baselineNow = {
        alreadyFailing: { DaemonSets, node: ['DiskPressure'] },
        unwellPods: [],
      };
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'Updated');
      assert.deepEqual(outcome.notes, ['was not Ready before: kube-system/foo']);
      assertInvariant(fleet, outcome);
    });
  });

  it('tells the notes of an undo as well', async () => {
    await withNode(async (fleet) => {
      fleet.baselineNow = {
        alreadyFailing: { DaemonSets: ['kube-system/foo'] },
        unwellPods: [],
      };
      fleet.broken.add(TO);
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'RolledBack');
      assert.deepEqual(outcome.notes, ['was not Ready before: kube-system/foo']);
    });
  });

  it('of a node that is not Ready any more leaves it alone', async () => {
    await withNode(async (fleet) => {
      fleet.baselineNow = { alreadyFailing: { node: ['Ready'] }, unwellPods: [] };
      const outcome = await run();
      assert.deepEqual(outcome.reasons, ['the node is not Ready any more']);
      assert.equal(outcome.outcome, 'Skipped');
      assertInvariant(fleet, outcome);
    });
  });

  it('that fails undoes the staging beside it, and takes the probe away that it may have left', async () => {
    await withNode(async (fleet) => {
      const type = 'KubernetesForbidden';
      fleet.inject({ step: 'baseline', when: 'Before', times: 1, type, retryable: false });
      // Staging has ended by then.
      fleet.duringBaseline = async () => await delay(300);
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.match(outcome.reasons[0] ?? '', /injected into baseline/);
      assert.deepEqual(fleet.probesCleared, [NODE]);
      assert.equal(fleet.node(NODE).staged, false);
      assert.equal(fleet.node(NODE).version, FROM);
      assertInvariant(fleet, outcome);
    });
  });

  it('is asked again where a retry may help', async () => {
    await withNode(async (fleet) => {
      const type = 'KubernetesUnreachable';
      fleet.inject({ step: 'baseline', when: 'Before', times: 2, type, retryable: true });
      assert.equal((await run()).outcome, 'Updated');
      assert.equal(fleet.baselines.length, 3);
    });
  });

  it('is waited for where staging fails, before that is undone', async () => {
    await withNode(async (fleet) => {
      let ended = false;
      fleet.duringBaseline = async () => {
        await delay(300);
        ended = true;
      };
      const order: boolean[] = [];
      fleet.during(async (step) => {
        if (step === 'unstage') order.push(ended);
      });
      const type = 'DiskFull';
      fleet.inject({ step: 'stage', when: 'After', times: 1, type, retryable: false });
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.match(outcome.reasons[0] ?? '', /injected into stage/);
      assert.deepEqual(order, [true]);
      assertInvariant(fleet, outcome);
    });
  });

  it('is cancelled with the run', async () => {
    await withNode(async (fleet) => {
      fleet.duringBaseline = async (context) => {
        // Staging has ended by then.
        await delay(300);
        await handle().cancel();
        await untilCancelled(context);
        throw new CancelledFailure('cancelled');
      };
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.deepEqual(outcome.reasons, ['cancelled']);
      assert.deepEqual(fleet.probesCleared, [NODE]);
      assertInvariant(fleet, outcome);
    });
  });
});
