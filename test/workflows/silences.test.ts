/** Alerts of a node are silenced exactly while it is in work, and no node waits for that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JOBS_MESSAGE, type NodeOutcome } from '../../workflows/contract.ts';
import { alertsSchema } from '../../workflows/domain/analysis-spec.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { MOST_RENEWALS } from '../../workflows/node-silence.ts';
import type { FakeFleet, StepName } from './fake-fleet.ts';
import { nodeInput } from './fixtures.ts';
import {
  assertInvariant,
  begin,
  cancelDuring,
  counts,
  handle,
  NODE,
  pass,
  untilAsked,
  withNode,
} from './saga-kit.ts';

const alerts = alertsSchema.parse({ alertmanager: 'http://192.0.2.9:9093', leaseSeconds: 60 });

function start(disruption: Disruption, drain: object = {}) {
  const { policy } = nodeInput(disruption);
  const spec = { ...policy, alerts, drain: { ...policy.drain, ...drain } };
  return begin(disruption, {}, { policy: spec });
}

async function run(disruption: Disruption = 'Drain', drain: object = {}): Promise<NodeOutcome> {
  return await (await start(disruption, drain)).result();
}

/** Returns by step whether alerts were silenced in its midst; steps that come twice count as the last. */
function watch(fleet: FakeFleet): Map<StepName, boolean> {
  const seen = new Map<StepName, boolean>();
  fleet.during(async (step, node) => void seen.set(step, fleet.alerts.silenced.has(node)));
  return seen;
}

/** Nothing is silenced any more, and nothing was renewed after that was said. */
function assertHeard({ alerts: told }: FakeFleet): void {
  assert.deepEqual([...told.silenced], []);
  assert.equal(told.calls.at(-1), `unsilence ${NODE}`);
  assert.equal(told.count(`unsilence ${NODE}`), 1);
}

