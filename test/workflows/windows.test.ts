/** Rollouts that sleep until their windows open, over days; and what wakes them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { WindowLook } from '../../workflows/contract.ts';
import { lookAtWindow } from '../../workflows/domain/window.ts';
import { openingsIn } from '../../workflows/domain/window-spans.ts';
import { clockOf, DAY_MS } from '../../workflows/domain/zoned-time.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import {
  eventsOf,
  HOUR,
  MINUTE,
  serverNow,
  statusOf,
  tell,
  untilWaits,
  waveStatus,
  withWindows,
} from './windows-kit.ts';

const BERLIN = 'Europe/Berlin';
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const NIGHTLY = {
  ...{ name: 'nightly', days: [...DAYS], start: '22:00', durationMinutes: 8, timeZone: BERLIN },
};
const YEAR_END = {
  ...{ name: 'year-end', reason: 'Christmas trade', timeZone: BERLIN },
  ...{ from: '2026-12-20', to: '2027-01-03', every: 'Year' as const },
};
const byTheClock = async (question: Parameters<typeof lookAtWindow>[1]) =>
  lookAtWindow(await serverNow(), question);

/** Each node takes half a minute and more. */
function slowly(fleet: FakeFleet, steps: number): void {
  for (const node of fleet.nodes.keys()) {
    const fault = { type: 'HostUnreachable', retryable: true, times: steps } as const;
    fleet.inject({ step: 'drain', node, when: 'Before', ...fault });
  }
}

const updated = (fleet: FakeFleet) =>
  [...fleet.nodes.values()].filter(({ version }) => version === TO).length;

const inAnHour = async (reason = 'window "nightly" opens in an hour'): Promise<WindowLook> => ({
  ...{ kind: 'Closed', reason, until: new Date((await serverNow()) + HOUR).toISOString() },
});
/** Open, but not so long that it need not be asked again. */
const forAMoment = async (ms = 2 * MINUTE): Promise<WindowLook> => ({
  ...{ kind: 'Open', closesAt: new Date((await serverNow()) + ms + 2000).toISOString() },
});

describe('forty nodes over three nights, with a freeze in between', () => {
  it('start in openings only, never in the freeze, and with little history', async () => {
    const now = await serverNow();
    const span = { fromMs: now, toMs: now + 6 * DAY_MS };
    const nights = openingsIn([NIGHTLY], span);
    const [, second] = nights;
    assert.ok(second);
    const date = clockOf(BERLIN).stamp(second.fromMs).slice(0, 10);
    const freezes = [{ ...YEAR_END, from: date, to: date, every: 'Once' }];
    const strategy = { waves: { size: 20, soakSeconds: 60 } };
    await withWindows(
      {
        ...{ nodes: { east: 40 }, look: byTheClock, strategy },
        policy: { windows: [NIGHTLY], freezes },
        prepare: (fleet) => slowly(fleet, 5),
      },
      async ({ fleet, handle, asked, starts }) => {
        const outcome = await handle.result();
        assert.equal(outcome.outcome, 'Succeeded');
        assert.deepEqual(outcome.reasons, []);
        assert.equal(updated(fleet), 40);
        assert.equal(starts.length, 40);
        const perNight = nights.map(
          ({ fromMs, toMs }) =>
            starts.filter(({ atMs }) => fromMs <= atMs && atMs + 31_000 <= toMs).length,
        );
        assert.equal(perNight[1], 0, 'none in the freeze');
        assert.equal(
          perNight.reduce((sum, count) => sum + count, 0),
          40,
          `all within an opening: ${perNight}`,
        );
        assert.ok(perNight.filter((count) => count > 0).length >= 3, `nights: ${perNight}`);
        assert.ok(asked.length <= 14, `${asked.length} questions in ${perNight}`);
        const events = await eventsOf('wave-1');
        const slept = events.filter((event) => event === 'lookAtWindow').length;
        assert.ok(slept <= 6, `${slept} questions in one wave`);
        assert.ok(events.length <= 20 * 40, `${events.length} events for 20 nodes`);
      },
    );
  });
});

