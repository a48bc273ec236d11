/** Stops in each mode, and rollbacks, wherever a rollout is: the state left is the one that the docs say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import {
  allPlaces,
  PLACES,
  type Place,
  type Role,
  SAID,
  type Said,
  STEPS_STANDING,
  STEPS_UNDONE,
} from './control-cases.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { approve, statusOf, until, untilPhase, withRollout } from './rollout-kit.ts';
import { inStep, untilBrokenOff } from './told.ts';

/** Nothing of it waits for time to pass: the server's clock stands still while nobody awaits the end. */
const strategy = {
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};
const soaking = { ...strategy, waves: { size: 2, soakSeconds: 600 } };
const by = 'sre-lead';

/** Whether it is open is told by the fake fleet. */
const night = { name: 'nightly', days: ['Mon'], start: '22:00', durationMinutes: 60 };
const nightly = { windows: [{ ...night, timeZone: 'UTC' }] };
const shut = {
  kind: 'Closed',
  reason: 'the window nightly to open',
  until: '2099-01-01T22:00:00Z',
} as const;
/** Asked again for each node. */
const openForOne = { kind: 'Open', closesAt: '2000-01-01T22:00:00Z' } as const;

type Handle = Parameters<typeof statusOf>[0];
interface Scene {
  readonly fleet: FakeFleet;
  readonly plan: Plan;
  readonly handle: Handle;
  /**
   * Says what the case is about; the wave of index `wave` is the one in work. A step that hears then
   * that it is cancelled breaks off.
   */
  readonly say: (wave?: number) => Promise<void>;
}

/** How a place is come to: what is prepared, and what is done until something is said. */
interface Way {
  readonly prepare?: (fleet: FakeFleet) => void;
  readonly come: (scene: Scene) => Promise<void>;
  readonly strategy?: object;
  readonly approval?: object;
  readonly policy?: object;
  readonly after?: (fleet: FakeFleet) => void;
}

const nodesOf = (plan: Plan, wave: number) => plan.waves[wave]?.nodes.map(({ node }) => node) ?? [];

/** Does something once, in the middle of a step that `wanted` names. */
function once(
  fleet: FakeFleet,
  wanted: (step: string, node: string) => boolean,
  act: () => Promise<void>,
): void {
  let done = false;
  fleet.during(async (step, node) => {
    if (done || !wanted(step, node)) return;
    done = true;
    await act();
  });
}

/** Says it while a node of a wave is in a step, and lets the step break off where that is what comes. */
function stepOf(step: string, wave = 1): Way {
  return {
    come: async ({ fleet, plan, handle, say }) => {
      const nodes = nodesOf(plan, wave);
      once(
        fleet,
        (current, node) => current === step && nodes.includes(node),
        async () => {
          await say(wave);
        },
      );
      await approve(handle, plan.digest);
    },
  };
}

async function untilPaused(handle: Handle): Promise<void> {
  await until('paused', async () => (await statusOf(handle)).paused !== undefined);
  await delay(300);
}

/** Pauses while the `nth` node of a wave is in its last step, and says it once that has ended. */
function paused(nth: number): Way {
  return {
    come: async ({ fleet, plan, handle, say }) => {
      const nodes = nodesOf(plan, 1);
      let begun = 0;
      once(
        fleet,
        (step, node) => step === 'release' && nodes.includes(node) && ++begun === nth,
        async () => {
          await handle.executeUpdate('pause', { args: [{ by }] });
        },
      );
      await approve(handle, plan.digest);
      await untilPaused(handle);
      await say(1);
    },
  };
}

/** Takes it back once the second wave is through, and then acts on a node that goes back. */
function goingBack(act: (scene: Scene) => Promise<void>, then?: Way['come']): Way {
  return {
    come: async (scene) => {
      const { fleet, plan, handle } = scene;
      const [, second] = nodesOf(plan, 1);
      const sent = new Set<string>();
      fleet.during(async (step, node) => {
        const back = step === 'apply' && fleet.node(node).version === FROM;
        const message = back ? 'act' : step === 'verify' && node === second ? 'rollback' : '';
        if (message === '' || sent.has(message)) return;
        sent.add(message);
        if (message === 'act') await act(scene);
        else await handle.executeUpdate('rollback', { args: [{ by }] });
      });
      await approve(handle, plan.digest);
      await then?.(scene);
    },
  };
}