describe('alerts of a node', () => {
  it('are silenced from right before the cordon until it is handed back', async () => {
    await withNode(async (fleet) => {
      const seen = watch(fleet);
      const outcome = await run('Reboot');
      assert.equal(outcome.outcome, 'Updated');
      const quiet = [...seen].filter(([, silenced]) => silenced).map(([step]) => step);
      const steps = ['cordon', 'drain', 'inspect', 'apply', 'reboot', 'verify'];
      assert.deepEqual(quiet.sort(), [...steps, 'uncordon', 'release'].sort());
      assert.equal(seen.get('stage'), false);
      assert.equal(outcome.notes, undefined);
      assertHeard(fleet);
    });
  });

  it('are silenced where nothing is cordoned as well', async () => {
    await withNode(async (fleet) => {
      const seen = watch(fleet);
      await run('None');
      assert.equal(seen.get('apply'), true);
      assertHeard(fleet);
    });
  });

  it('are left alone where the policy says nothing of them', async () => {
    await withNode(async (fleet) => {
      await (await begin('Drain', {})).result();
      assert.deepEqual(fleet.alerts.calls, []);
    });
  });

  it('are left alone where there is nothing to do', async () => {
    await withNode(async (fleet) => {
      await run();
      fleet.alerts.calls.length = 0;
      assert.equal((await run()).outcome, 'AlreadyDone');
      assert.deepEqual(fleet.alerts.calls, []);
    });
  });

  it('stay silenced as long as a node is in work, by a lease that is renewed', async () => {
    await withNode(async (fleet) => {
      const fault = { type: 'JobsUndecided', retryable: false, times: 1 } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      const running = await start('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await pass(200_000);
      const renewed = fleet.alerts.count(`silence ${NODE}`);
      assert.ok(renewed >= 6 && renewed <= 8, `${renewed} in 200 s, one each 30 s and the first`);
      await handle().executeUpdate(JOBS_MESSAGE, { args: [{ by: 'night-shift', choice: 'Wait' }] });
      assert.equal((await running.result()).outcome, 'Updated');
      await pass(200_000);
      assertHeard(fleet);
    });
  });

  it('are heard after a hundred leases, whoever has forgotten to answer', async () => {
    await withNode(async (fleet) => {
      const fault = { type: 'JobsUndecided', retryable: false, times: 1 } as const;
      fleet.inject({ step: 'drain', when: 'Before', ...fault });
      const running = await start('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await pass(101 * alerts.leaseSeconds * 1000);
      assert.equal(fleet.alerts.count(`silence ${NODE}`), MOST_RENEWALS + 1);
      await pass(600_000);
      assert.equal(fleet.alerts.count(`silence ${NODE}`), MOST_RENEWALS + 1);
      await handle().executeUpdate(JOBS_MESSAGE, { args: [{ by: 'night-shift', choice: 'Wait' }] });
      const outcome = await running.result();
      assert.match(outcome.notes?.join() ?? '', /heard again while it was in work/);
      assertHeard(fleet);
    });
  });
});

describe('alerts of a node that is put back', () => {
  for (const step of ['cordon', 'drain', 'apply', 'verify'] as const) {
    it(`are silenced until the last undo, after a failure of ${step}`, async () => {
      await withNode(async (fleet) => {
        const seen = watch(fleet);
        const fault = { type: 'KubernetesForbidden', retryable: false, times: 1 } as const;
        fleet.inject({ step, when: 'Before', ...fault });
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.equal(seen.get('release'), true);
        assertInvariant(fleet, outcome);
        assertHeard(fleet);
      });
    });

    // What was verified when the cancellation comes stands.
    if (step === 'verify') continue;
    it(`are silenced until the last undo, cancelled in the middle of ${step}`, async () => {
      await withNode(async (fleet) => {
        cancelDuring(fleet, step);
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assertInvariant(fleet, outcome);
        assertHeard(fleet);
      });
    });
  }

  it('are heard as well where it is cancelled while they are being silenced', async () => {
    await withNode(async (fleet) => {
      let cancelled = false;
      fleet.alerts.during = async () => {
        if (cancelled) return;
        cancelled = true;
        await handle().cancel();
      };
      const outcome = await run();
      assert.equal(outcome.outcome, 'RolledBack');
      assert.equal(fleet.count('cordon'), 0);
      assertHeard(fleet);
    });
  });

  it('are heard before somebody is called: the quarantine waits for that', async () => {
    await withNode(async (fleet) => {
      const fault = { type: 'KubernetesForbidden', retryable: false } as const;
      fleet.inject({ step: 'verify', when: 'Before', ...fault, times: 100 });
      const seen = watch(fleet);
      const outcome = await run();
      assert.equal(outcome.outcome, 'NeedsAttention');
      assert.equal(seen.get('revert'), true);
      assert.equal(seen.get('quarantine'), false);
      assertInvariant(fleet, outcome);
      assertHeard(fleet);
    });
  });
});

describe('an Alertmanager that is away', () => {
  for (const problem of ['Noted', 'Thrown'] as const) {
    it(`holds up nothing and is noted (${problem})`, async () => {
      await withNode(async (fleet) => {
        fleet.alerts.problem = problem;
        const outcome = await run();
        assert.equal(outcome.outcome, 'Updated');
        const notes = outcome.notes?.filter((note) => /silence/.test(note)) ?? [];
        assert.match(notes[0] ?? '', new RegExp(`^alerts of ${NODE} were not silenced: `));
        assert.match(notes[1] ?? '', new RegExp(`^silences of ${NODE} were not ended`));
        assert.equal(notes.length, 2);
      });
    });
  }

  it('is asked again while the node is in work', async () => {
    await withNode(async (fleet) => {
      fleet.alerts.problem = 'Noted';
      fleet.inject({
        step: 'drain',
        when: 'Before',
        type: 'HostUnreachable',
        retryable: true,
        times: 6,
      });
      fleet.alerts.during = async () => {
        if (fleet.alerts.calls.length > 1) fleet.alerts.problem = 'None';
      };
      const seen = watch(fleet);
      const outcome = await run();
      assert.equal(outcome.outcome, 'Updated');
      assert.equal(seen.get('uncordon'), true);
      assert.match(outcome.notes?.join() ?? '', /were not silenced: away/);
      assertHeard(fleet);
    });
  });
});

describe('what a node tells to be counted', () => {
  it('is its outcome once, its phases and the pods that went', async () => {
    await withNode(async () => {
      const before = counts().of('tidegate_nodes_total');
      const pods = counts().of('tidegate_pods_evicted_total')['cluster=east'] ?? 0;
      await run();
      const after = counts().of('tidegate_nodes_total');
      const key = 'outcome=Updated,cluster=east,direction=Forward';
      assert.deepEqual(after, { ...before, [key]: (before[key] ?? 0) + 1 });
      assert.equal(counts().of('tidegate_pods_evicted_total')['cluster=east'], pods + 1);
      const steps = [...counts().values.keys()].filter((name) => /step_duration/.test(name));
      for (const step of ['Inspecting', 'Draining', 'Applying', 'Releasing']) {
        assert.ok(
          steps.some((name) => name.includes(`step=${step}`)),
          steps.join(' '),
        );
      }
      assert.ok(!steps.some((name) => /Pending|Updated/.test(name)), steps.join(' '));
    });
  });
});