describe('the first opening', () => {
  it('is waited for before the Lease is taken, and says when it is', async () => {
    const opens = clockOf(BERLIN).stamp((await serverNow()) + 6 * HOUR);
    const start = `${opens.slice(11, 13)}:00`;
    const policy = { windows: [{ ...NIGHTLY, start }] };
    await withWindows({ look: byTheClock, policy }, async ({ fleet, handle, starts }) => {
      const { phase, next, waitingFor } = await untilWaits(handle, /nightly/);
      assert.equal(phase, 'AwaitingWindow');
      const at = `${opens.slice(0, 13)}:00:00${opens.slice(19)}`;
      assert.equal(waitingFor, `window "nightly" opens at ${at} (Europe/Berlin)`);
      assert.ok(next.includes('tidegate stop patch --as WHO'));
      assert.equal(fleet.clusterLease, undefined);
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.ok((starts[0]?.atMs ?? 0) >= Date.parse(at));
    });
  });

  it('is not waited for any longer once somebody stops the rollout', async () => {
    const look = () => inAnHour();
    await withWindows({ look, policy: { windows: [NIGHTLY] } }, async ({ fleet, handle }) => {
      await untilWaits(handle, /nightly/);
      await tell(handle, 'stop', { by: 'ada', reason: 'not today' });
      const { outcome, reasons } = await handle.result();
      assert.deepEqual([outcome, reasons], ['Halted', ['stopped by ada: not today']]);
      assert.deepEqual(fleet.calls, []);
    });
  });

  it('is needed by policies that say something of time, and by no other', async () => {
    await withWindows({ look: byTheClock }, async ({ handle, asked }) => {
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.equal(asked.length, 0);
    });
  });
});

/** Open for one node, then closed until `open` says otherwise. */
function closing(open: () => boolean = () => false) {
  let started = 0;
  return async (): Promise<WindowLook> => {
    started += 1;
    return started <= 2 || open() ? await forAMoment() : await inAnHour();
  };
}

