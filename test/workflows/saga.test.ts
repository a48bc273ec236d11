/**
 * One node's saga: every step fails before and after its effect, is repeated, and is cancelled in;
 * every undo is repeated and made impossible. After each run one invariant holds over the node.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import {
  JOBS_MESSAGE,
  type NodeOutcome,
  type NodeStatus,
  nodeWorkflowId,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { nodeWorkflow } from '../../workflows/node.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { type FakeFleet, type FakeNode, FROM, type StepName, TO } from './fake-fleet.ts';
import { nodeInput } from './fixtures.ts';

const NODE = 'east-1';
const ID = nodeWorkflowId('east', NODE);
const BEFORE = ['inspect', 'lease', 'stage', 'cordon', 'drain'] as const;
const FORWARD = [...BEFORE, 'apply', 'reboot', 'verify'] as const;
const FINAL = ['uncordon', 'release'] as const;
const UNDOS = ['revert', 'uncordon', 'unstage', 'release'] as const;

let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

async function run(disruption: Disruption = 'Reboot', drain: object = {}): Promise<NodeOutcome> {
  return await (await begin(disruption, drain)).result();
}

/** Starts the node's workflow. The server's clock jumps only while a result is waited for. */
function begin(disruption: Disruption, drain: object) {
  const input = nodeInput(disruption);
  const policy = { ...input.policy, drain: { ...input.policy.drain, ...drain } };
  return bed.env.client.workflow.start(nodeWorkflow, {
    taskQueue: TASK_QUEUE,
    workflowId: ID,
    args: [{ ...input, policy }],
  });
}

/** Of a fake node, what shows whether anything was changed. */
const AS_FOUND = { cordoned: false, lease: undefined, staged: false, installs: 0 };

function failDrain(fleet: FakeFleet, type: string): void {
  fleet.inject({ step: 'drain', when: 'Before', times: 1, type, retryable: false });
}

const handle = () => bed.env.client.workflow.getHandle(ID);

function decide(decision: object): Promise<string> {
  return handle().executeUpdate<string, [object]>(JOBS_MESSAGE, { args: [decision] });
}

/** Matches the reason inside the failure of an update. */
function refusal(pattern: RegExp) {
  return (error: Error) => pattern.test(String((error.cause as Error | undefined)?.message));
}

async function untilAsked(): Promise<NodeStatus> {
  for (let i = 0; i < 200; i++) {
    const status = await handle()
      .query<NodeStatus>('status')
      .catch(() => undefined);
    if (status?.asks) return status;
    await delay(20);
  }
  return assert.fail('nobody was asked');
}

/** Cancels the workflow in the middle of the given step, once. */
function cancelDuring(fleet: FakeFleet, step: StepName): void {
  let cancelled = false;
  fleet.during(async (current) => {
    if (current !== step || cancelled) return;
    cancelled = true;
    await bed.env.client.workflow.getHandle(ID).cancel();
    await untilTold();
  });
}

/** Heartbeats as a real step does until the cancellation has arrived (or never will). */
async function untilTold(): Promise<void> {
  const context = Context.current();
  for (let i = 0; i < 20 && !context.cancellationSignal.aborted; i++) {
    context.heartbeat();
    await delay(50);
  }
}

/** The one invariant: as found, or updated, or cordoned and marked for a person. */
function assertInvariant(fleet: FakeFleet, outcome: NodeOutcome, cordonedBefore = false): void {
  const node = fleet.node(NODE);
  switch (outcome.outcome) {
    case 'Updated':
      assert.equal(node.version, TO);
      break;
    case 'RolledBack':
    case 'Skipped':
      assert.equal(node.version, FROM);
      assert.ok(outcome.reasons.length > 0, 'a reason is given');
      break;
    case 'NeedsAttention':
      assert.equal(node.cordoned, true, 'stays cordoned');
      assert.ok(node.attention, 'says so on the node');
      return;
    default:
      assert.fail(`unexpected outcome ${outcome.outcome}`);
  }
  assert.equal(node.cordoned, cordonedBefore, 'schedulable as found');
  assert.equal(node.lease, undefined, 'no lease of ours is left');
  assert.equal(node.attention, undefined);
}

