/** The command line against a real Temporal server, the real workflows and a fake fleet. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { RolloutClient } from '../../client/rollout-client.ts';
import type { RolloutView } from '../../client/view.ts';
import { invertPlan } from '../../workflows/domain/plan.ts';
import type { Plan, PlannedWave } from '../../workflows/domain/plan-types.ts';
import { startTestBed, type TestBed } from '../workflows/environment.ts';
import { type FakeFleet, FROM, TO } from '../workflows/fake-fleet.ts';
import { hash, planOf, policy, rolloutOf } from '../workflows/fixtures.ts';
import { type Ran, run } from './kit.ts';

const NODES = ['east-1', 'east-2', 'east-3'];
let bed: TestBed;
let client: RolloutClient;

before(async () => {
  bed = await startTestBed();
  client = new RolloutClient({
    client: new Client({ connection: bed.env.connection }),
    address: bed.env.address,
    namespace: 'default',
    close: async () => undefined,
  });
});
after(() => bed.close());

/** A plan whose nodes are drained, and whose policy asks about Jobs that outlast their time. */
function askingPlan(): Plan {
  const drain = { ...policy.spec.drain, jobsAtTimeout: 'Ask' as const };
  const asking = { ...policy, spec: { ...policy.spec, drain } };
  return quick(planOf({ count: NODES.length, disruption: 'Drain', policy: asking }));
}

/** Soaks are left out: without somebody waiting for a result the test server's time is real. */
function quick(plan: Plan): Plan {
  const unsoaked = (wave: PlannedWave) => ({ ...wave, soakSeconds: 0 });
  return { ...plan, waves: plan.waves.map(unsoaked) };
}

async function withRollout(
  name: string,
  body: (args: { fleet: FakeFleet; plan: Plan; started: Ran }) => Promise<void>,
  plan = quick(planOf({ count: NODES.length })),
): Promise<void> {
  await bed.withFleet(NODES, async (fleet) => {
    fleet.planned = { plan, impact: [] };
    fleet.rollbackPlan = (given, nodes) => invertPlan({ plan: given, nodes, hash });
    const document = { ...rolloutOf(), metadata: { name } };
    const started = await tidegate(['start', '-'], JSON.stringify(document));
    await untilPhase(name, 'AwaitingApproval');
    await body({ fleet, plan, started });
  });
}

async function tidegate(argv: readonly string[], stdin = ''): Promise<Ran> {
  return await run(argv, { client, stdin });
}

async function untilShown(name: string, pattern: RegExp): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const { out } = await tidegate(['status', name]);
    if (pattern.test(out)) return out;
    await delay(20);
  }
  return assert.fail(`${name} never showed ${pattern}`);
}

async function untilPhase(name: string, phase: string): Promise<RolloutView> {
  for (let i = 0; i < 200; i++) {
    const view = await client.status(name);
    if (view.status?.phase === phase) return view;
    assert.equal(view.state, 'Running', JSON.stringify(view));
    await delay(20);
  }
  return assert.fail(`${name} never reached ${phase}`);
}