describe('a wave that sleeps', () => {
  const policy = { windows: [NIGHTLY] };

  it('ends where somebody stops the rollout', async () => {
    await withWindows({ look: closing(), policy }, async ({ fleet, handle, asked }) => {
      await untilWaits(handle, /opens in an hour/);
      assert.match((await waveStatus('wave-1')).waitingFor ?? '', /opens in an hour/);
      await tell(handle, 'stop', { by: 'ada' });
      const { outcome, untouched } = await handle.result();
      assert.deepEqual([outcome, untouched.length], ['Halted', 2]);
      assert.equal(updated(fleet), 1);
      assert.equal(asked.length, 3);
    });
  });

  it('stays as it is while the rollout is paused, and asks again afterwards', async () => {
    let open = false;
    await withWindows({ look: closing(() => open), policy }, async ({ fleet, handle, asked }) => {
      await untilWaits(handle, /opens in an hour/);
      await tell(handle, 'pause', { by: 'ada' });
      open = true;
      await delay(500);
      assert.equal(asked.length, 3);
      assert.equal(updated(fleet), 1);
      await tell(handle, 'resume', { by: 'ada' });
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.equal(updated(fleet), 3);
    });
  });

  it("sleeps for nobody's patience: a hold of before counts anew", async () => {
    let nights = 0;
    const look = async (): Promise<WindowLook> => {
      nights += 1;
      return nights % 2 === 1 || nights > 8 ? await forAMoment() : await inAnHour();
    };
    await withWindows(
      {
        ...{ look, policy: { ...policy, holds: { timeoutSeconds: 1800 } } },
        prepare: (fleet) => {
          fleet.holdsNow = () => (nights <= 8 ? [{ node: 'east-2', reason: 'kured' }] : []);
        },
      },
      async ({ fleet, handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.equal(updated(fleet), 3, 'none was skipped');
      },
    );
  });

  it('asks again where the calendar could not be read', async () => {
    let tries = 0;
    const look = (): WindowLook => {
      tries += 1;
      if (tries <= 2) throw ApplicationFailure.nonRetryable('no such zone', 'InvalidDocument');
      return { kind: 'Open' };
    };
    await withWindows({ look, policy }, async ({ fleet, handle }) => {
      await untilWaits(handle, /^the calendar can't be read: .*no such zone/);
      assert.equal((await handle.result()).outcome, 'Succeeded');
      assert.equal(updated(fleet), 3);
    });
  });
});

describe('a freeze', () => {
  const people = [
    { name: 'ada', roles: ['duty-manager'] },
    { name: 'bo', roles: [] },
  ];
  const freezes = [{ ...YEAR_END, overrideRoles: ['duty-manager'] }];
  let opened = 0;
  const look = async ({ lifted }: { lifted: readonly string[] }): Promise<WindowLook> => {
    opened += 1;
    if (lifted.includes('year-end')) return { kind: 'Open' };
    if (opened <= 2) return await forAMoment();
    return { kind: 'Closed', reason: 'freeze "year-end" lasts', freeze: 'year-end' };
  };
  const ask = { by: 'ada', freeze: 'year-end', reason: 'CVE-2025-64329 is exploited' };

  it('is lifted by who may, which wakes the wave, and is told at the end', async () => {
    opened = 0;
    await withWindows({ look, policy: { people, freezes } }, async ({ fleet, handle }) => {
      const { next } = await untilWaits(handle, /freeze "year-end" lasts/);
      const lift = 'tidegate override patch --freeze year-end --as WHO --reason WHY';
      assert.ok(next.includes(lift), next.join());
      const refusals: [object, RegExp][] = [
        [{ ...ask, by: '' }, /"by" must be the name/],
        [{ ...ask, freeze: 'spring' }, /no freeze "spring"; its freezes are "year-end"/],
        [{ by: 'ada', freeze: 'year-end' }, /"reason" must say why/],
        [{ ...ask, by: 'bo' }, /bo has no role in the policy, and this takes one of duty-manager/],
        [{ ...ask, by: 'Platform-Oncall' }, /requested this rollout/],
      ];
      for (const [argument, why] of refusals) {
        await assert.rejects(tell(handle, 'overrideFreeze', argument), (error: Error) =>
          why.test(String((error.cause as Error).message)),
        );
      }
      assert.match(await tell(handle, 'overrideFreeze', ask), /does not count for this rollout/);
      await assert.rejects(tell(handle, 'overrideFreeze', ask), (error: Error) =>
        /is lifted already/.test(String((error.cause as Error).message)),
      );
      const { outcome, reasons } = await handle.result();
      assert.deepEqual(
        [outcome, reasons],
        ['Succeeded', ['freeze "year-end" was lifted by ada: CVE-2025-64329 is exploited']],
      );
      assert.equal(updated(fleet), 3);
      const status = await statusOf(handle);
      assert.ok(!status.next.includes(lift));
      const [override] = status.overrides ?? [];
      assert.deepEqual([override?.by, override?.freeze], ['ada', 'year-end']);
    });
  });

  it('that was lifted before the first opening is lifted for every wave', async () => {
    opened = 9;
    await withWindows({ look, policy: { people, freezes } }, async ({ handle, asked }) => {
      await untilWaits(handle, /freeze "year-end" lasts/);
      assert.equal((await statusOf(handle)).phase, 'AwaitingWindow');
      await tell(handle, 'overrideFreeze', ask);
      assert.equal((await handle.result()).outcome, 'Succeeded');
      const later = asked.slice(1).map(({ question }) => question.lifted);
      assert.ok(later.length >= 3 && later.every((lifted) => lifted[0] === 'year-end'));
    });
  });
});

describe('a node that comes too late for its window', () => {
  /** In so many turns of one node staging takes 75 s, which is longer than its window. */
  const late = (name: string, turns: number) => {
    let fails = 8;
    return (step: string, node: string) => {
      if (step !== 'stage' || node !== name || turns === 0) return;
      fails -= 1;
      if (fails >= 0) throw ApplicationFailure.retryable('slow', 'HostUnreachable');
      fails = 8;
      turns -= 1;
    };
  };
  /** An hour after the last opening has begun the next one does. */
  const hourly = () => {
    let begunMs = 0;
    return async (): Promise<WindowLook> => {
      const now = await serverNow();
      if (now - begunMs >= HOUR) begunMs = now;
      return now - begunMs <= 5000
        ? { kind: 'Open', closesAt: new Date(begunMs + MINUTE).toISOString() }
        : {
            ...{ kind: 'Closed', reason: 'window "hourly" opens soon' },
            until: new Date(begunMs + HOUR).toISOString(),
          };
    };
  };
  const policy = { windows: [NIGHTLY] };

  it('is put back undisturbed and has its turn in the next one, the canary as well', async () => {
    for (const [count, name] of [
      [1, 'east-1'],
      [3, 'east-3'],
    ] as const) {
      await withWindows(
        {
          ...{ look: hourly(), policy, nodes: { east: count } },
          during: late(name, 1),
        },
        async ({ fleet, handle, starts }) => {
          const { outcome, reasons } = await handle.result();
          assert.deepEqual([outcome, reasons], ['Succeeded', []]);
          assert.equal(updated(fleet), count);
          const [first, again] = starts.filter(({ node }) => node === name);
          assert.ok(first && again && again.atMs - first.atMs >= 50 * MINUTE);
          assert.equal(fleet.count('cordon', name), 1, 'only the second time');
        },
      );
    }
  });

  it('because of others makes no longer turns of those that come next', async () => {
    let slow = 5;
    await withWindows(
      {
        ...{ look: () => forAMoment(0), policy },
        prepare: (fleet) => {
          // A tool works on the canary once it is staged: its wave has looked before.
          fleet.holdsNow = () =>
            fleet.looks.length >= 3 && fleet.looks.length <= 12
              ? [{ node: 'east-1', reason: 'kured works on it' }]
              : [];
        },
        during: (step) => {
          if (step !== 'stage' || slow === 0) return;
          slow -= 1;
          throw ApplicationFailure.retryable('slow', 'HostUnreachable');
        },
      },
      async ({ handle, asked }) => {
        const { outcome, nodes } = await handle.result();
        assert.equal(outcome, 'Succeeded');
        const [canary] = nodes;
        assert.ok((canary?.waitedMs ?? 0) > 3 * MINUTE, `waited ${canary?.waitedMs}`);
        const last = asked.at(-1)?.question.expectedMs ?? 0;
        assert.ok(last >= 20_000 && last < MINUTE, `expected ${last}`);
      },
    );
  });

  it('for the fourth time comes last of all, and is not lost', async () => {
    await withWindows(
      {
        ...{ look: hourly(), policy, nodes: { east: 3 } },
        strategy: { waves: { size: 1, soakSeconds: 0 } },
        during: late('east-2', 5),
      },
      async ({ fleet, handle, starts }) => {
        const { outcome, reasons, nodes } = await handle.result();
        assert.deepEqual([outcome, reasons], ['Succeeded', []]);
        assert.equal(updated(fleet), 3);
        assert.equal(nodes.at(-1)?.node, 'east-2');
        assert.equal(starts.filter(({ node }) => node === 'east-2').length, 6);
        const { waves } = await statusOf(handle);
        assert.equal(waves.at(-1)?.wave, 'later');
      },
    );
  });
});

describe('two regions', () => {
  const run = async (more: object) => {
    const begun: Record<string, string[]> = {};
    await withWindows(
      {
        ...{ nodes: { east: 2, west: 2 }, look: byTheClock },
        policy: { windows: [{ ...NIGHTLY, durationMinutes: 480 }], ...more },
      },
      async ({ fleet, handle, starts }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.equal(updated(fleet), 4);
        for (const { node, atMs } of starts) {
          const [region = ''] = node.split('-');
          // The night belongs to the day on which it opens.
          const night = clockOf(BERLIN)
            .stamp(atMs - 8 * HOUR)
            .slice(0, 10);
          begun[region] = [...new Set([...(begun[region] ?? []), night])];
        }
      },
    );
    return begun;
  };

  it('never start nodes in the same opening', async () => {
    const { east = [], west = [] } = await run({});
    assert.equal(east.length, 1);
    assert.equal(west.length, 1);
    assert.notDeepEqual(east, west);
  });

  it('do where the policy says so', async () => {
    const { east = [], west = [] } = await run({ regionsTogether: true });
    assert.deepEqual(east, west);
  });
});

describe('the way back', () => {
  it('of what the rollout has done itself asks no calendar', async () => {
    let failed = false;
    const look = async () => (failed ? await inAnHour() : await forAMoment());
    await withWindows(
      {
        ...{ look, policy: { windows: [NIGHTLY] } },
        during: (step, node) => {
          if (step !== 'apply' || node !== 'east-3') return;
          failed = true;
          throw ApplicationFailure.nonRetryable('injected', 'ApplyFailed');
        },
      },
      async ({ fleet, handle, asked }) => {
        assert.equal((await handle.result()).outcome, 'RolledBack');
        assert.ok([...fleet.nodes.values()].every(({ version }) => version === FROM));
        assert.ok(
          asked.every(({ look: { kind } }) => kind === 'Open'),
          'nobody asked any more',
        );
      },
    );
  });
});
