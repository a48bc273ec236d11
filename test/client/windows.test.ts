/** What `tidegate windows` shows, and how `tidegate override` asks. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { parse, stringify } from 'yaml';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { nextOpenings } from '../../workflows/domain/next-openings.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';
import { NOW, run, TTY } from './kit.ts';

const timeZone = 'Europe/Berlin';
const EVERY_DAY = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const nightly = {
  name: 'nightly',
  days: EVERY_DAY,
  start: '22:00',
  durationMinutes: 480,
  timeZone,
};
const noon = {
  ...{ name: 'noon', days: ['Thu'], start: '12:00', durationMinutes: 60, regions: ['west'] },
  timeZone: 'America/New_York',
};
const freeze = {
  ...{ name: 'launch', reason: 'a launch', from: '2026-11-25', to: '2026-11-26', timeZone },
};
const withCalendar = (spec: object) =>
  policySchema.parse({ ...policy, spec: { ...policy.spec, ...spec } });
const given = (spec: object) => ({ stdin: stringify(withCalendar(spec)) });
const ARGV = ['windows', '--policy', '-'];

test('one row an opening: in the zone of the window and in UTC, for programs', async () => {
  const { code, out, err } = await run([...ARGV, '--count', '2'], given({ windows: [nightly] }));
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => line.split('\t')),
    [
      ['WINDOW', 'OPENS', 'CLOSES', 'ZONE', 'OPENS (UTC)', 'CLOSES (UTC)', 'TAKEN AWAY'],
      [
        ...['nightly', '2026-11-24T22:00:00+01:00', '2026-11-25T06:00:00+01:00', timeZone],
        ...['2026-11-24T21:00:00Z', '2026-11-25T05:00:00Z', '-'],
      ],
      [
        ...['nightly', '2026-11-25T22:00:00+01:00', '2026-11-26T06:00:00+01:00', timeZone],
        ...['2026-11-25T21:00:00Z', '2026-11-26T05:00:00Z', '-'],
      ],
    ],
  );
});

test('people see weekdays, regions, and what freezes and missing people take away', async () => {
  const onCall = [{ days: EVERY_DAY, start: '20:00', durationMinutes: 360, timeZone }];
  const spec = { windows: [nightly, noon], freezes: [freeze], onCall };
  const { out } = await run([...ARGV, '--count', '5'], { ...given(spec), look: TTY });
  assert.equal(
    out,
    `${[
      'WINDOW   OPENS                 CLOSES                ZONE              OPENS (UTC)           CLOSES (UTC)          REGIONS  TAKEN AWAY',
      'nightly  Tue 2026-11-24 22:00  Wed 2026-11-25 06:00  Europe/Berlin     Tue 2026-11-24 21:00  Wed 2026-11-25 05:00  all      from 00:00: freeze "launch" (a launch); from 02:00: nobody on call',
      'nightly  Wed 2026-11-25 22:00  Thu 2026-11-26 06:00  Europe/Berlin     Wed 2026-11-25 21:00  Thu 2026-11-26 05:00  all      all: freeze "launch" (a launch); from 02:00: nobody on call',
      'noon     Thu 2026-11-26 12:00  Thu 2026-11-26 13:00  America/New_York  Thu 2026-11-26 17:00  Thu 2026-11-26 18:00  west     all: freeze "launch" (a launch); all: nobody on call',
      'nightly  Thu 2026-11-26 22:00  Fri 2026-11-27 06:00  Europe/Berlin     Thu 2026-11-26 21:00  Fri 2026-11-27 05:00  all      until 00:00: freeze "launch" (a launch); from 02:00: nobody on call',
      'nightly  Fri 2026-11-27 22:00  Sat 2026-11-28 06:00  Europe/Berlin     Fri 2026-11-27 21:00  Sat 2026-11-28 05:00  all      from 02:00: nobody on call',
    ].join('\n')}\n`,
  );
});

test('ten openings of one region from a time on, as JSON', async () => {
  const spec = { windows: [nightly, noon], freezes: [{ ...freeze, regions: ['west'] }] };
  const argv = [...ARGV, '--region', 'east', '--from', '2026-11-26', '--output', 'json'];
  const { out } = await run(argv, given(spec));
  const { from, openings } = JSON.parse(out);
  assert.equal(from, '2026-11-26T00:00:00.000Z');
  assert.equal(openings.length, 10);
  assert.deepEqual(openings[0], {
    ...{ window: 'nightly', timeZone, lost: [] },
    ...{ opens: '2026-11-25T22:00:00+01:00', closes: '2026-11-26T06:00:00+01:00' },
    ...{ opensUtc: '2026-11-25T21:00:00Z', closesUtc: '2026-11-26T05:00:00Z' },
    open: [{ from: '2026-11-25T22:00:00+01:00', to: '2026-11-26T06:00:00+01:00' }],
  });
});

test('a freeze of one region takes nothing from the others, and says so', () => {
  const spec = withCalendar({
    windows: [nightly],
    freezes: [{ ...freeze, regions: ['west'] }],
  }).spec;
  const asked = { fromMs: NOW + 24 * 3_600_000, count: 1 };
  const [all] = nextOpenings(spec, asked);
  assert.deepEqual(
    all?.lost.map(({ regions }) => regions),
    [['west']],
  );
  assert.equal(all?.open.length, 1);
  const [west] = nextOpenings(spec, { ...asked, region: 'west' });
  assert.deepEqual([west?.lost[0]?.regions, west?.open], [undefined, []]);
});

test('hours on call stand for windows where there are none; without either, always', async () => {
  const onCall = [{ days: ['Wed'], start: '09:00', durationMinutes: 480, timeZone }];
  const shifts = await run([...ARGV, '--count', '1'], given({ onCall }));
  assert.match(shifts.out, /^\(on call\)\t2026-11-25T09:00:00\+01:00\t2026-11-25T17:00:00\+01:00/m);
  const nothing = await run(ARGV, given({ freezes: [freeze] }));
  assert.equal(
    nothing.out,
    'The policy has no windows: nodes may start at any time, but for the freezes launch (2026-11-25 to 2026-11-26).\n',
  );
  const never = await run([...ARGV, '--region', 'north'], given({ windows: [noon] }));
  assert.equal(never.out, 'No window opens within 400 days.\n');
});

test('a window that opens on one day a week is found far ahead', () => {
  const windows = [{ ...nightly, days: ['Sun' as const] }];
  const spec = withCalendar({ windows }).spec;
  const found = nextOpenings(spec, { fromMs: NOW, count: 50 });
  assert.equal(found.length, 50);
  assert.ok(found.every(({ opens }) => opens.includes('T22:00:00')));
});

test('a rollout is shown by the policy of its plan, with an older release as well', async () => {
  const plan = planOf({ count: 1, policy: withCalendar({ windows: [nightly] }) });
  const asked: string[] = [];
  const client = {
    planOf: async (name: string) => {
      asked.push(name);
      return { plan, impact: [] };
    },
    close: async () => undefined,
  } as unknown as RolloutClient;
  const { out } = await run(['windows', 'patch', '--count', '1'], { client });
  assert.match(out, /^nightly\t/m);
  assert.deepEqual(asked, ['patch']);
  const { windows: _, onCall: _o, freezes: _f, regionsTogether: _r, ...before } = policy.spec;
  Object.assign(plan, { policy: { ...policy, spec: before } });
  const old = await run(['windows', 'patch'], { client });
  assert.match(old.out, /nodes may start at any time\.$/m);
});

test('what is wrong is refused', async () => {
  const refusals: [string[], RegExp][] = [
    [['windows'], /Say whose windows/],
    [['windows', 'patch', '--policy', 'x.yaml'], /Say whose windows/],
    [['windows', '--policy', 'x.yaml'], /x\.yaml: there is no such file/],
    [[...ARGV, '--count', '0'], /a number from 1 to 1000/],
    [[...ARGV, '--from', 'tomorrow'], /a time such as 2026-12-01/],
    [['override', 'patch', '--as', 'ada', '--reason', 'why'], /--freeze <name>/],
    [['override', 'patch', '--as', 'ada', '--freeze', 'x'], /--reason <text>/],
  ];
  for (const [argv, message] of refusals) {
    const { code, out, err } = await run(argv, given({}));
    assert.deepEqual([code, out], [3, ''], err);
    assert.match(err, message);
  }
});

test('a freeze is lifted with who and why', async () => {
  const sent: unknown[] = [];
  const client = {
    overrideFreeze: async (...args: unknown[]) => {
      sent.push(args);
      return 'freeze "launch" does not count';
    },
    close: async () => undefined,
  } as unknown as RolloutClient;
  const argv = ['override', 'patch', '--freeze', 'launch', '--as', 'ada', '--reason', 'urgent'];
  const { code, out } = await run(argv, { client });
  assert.deepEqual([code, out], [0, 'patch: freeze "launch" does not count\n']);
  assert.deepEqual(sent, [['patch', { by: 'ada', freeze: 'launch', reason: 'urgent' }]]);
});

test('docs/windows.md shows what its policy gives', async () => {
  const page = await readFile(new URL('../../docs/windows.md', import.meta.url), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const [, command = '', table = ''] = /```console\n\$ (.*)\n([\s\S]*?)```/.exec(page) ?? [];
  const spec = parse(yaml) as object;
  const argv = command.replace('policy.yaml', '-').split(' ').slice(1);
  const { code, out, err } = await run(argv, { ...given(spec), look: TTY });
  assert.deepEqual([code, err], [0, '']);
  assert.equal(out, table);
});