const WAYS = new Map<Place, Way>([
  [
    PLACES.planning,
    {
      prepare: (fleet) => {
        fleet.planFailure = ApplicationFailure.retryable('busy', 'HostUnreachable');
      },
      come: ({ say }) => say(),
    },
  ],
  [
    PLACES.gate,
    {
      come: async ({ handle, say }) => {
        await untilPhase(handle, 'AwaitingApproval');
        await say();
      },
    },
  ],
  [
    PLACES.pausedFirst,
    {
      come: async ({ plan, handle, say }) => {
        await handle.executeUpdate('pause', { args: [{ by }] });
        await approve(handle, plan.digest);
        await delay(200);
        await say();
      },
    },
  ],
  [
    PLACES.window,
    {
      policy: nightly,
      prepare: (fleet) => {
        fleet.window = () => shut;
      },
      come: async ({ plan, handle, say }) => {
        await approve(handle, plan.digest);
        await untilPhase(handle, 'AwaitingWindow');
        await say();
      },
    },
  ],
  [
    PLACES.lease,
    {
      prepare: (fleet) => {
        fleet.clusterLease = 'rollout/other';
      },
      come: async ({ plan, handle, say }) => {
        await approve(handle, plan.digest);
        await untilPhase(handle, 'AwaitingLease');
        await say();
      },
      after: (fleet) => {
        assert.equal(fleet.clusterLease, 'rollout/other', "another's Lease is left alone");
        fleet.clusterLease = undefined;
      },
    },
  ],
  [PLACES.canary, stepOf('apply', 0)],
  ...PLACES.steps.map((place, i): [Place, Way] => [place, stepOf(STEPS_UNDONE[i] ?? '')]),
  ...PLACES.stands.map((place, i): [Place, Way] => [place, stepOf(STEPS_STANDING[i] ?? '')]),
  [PLACES.lastWave, stepOf('apply', 2)],
  [
    PLACES.windowWithin,
    {
      policy: nightly,
      come: async ({ fleet, plan, handle, say }) => {
        const [first = ''] = nodesOf(plan, 1);
        fleet.window = () => (fleet.count('release', first) > 0 ? shut : openForOne);
        await approve(handle, plan.digest);
        await until('the wave sleeps', async () => {
          return (await statusOf(handle)).waitingFor.includes(shut.reason);
        });
        await say(1);
      },
    },
  ],
  [PLACES.pausedWithin, paused(1)],
  [
    PLACES.soak,
    {
      strategy: soaking,
      come: async ({ plan, handle, say }) => {
        await approve(handle, plan.digest);
        await untilPhase(handle, 'Soaking');
        await say(1);
      },
    },
  ],
  [
    PLACES.check,
    {
      come: async ({ fleet, plan, handle, say }) => {
        let looks = 0;
        fleet.duringHealth = async () => {
          if (++looks !== 2) return;
          await say(1);
        };
        await approve(handle, plan.digest);
      },
    },
  ],
  [PLACES.pausedBetween, paused(2)],
  [
    PLACES.laterGate,
    {
      approval: { gates: [{ at: 'BeforeWave', waves: ['wave-2'] }] },
      come: async ({ plan, handle, say }) => {
        await approve(handle, plan.digest);
        await until('at the gate', async () => {
          return (await statusOf(handle)).gate?.id === 'before-wave-2';
        });
        await say(1);
      },
    },
  ],
  [PLACES.back, goingBack(({ say }) => say(1))],
  [
    PLACES.pausedBack,
    goingBack(
      async ({ handle }) => {
        await handle.executeUpdate('pause', { args: [{ by }] });
      },
      async ({ handle, say }) => {
        await untilPaused(handle);
        await say(1);
      },
    ),
  ],
]);

/** The nodes of each role, `wave` being the index of the one in work. */
function roles(plan: Plan, wave: number, back: boolean): Record<Role, readonly string[]> {
  const own = nodesOf(plan, wave);
  // An inverted wave goes the other way round.
  const order = back ? own.toReversed() : own;
  const others = plan.waves.map((_, i) => (i === 0 || i === wave ? [] : nodesOf(plan, i)));
  return {
    'the canary': nodesOf(plan, 0),
    'earlier waves': others.slice(0, wave).flat(),
    'the node': wave === 0 ? [] : order.slice(0, 1),
    'its wave': wave === 0 ? [] : order.slice(1),
    'later waves': others.slice(wave).flat(),
  };
}

async function run(place: Place, said: Said): Promise<void> {
  const way = WAYS.get(place);
  assert.ok(way, `a way to "${place.where}"`);
  const { outcome: kind, updated } = place.left[said];
  let wave = 0;
  await withRollout(
    async ({ fleet, plan, handle }) => {
      const say = async (inWork = 0) => {
        wave = inWork;
        const [name, more] = said === 'Rollback' ? ['rollback', {}] : ['stop', { mode: said }];
        await handle.executeUpdate(name, { args: [{ by, ...more }] });
        if (said === 'Now' && inStep()) await untilBrokenOff();
      };
      await way.come({ fleet, plan, handle, say });
      const outcome: RolloutOutcome = await handle.result();
      assert.equal(outcome.outcome, kind, outcome.reasons.join('; '));
      if (kind !== 'Succeeded') {
        assert.match(outcome.reasons.join('; '), /(stopped|rolled back) by sre-lead/);
      }
      const byRole = roles(plan, wave, place === PLACES.back || place === PLACES.pausedBack);
      const expected = new Set(updated.flatMap((role) => byRole[role]));
      const running = [...fleet.nodes].filter(([, { version }]) => version === TO);
      assert.deepEqual(running.map(([node]) => node).sort(), [...expected].sort());
      for (const [name, node] of fleet.nodes) {
        const { cordoned, lease, attention } = node;
        const open = { name, cordoned: false, lease: undefined, attention: undefined };
        assert.deepEqual({ name, cordoned, lease, attention }, open);
      }
      assert.deepEqual(outcome.needsAttention, []);
      way.after?.(fleet);
    },
    {
      strategy: way.strategy ?? strategy,
      ...(way.prepare ? { prepare: way.prepare } : {}),
      ...(way.approval ? { approval: way.approval } : {}),
      ...(way.policy ? { policy: way.policy } : {}),
    },
  );
}

describe('what is left by', () => {
  for (const said of SAID) {
    describe(said === 'Rollback' ? 'a rollback' : `a stop in mode ${said}`, () => {
      for (const place of allPlaces()) it(place.where, () => run(place, said));
    });
  }
});
