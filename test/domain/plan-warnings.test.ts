import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Plan, PlannedPackage } from '../../workflows/domain/plan-types.ts';
import { planWarnings } from '../../workflows/domain/plan-warnings.ts';
import { type Disruption, policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

const away = (node: string, why = 'cordoned', cluster = 'east') => ({ cluster, node, why });
const limited = (maxUnavailable: number) => planOf({ count: 3, strategy: { maxUnavailable } });

describe('nodes that are unavailable when a plan is made', () => {
  const used = (names: string, limit: number, it = 'it is') =>
    `cluster east: ${names} unavailable now and ${it === 'it is' ? 'uses' : 'use'} up maxUnavailable ${limit}: no other node starts until ${it} back. Repair, uncordon or remove, or raise maxUnavailable`;
  const rows: [string, Plan, ReturnType<typeof away>[], string[]][] = [
    ['none', limited(1), [], []],
    ['one of the plan', limited(1), [away('east-2')], [used('east-2 (cordoned) is', 1)]],
    ['one beside it', limited(1), [away('other', 'not Ready')], [used('other (not Ready) is', 1)]],
    ['one, with room for two', limited(2), [away('east-2')], []],
    [
      'two, with room for two',
      limited(2),
      [away('east-10'), away('east-2')],
      [used('east-2 (cordoned), east-10 (cordoned) are', 2, 'they are')],
    ],
    [
      'many',
      limited(1),
      ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((name) => away(name)),
      [
        used(
          'a1 (cordoned), a2 (cordoned), a3 (cordoned), a4 (cordoned) and 2 more are',
          1,
          'they are',
        ),
      ],
    ],
    ['one of another cluster', limited(1), [away('west-1', 'cordoned', 'west')], []],
    [
      'all of the plan, which may start all the same',
      limited(1),
      ['east-1', 'east-2', 'east-3'].map((name) => away(name)),
      [],
    ],
  ];
  for (const [name, plan, unavailable, expected] of rows) {
    it(name, () => assert.deepEqual(planWarnings(plan, unavailable), expected));
  }
});

describe('quarantine that uses up the budget', () => {
  const quarantining = (drain: object) =>
    policySchema.parse({ ...policy, spec: { ...policy.spec, drain } });
  const warn = (disruption: Disruption, maxUnavailable: number, drain: object) =>
    planWarnings(
      planOf({ count: 3, disruption, strategy: { maxUnavailable }, policy: quarantining(drain) }),
      [],
    );
  const asked = { atTimeout: 'Quarantine' };

  it('is told where it can stop every other node', () => {
    assert.deepEqual(warn('Drain', 1, asked), [
      "cluster east: the policy's maxQuarantined 1 is not below maxUnavailable 1: one node in quarantine uses it up, and the rollout halts then. Raise maxUnavailable, or lower maxQuarantined",
    ]);
    assert.match(
      warn('Reboot', 2, { ...asked, maxQuarantined: 2 }).join(),
      /: 2 nodes in quarantine use it up/,
    );
  });

  it('is not where there is room, no drain, or no quarantine', () => {
    assert.deepEqual(warn('Drain', 2, asked), []);
    assert.deepEqual(warn('Restart', 1, asked), []);
    assert.deepEqual(warn('Drain', 1, { atTimeout: 'Fail' }), []);
  });
});

describe('another series of a daemon', () => {
  const changing = (disruption: Disruption, from: string, to: string, daemon = true): Plan => {
    const plan = planOf({ count: 2, disruption });
    const change = (entry: PlannedPackage): PlannedPackage => {
      const { daemon: _, ...rest } = entry;
      const ends = { from: { ...entry.from, version: from }, to: { ...entry.to, version: to } };
      return { ...(daemon ? entry : rest), ...ends };
    };
    const waves = plan.waves.map((wave) => ({
      ...wave,
      nodes: wave.nodes.map((node) => ({ ...node, packages: node.packages.map(change) })),
    }));
    return { ...plan, waves };
  };
  const words = (...args: Parameters<typeof changing>) =>
    planWarnings(changing(...args), []).map(
      (line) => /another series|another major/.exec(line)?.[0],
    );
  const [SERIES, MAJOR] = ['another series', 'another major'];
  const rows: [string, Parameters<typeof changing>, (string | undefined)[]][] = [
    ['the same one', ['Restart', '1.6.20~ds1-1', '1.6.24~ds1-1'], []],
    ['minor, containers stay', ['Restart', '1.6.20', '1.7.24'], [SERIES]],
    ['minor, containers start anew', ['Drain', '1.6.20', '1.7.24'], []],
    ['major, containers stay', ['Restart', '1:1.7.24', '1:2.1.0'], [SERIES, MAJOR]],
    ['major, containers start anew', ['Reboot', '1.7.24', '2.1.0'], [MAJOR]],
    ['back again', ['Drain', '2.1.0', '1.7.24'], [MAJOR]],
    ['no daemon', ['Restart', '1.1.5', '2.0.0', false], []],
  ];
  for (const [name, args, expected] of rows) {
    it(name, () => assert.deepEqual(words(...args), expected));
  }
});