describe('the command line', () => {
  it('starts, approves, watches and shows a rollout', async () => {
    await withRollout('whole', async ({ fleet, plan, started }) => {
      assert.equal(started.code, 0);
      assert.match(
        started.out,
        /^Rollout whole started \(workflow rollout\/whole\); waits for approval of sha256:/,
      );

      const twice = await tidegate(
        ['start', '-'],
        JSON.stringify({ ...rolloutOf(), metadata: { name: 'whole' } }),
      );
      assert.equal(twice.code, 3);
      assert.match(
        twice.err,
        /Rollout whole runs already\. Look at it with "tidegate status whole"/,
      );

      const shown = await tidegate(['status', 'whole', '--plan']);
      assert.match(shown.out, new RegExp(`Digest {2}${plan.digest}\n`));
      assert.match(shown.out, /\n {2}tidegate approve whole --digest sha256:/);

      const wrong = await tidegate([
        'approve',
        'whole',
        '--digest',
        'sha256:123',
        '--as',
        'sre-lead',
      ]);
      assert.equal(wrong.code, 3);
      assert.match(
        wrong.err,
        /^error: Refused: "digest" is sha256:123, but the plan that waits is/,
      );

      const own = ['approve', 'whole', '--digest', plan.digest, '--as', 'platform-oncall'];
      assert.match((await tidegate(own)).err, /platform-oncall requested this rollout/);

      const paused = await tidegate(['pause', 'whole', '--as', 'sre-lead', '--reason', 'lunch']);
      assert.match(paused.out, /^whole: no further node starts until it is resumed/);
      const held = (await tidegate(['status', 'whole'])).out;
      assert.match(held, /Waits for\t?\s*somebody to resume it \(paused by sre-lead: lunch\)/);
      assert.match(held, /tidegate resume whole --as WHO/);
      assert.equal(
        (await tidegate(['resume', 'whole', '--as', 'sre-lead'])).out,
        'whole: it goes on\n',
      );
      const again = await tidegate(['resume', 'whole', '--as', 'sre-lead']);
      assert.equal(again.code, 3);
      assert.match(again.err, /it is not paused/);

      const short = plan.digest.slice(0, 'sha256:'.length + 12);
      const approved = await tidegate(['approve', 'whole', '--digest', short, '--as', 'sre-lead']);
      assert.equal(approved.code, 0);
      assert.equal(approved.out, 'whole: approved: the rollout starts\n');

      const watched = await tidegate(['watch', 'whole']);
      assert.equal(watched.code, 0);
      assert.match(watched.out, /\trollout\twhole\tSucceeded\n/);
      assert.match(watched.out, /\n3 nodes updated, 0 pods evicted, 0 Job pods lost\n$/);
      assert.deepEqual(
        [...fleet.nodes.values()].map((node) => node.version),
        [TO, TO, TO],
      );

      const late = await tidegate(['stop', 'whole', '--as', 'sre-lead']);
      assert.equal(late.code, 3);
      assert.match(late.err, /Rollout whole has ended/);

      const json = JSON.parse((await tidegate(['status', 'whole', '--output', 'json'])).out);
      assert.equal(json.outcome.outcome, 'Succeeded');
      assert.equal((await client.waitFor('whole')).outcome, 'Succeeded');
    });
  });

  it('takes a finished rollout back with a rollout of its own', async () => {
    await withRollout('undone', async ({ fleet, plan }) => {
      await tidegate(['approve', 'undone', '--digest', plan.digest, '--as', 'sre-lead']);
      await client.waitFor('undone');
      const nodes = NODES.map((node) => `east/${node}`);
      const back = invertPlan({ plan, nodes, hash });
      fleet.planned = { plan: back, impact: [] };

      const sent = await tidegate(['rollback', 'undone', '--as', 'sre-lead', '--reason', 'errors']);
      assert.equal(sent.code, 0);
      assert.match(sent.out, /^Rollout undone-back started .*; waits for approval of sha256:/);
      const view = await untilPhase('undone-back', 'AwaitingApproval');
      assert.equal(view.about?.direction, 'Back');
      await tidegate(['approve', 'undone-back', '--digest', back.digest, '--as', 'platform-lead']);
      assert.equal((await tidegate(['watch', 'undone-back'])).code, 0);
      assert.deepEqual(
        [...fleet.nodes.values()].map((node) => node.version),
        [FROM, FROM, FROM],
      );
    });
  });

  it('ends with 2 where the rollout goes back by itself', async () => {
    await withRollout('broken', async ({ fleet, plan }) => {
      fleet.broken.add(TO);
      await tidegate(['approve', 'broken', '--digest', plan.digest, '--as', 'sre-lead']);
      const { code, out } = await tidegate(['watch', 'broken', '--output', 'json']);
      assert.equal(code, 2);
      const outcome = JSON.parse(out.trim().split('\n').at(-1) ?? '');
      assert.equal(outcome.outcome, 'RolledBack');
      assert.deepEqual(outcome.untouched, ['east/east-2', 'east/east-3']);
    });
  });

  it('tries failed nodes of a finished rollout again, under a number of their own', async () => {
    await withRollout('flaky', async ({ fleet, plan }) => {
      fleet.broken.add(TO);
      await tidegate(['approve', 'flaky', '--digest', plan.digest, '--as', 'sre-lead']);
      assert.equal((await client.waitFor('flaky')).outcome, 'RolledBack');

      const strange = await tidegate(['retry', 'flaky', '--node', 'east-9', '--as', 'sre-lead']);
      assert.equal(strange.code, 3);
      assert.match(strange.err, /east-9 is none of its nodes without the update/);
      for (const name of ['flaky-retry-1', 'flaky-retry-2']) {
        const sent = await tidegate(['retry', 'flaky', '--as', 'sre-lead']);
        assert.equal(sent.code, 0, sent.err);
        assert.match(sent.out, new RegExp(`^Rollout ${name} started .*; waits for approval of`));
        const stopped = await tidegate(['stop', name, '--as', 'ada', '--now', '--reason', 'lunch']);
        assert.match(stopped.out, /the nodes in work are put back as they were found/);
        assert.deepEqual((await client.waitFor(name)).reasons, ['stopped by ada: lunch']);
      }
      const { out } = await tidegate(['retry', 'flaky-retry-1', '--node', 'east-1', '--as', 'ada']);
      assert.match(out, /^Rollout flaky-retry-3 started/);
      await tidegate(['reject', 'flaky-retry-3', '--as', 'sre-lead', '--reason', 'enough']);
    });
  });

  it('leaves out a node, and takes it in again', async () => {
    await withRollout('picky', async ({ fleet, plan }) => {
      const skip = (node: string) =>
        tidegate(['skip', 'picky', '--node', node, '--as', 'ada', '--reason', 'a demo']);
      assert.match((await skip('east-1')).err, /east-1 is the last node of canary/);
      assert.match((await skip('east-2')).out, /^picky: east-2 is left out/);
      assert.match((await skip('east-3')).out, /^picky: east-3 is left out/);
      const again = await tidegate(['retry', 'picky', '--node', 'east-3', '--as', 'ada']);
      assert.match(again.out, /^picky: east-3 is taken in again: its turn comes with wave-/);
      const none = await tidegate(['retry', 'picky', '--as', 'ada']);
      assert.match(none.err, /No node has failed; name others with --node/);
      await tidegate(['approve', 'picky', '--digest', plan.digest, '--as', 'sre-lead']);
      assert.equal((await tidegate(['watch', 'picky'])).code, 0);
      assert.deepEqual(
        [...fleet.nodes.values()].map((node) => node.version),
        [TO, FROM, TO],
      );
    });
  });

  it('rejects a plan, which ends with 2', async () => {
    await withRollout('unwanted', async () => {
      const argv = ['reject', 'unwanted', '--as', 'sre-lead', '--reason', 'freeze'];
      assert.equal((await tidegate(argv)).out, 'unwanted: rejected by sre-lead: freeze\n');
      const { code, out } = await tidegate(['watch', 'unwanted']);
      assert.equal(code, 2);
      assert.match(out, /Rollout unwanted: Rejected in .*\n {2}rejected by sre-lead: freeze\n/);
    });
  });

  it('takes a running rollout back', async () => {
    await withRollout('midway', async ({ fleet, plan }) => {
      let asked = false;
      fleet.during(async (step, node) => {
        if (step === 'verify' && node === 'east-1' && !asked) {
          asked = true;
          const sent = await tidegate(['rollback', 'midway', '--as', 'sre-lead']);
          assert.match(sent.out, /^midway: no further node starts; updated nodes go back/);
        }
      });
      await tidegate(['approve', 'midway', '--digest', plan.digest, '--as', 'sre-lead']);
      const { code, out } = await tidegate(['watch', 'midway']);
      assert.equal(code, 2);
      assert.match(out, /\nTaken back:\nNODE .*\neast-1 .* Back\n/);
    });
  });

  it('asks a person about Jobs that outlast their time, and does what is said', async () => {
    await withRollout(
      'asking',
      async ({ fleet, plan }) => {
        const fault = {
          when: 'Before',
          times: 1,
          type: 'JobsUndecided',
          retryable: false,
        } as const;
        fleet.inject({ step: 'drain', node: 'east-1', ...fault });
        const early = ['jobs', 'asking', 'east-1', '--evict', '--as', 'sre-lead'];
        assert.match((await tidegate(early)).err, /east-1 is not in work now, so it asks nothing/);
        await tidegate(['approve', 'asking', '--digest', plan.digest, '--as', 'sre-lead']);
        const shown = await untilShown('asking', /Waits for +a decision about Jobs of east-1/);
        assert.match(shown, /\n {2}tidegate jobs asking east-1 --wait \| --later \| --evict/);

        const strange = ['jobs', 'asking', 'east-9', '--evict', '--as', 'sre-lead'];
        assert.match((await tidegate(strange)).err, /Rollout asking has no node east-9/);
        const { code, out } = await tidegate(early);
        assert.equal(code, 0);
        assert.equal(out, 'east-1: the Jobs are evicted\n');
        const watched = await tidegate(['watch', 'asking']);
        assert.equal(watched.code, 0);
        assert.match(watched.out, /east-1: sre-lead decided about running Jobs: Evict\n/);
      },
      askingPlan(),
    );
  });

  it('tells a failed plan with its type, what to do, and exit code 3', async () => {
    await bed.withFleet(NODES, async (fleet) => {
      fleet.planFailure = ApplicationFailure.nonRetryable(
        'east/east-1: has no package',
        'PlanRefused',
      );
      const { code, out, err } = await tidegate(['plan', '-'], JSON.stringify(rolloutOf()));
      assert.equal(code, 3);
      assert.equal(out, '');
      assert.equal(
        err,
        'error: PlanRefused: east/east-1: has no package\n' +
          'What to do: Read the reasons; each says what to change.\n',
      );
      const started = await tidegate(['start', '-'], JSON.stringify(rolloutOf()));
      assert.equal(started.code, 3);
      assert.match(started.err, /^Rollout patch: PlanRefused: east\/east-1: has no package\n/);
      const watched = await tidegate(['watch', 'patch']);
      assert.equal(watched.code, 3);
      assert.match(watched.err, /^Rollout patch: PlanRefused: east\/east-1: has no package\n/);
    });
  });

  it('plans without touching anything', async () => {
    await bed.withFleet(NODES, async (fleet) => {
      fleet.planned = { plan: quick(planOf({ count: NODES.length })), impact: [] };
      const { code, out } = await tidegate(['plan', '-'], JSON.stringify(rolloutOf()));
      assert.equal(code, 0);
      assert.match(out, /^Plan of rollout patch\n/);
      assert.deepEqual(fleet.calls, []);
    });
  });

  it('knows no rollout of an unknown name', async () => {
    for (const argv of [
      ['status', 'nobody'],
      ['watch', 'nobody'],
      ['stop', 'nobody', '--as', 'sre-lead'],
      ['rollback', 'nobody', '--as', 'sre-lead'],
    ]) {
      const { code, err } = await tidegate(argv);
      assert.equal(code, 3, argv.join(' '));
      assert.match(err, /There is no rollout named nobody/);
    }
  });
});