describe('one node', () => {
  it('goes through the saga in order', async () => {
    await bed.withFleet([NODE], async (fleet) => {
      const outcome = await run();
      assert.equal(outcome.outcome, 'Updated');
      assert.deepEqual(
        fleet.calls.map((call) => call.split(' ')[0]),
        [...BEFORE, 'inspect', 'apply', 'reboot', 'verify', ...FINAL],
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
      await bed.withFleet([NODE], async (fleet) => {
        assertInvariant(fleet, await run(disruption));
        for (const step of absent) assert.equal(fleet.count(step), 0, step);
      });
    });
  }

  it('leaves a node alone that is as wanted already, or that another holds', async () => {
    await bed.withFleet([NODE], async (fleet) => {
      fleet.node(NODE).lease = 'rollout/other';
      const held = await run();
      assert.equal(held.outcome, 'Skipped');
      assert.match(held.reasons[0] ?? '', /LeaseHeld: held by rollout\/other/);
      assert.equal(fleet.node(NODE).lease, 'rollout/other');
      assert.equal(fleet.count('stage'), 0);
    });
    await bed.withFleet([NODE], async (fleet) => {
      fleet.node(NODE).version = TO;
      assert.equal((await run()).outcome, 'AlreadyDone');
      assert.deepEqual(fleet.calls, [`inspect ${NODE}`]);
    });
  });

  it('skips a node that is not as planned, with every reason', async () => {
    await bed.withFleet([NODE], async (fleet) => {
      fleet.node(NODE).version = '1.6.19';
      const outcome = await run();
      assert.equal(outcome.outcome, 'Skipped');
      assert.equal(outcome.reasons.length, 2);
      assert.deepEqual(fleet.calls, [`inspect ${NODE}`]);
    });
  });

  it('keeps a node cordoned that was cordoned before, in success and in failure', async () => {
    await bed.withFleet([NODE], async (fleet) => {
      fleet.node(NODE).cordoned = true;
      assertInvariant(fleet, await run(), true);
    });
    await bed.withFleet([NODE], async (fleet) => {
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
        await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
        fleet.inject({ step, when: 'After', times: 2, type: 'HostUnreachable', retryable: true });
        const outcome = await run();
        assert.equal(outcome.outcome, 'Updated');
        // A node is looked at twice: when it begins, and right before it is changed.
        assert.equal(fleet.count(step), step === 'inspect' ? 4 : 3);
        assert.equal(fleet.node(NODE).installs, 1);
        assertInvariant(fleet, outcome);
      });
    });

    it(`${step} is cancelled in`, async () => {
      await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
        fleet.broken.add(TO);
        fleet.inject({ step, when: 'After', times: 2, type: 'HostUnreachable', retryable: true });
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assert.equal(fleet.count(step), 3);
        assertInvariant(fleet, outcome);
      });
    });

    it(`${step} that fails for good leaves the node cordoned and says so`, async () => {
      await bed.withFleet([NODE], async (fleet) => {
        fleet.broken.add(TO);
        fleet.inject({ step, when: 'Before', times: 1, type: 'ApplyFailed', retryable: false });
        const outcome = await run();
        assert.equal(outcome.outcome, 'NeedsAttention');
        assert.match(outcome.reasons[0] ?? '', /VerificationFailed.*the undo failed/);
        assertInvariant(fleet, outcome);
      });
    });

    it(`${step} is not stopped by a cancellation`, async () => {
      await bed.withFleet([NODE], async (fleet) => {
        fleet.broken.add(TO);
        cancelDuring(fleet, step);
        const outcome = await run();
        assert.equal(outcome.outcome, 'RolledBack');
        assertInvariant(fleet, outcome);
      });
    });
  }

  it('is retried until the deadline, then the node is left to a person', async () => {
    await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
      fleet.broken.add(TO).add(FROM);
      const outcome = await run();
      assert.equal(outcome.outcome, 'NeedsAttention');
      assertInvariant(fleet, outcome);
    });
  });
});

describe('a node that changes while it is worked on', () => {
  for (const [what, change] of [
    ['is rebooted', (node) => (node.bootId = 'another boot')],
    ['gets a third version', (node) => (node.version = '1.6.19')],
  ] as [string, (node: FakeNode) => void][]) {
    it(`is left alone where it ${what} before the change`, async () => {
      await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
      leave(fleet, FROM);
      const outcome = await run('Restart');
      assert.equal(outcome.outcome, 'Updated');
      assertInvariant(fleet, outcome);
    });
  });

  it('is proved and handed back, where the update came to its end by itself', async () => {
    await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
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
      await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
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
    await bed.withFleet([NODE], async (fleet) => {
      failDrain(fleet, 'JobsUndecided');
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await bed.env.client.workflow.getHandle(ID).cancel();
      const outcome = await running.result();
      assert.equal(outcome.outcome, 'RolledBack');
      assertInvariant(fleet, outcome);
    });
  });
});
