/** Which firings of CronJobs hold a node back, until when, and which suffer anyway. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type CronJobForecast,
  firingConflicts,
  firingHold,
  HORIZON_MS,
  isAvoidable,
  SETTLE_MS,
  type TurnQuestion,
  UNKNOWN_RUN_MS,
  usualDuration,
} from '../../workflows/domain/cron.ts';

const NOW = Date.parse('2026-11-25T01:59:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const each = (stepMs: number, firstMs = stepMs): number[] => {
  const count = Math.floor((HORIZON_MS - firstMs) / stepMs);
  return Array.from({ length: count + 1 }, (_, index) => NOW + firstMs + index * stepMs);
};

function forecast(more: Partial<CronJobForecast> = {}): CronJobForecast {
  return {
    cronJob: 'shop/backup',
    firings: [NOW + MINUTE],
    untilMs: NOW + HORIZON_MS,
    usualMs: 30_000,
    measured: true,
    concurrency: 'Allow',
    nodes: ['n1'],
    ...more,
  };
}

function question(
  forecasts: readonly CronJobForecast[],
  more: Partial<TurnQuestion> = {},
): TurnQuestion {
  const drain = { jobs: 'Wait', timeoutSeconds: 900 } as const;
  return {
    node: 'n1',
    nowMs: NOW,
    expectedMs: 2 * MINUTE,
    unavailable: [],
    forecasts,
    drain,
    ...more,
  };
}

const untilOf = (asked: TurnQuestion) => firingHold(asked)?.until ?? 'goes';

describe('a firing whose pods could run nowhere else', () => {
  const rows: [string, Partial<CronJobForecast>, Partial<TurnQuestion>, string][] = [
    ['fires within the turn', {}, {}, '2026-11-25T02:00:10Z'],
    ['fires after the turn', { firings: [NOW + 3 * MINUTE] }, {}, 'goes'],
    [
      'fired just now, its pod has no node yet',
      { firings: [NOW - 1000] },
      {},
      '2026-11-25T01:59:09Z',
    ],
    ['could run on another node', { nodes: ['n1', 'n2'] }, {}, 'goes'],
    [
      'could run on another node that is in work',
      { nodes: ['n1', 'n2'] },
      { unavailable: ['n2'] },
      '2026-11-25T02:00:10Z',
    ],
    ['runs on another node only', { nodes: ['n2'] }, {}, 'goes'],
    ['can run nowhere', { nodes: [] }, {}, 'goes'],
    ['the node is unavailable anyway', {}, { unavailable: ['n1'] }, 'goes'],
    ['fires each minute: it suffers anyway', { firings: each(MINUTE) }, {}, 'goes'],
    [
      'fires each five minutes: right after one',
      { firings: each(5 * MINUTE, MINUTE) },
      {},
      '2026-11-25T02:00:10Z',
    ],
    [
      'fires each minute, but a turn takes 20 s',
      { firings: each(MINUTE, 10_000), usualMs: 5000 },
      { expectedMs: 20_000 },
      '2026-11-25T01:59:20Z',
    ],
    [
      'the run that begins has to be waited for as well',
      { firings: each(5 * MINUTE, MINUTE), usualMs: 4 * MINUTE },
      { expectedMs: 2 * MINUTE },
      'goes',
    ],
  ];
  for (const [name, known, asked, until] of rows) {
    it(`${name}: ${until}`, () => assert.equal(untilOf(question([forecast(known)], asked)), until));
  }

  it('says what fires, where, what the turn would do, and what that means', () => {
    const reason = (known: Partial<CronJobForecast>, asked: Partial<TurnQuestion> = {}) =>
      firingHold(question([forecast(known)], asked))?.reason;
    const start =
      'CronJob shop/backup fires at 2026-11-25T02:00:00Z and its pods can run only on n1';
    assert.equal(reason({}), `${start}: a turn of about 2 min would delay it`);
    assert.equal(
      reason({ nodes: ['n1', 'n2'] }, { unavailable: ['n2'] }),
      `${start} while n2 cannot take it: a turn of about 2 min would delay it`,
    );
    assert.equal(
      reason({ startingDeadlineMs: 30_000 }),
      `${start}: a turn of about 2 min would delay it for longer than its startingDeadlineSeconds (30) allows`,
    );
    const twice = [NOW + MINUTE, NOW + MINUTE + 30_000];
    assert.equal(
      reason({ firings: twice, concurrency: 'Forbid' }),
      `${start}: a turn of about 2 min would delay it, and firings meanwhile would be lost (concurrencyPolicy Forbid)`,
    );
  });
});

describe('a run that outlasts the wait for Jobs', () => {
  const long = { usualMs: 2 * HOUR, nodes: ['n1', 'n2'] };
  const at = (ms: number) => ({ ...long, firings: [NOW + ms] });
  const rows: [string, Partial<CronJobForecast>, Partial<TurnQuestion>, string][] = [
    ['may start on the node right before its cordon', at(20_000), {}, '2026-11-25T01:59:30Z'],
    ['starts when the node is cordoned already', at(MINUTE), {}, 'goes'],
    ['is short enough to be waited for', { ...at(20_000), usualMs: 15 * MINUTE }, {}, 'goes'],
    [
      'may be evicted at once, by the policy',
      at(20_000),
      { drain: { jobs: 'Evict', timeoutSeconds: 900 } },
      'goes',
    ],
    [
      'is left on the node, by a rule',
      { ...at(20_000), labels: { app: 'backup' } },
      {
        drain: {
          jobs: 'Wait',
          timeoutSeconds: 900,
          rules: [{ name: 'r', match: { selector: 'app=backup' }, action: 'Skip', order: 0 }],
        },
      },
      'goes',
    ],
    [
      'is waited for by a rule, for less than it takes',
      at(20_000),
      {
        drain: {
          jobs: 'Evict',
          timeoutSeconds: 900,
          rules: [
            {
              name: 'r',
              match: { namespaces: ['shop'] },
              action: 'WaitCompleted',
              order: 0,
              timeoutSeconds: 60,
            },
          ],
        },
      },
      '2026-11-25T01:59:30Z',
    ],
    [
      'has a wait of its own',
      at(20_000),
      { drain: { jobs: 'Wait', timeoutSeconds: 900, jobTimeoutSeconds: 7200 } },
      'goes',
    ],
    [
      'goes on where alone it could run: until the rest is short enough',
      { ...long, nodes: ['n1'], firings: [], runningSinceMs: NOW - HOUR },
      {},
      '2026-11-25T02:44:00Z',
    ],
    [
      'goes on for longer than usual: nobody knows how long',
      { ...long, nodes: ['n1'], firings: [], runningSinceMs: NOW - 3 * HOUR },
      {},
      'goes',
    ],
  ];
  for (const [name, known, asked, until] of rows) {
    it(`${name}: ${until}`, () => assert.equal(untilOf(question([forecast(known)], asked)), until));
  }

  it('is said with its usual duration, and whether that was measured', () => {
    assert.equal(
      firingHold(question([forecast(at(20_000))]))?.reason,
      'CronJob shop/backup fires at 2026-11-25T01:59:20Z; a run of it takes about 2 h, longer than the 15 min that it is waited for',
    );
    const drain = { jobs: 'Wait', timeoutSeconds: 60 } as const;
    const unknown = { ...at(20_000), ...usualDuration([]) };
    assert.equal(
      firingHold(question([forecast(unknown)], { drain }))?.reason,
      'CronJob shop/backup fires at 2026-11-25T01:59:20Z; a run of it takes about 5 min (assumed: no run of it is recorded), longer than the 1 min that it is waited for',
    );
    const going = { ...long, nodes: ['n1'], firings: [], runningSinceMs: NOW - HOUR };
    assert.match(
      firingHold(question([forecast(going)]))?.reason ?? '',
      /^CronJob shop\/backup has been running on n1 since 2026-11-25T00:59:00Z; a run of it takes about 2 h/,
    );
  });
});

describe('several CronJobs', () => {
  it('are all kept clear of, where that is possible', () => {
    const first = forecast();
    const second = forecast({ cronJob: 'shop/report', firings: [NOW + 3 * MINUTE] });
    assert.equal(untilOf(question([first, second])), '2026-11-25T02:02:10Z');
  });

  it('of which one suffers anyway hold back only for the other', () => {
    const always = forecast({ cronJob: 'shop/tick', firings: each(MINUTE) });
    const hold = firingHold(question([always, forecast()]));
    assert.match(hold?.reason ?? '', /shop\/backup/);
    assert.equal(hold?.until, '2026-11-25T02:00:10Z');
  });

  it('that leave no gap between them hold nothing back', () => {
    const offset = (ms: number) => forecast({ firings: each(3 * MINUTE, ms) });
    const both = [offset(30_000), offset(2 * MINUTE)];
    assert.deepEqual(
      both.map((one) => isAvoidable(one, question(both))),
      [true, true],
    );
    assert.equal(firingHold(question(both)), undefined);
  });
});

describe('the plan', () => {
  it('tells firings that suffer anyway from those that are kept clear of', () => {
    const known = [
      forecast({ cronJob: 'shop/tick', firings: each(MINUTE) }),
      forecast({ firings: [NOW + 3 * HOUR] }),
      forecast({ cronJob: 'shop/spread', nodes: ['n1', 'n2'] }),
      forecast({ cronJob: 'shop/yearly', firings: [] }),
      forecast({ cronJob: 'shop/train', nodes: ['n1', 'n2'], usualMs: HOUR }),
    ];
    assert.deepEqual(
      firingConflicts(question(known)).map((entry) => [
        entry.cronJob,
        entry.nextAt,
        entry.avoidable,
      ]),
      [
        ['shop/tick', '2026-11-25T02:00:00Z', false],
        ['shop/backup', '2026-11-25T04:59:00Z', true],
        ['shop/train', '2026-11-25T02:00:00Z', true],
      ],
    );
  });
});

describe('how long a run usually takes', () => {
  const runs = (...minutes: number[]) =>
    minutes.map((length, index) => ({
      startedMs: NOW + index * HOUR,
      endedMs: NOW + index * HOUR + length * MINUTE,
    }));
  const rows: [string, number[], number][] = [
    ['one', [3], 3],
    ['the longest of a few', [1, 5, 2], 5],
    ['nine of ten', [1, 1, 1, 1, 1, 1, 1, 1, 2, 50], 2],
    ['only the newest twenty', [90, ...Array(20).fill(1)], 1],
  ];
  for (const [name, minutes, usual] of rows) {
    it(name, () =>
      assert.deepEqual(usualDuration(runs(...minutes)), {
        usualMs: usual * MINUTE,
        measured: true,
      }),
    );
  }
  it('is assumed where no run has finished', () =>
    assert.deepEqual(usualDuration([]), { usualMs: UNKNOWN_RUN_MS, measured: false }));
});

it('whatever fires: at the end of a hold nothing holds any more', () => {
  const offsets = fc.array(fc.integer({ min: -9, max: 7200 }), { maxLength: 40 });
  const one = fc.record({
    seconds: offsets,
    usualMs: fc.integer({ min: 1000, max: 40 * MINUTE }),
    nodes: fc.subarray(['n1', 'n2']),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 4 }), (many) => {
      const forecasts = many.map(({ seconds, ...rest }) => {
        const firings = [...new Set(seconds)].sort((a, b) => a - b).map((s) => NOW + s * 1000);
        return forecast({ ...rest, firings });
      });
      const hold = firingHold(question(forecasts));
      if (!hold) return;
      const nowMs = Date.parse(hold.until);
      assert.ok(nowMs > NOW);
      // What has fired meanwhile goes on, which the next reading of the cluster shows.
      const later = forecasts.map((known) => {
        const gone = known.firings.filter((ms) => ms <= nowMs - SETTLE_MS).at(-1);
        const firings = known.firings.filter((ms) => ms > nowMs - SETTLE_MS);
        return { ...known, firings, ...(gone === undefined ? {} : { runningSinceMs: gone }) };
      });
      assert.equal(firingHold(question(later, { nowMs })), undefined);
    }),
  );
});
