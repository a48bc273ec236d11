/** Which nodes may be left out or tried again, and what is said where they may not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  findNode,
  judgeRetry,
  judgeSkip,
  retryWaves,
  stillFailing,
} from '../../workflows/domain/node-commands.ts';
import { planOf } from '../workflows/fixtures.ts';

const plan = planOf({
  count: 5,
  strategy: { canary: { count: 2, soakSeconds: 60 }, waves: { size: 2 }, failureBudget: 1 },
});
const [canary = '', second = '', third = '', fourth = ''] = plan.waves.flatMap((wave) =>
  wave.nodes.map(({ node }) => node),
);

function found(name: string) {
  const answer = findNode(plan, name);
  assert.ok(!('refused' in answer));
  return answer;
}

describe('a node that a person names', () => {
  it('is found by its name and by that of its cluster and itself', () => {
    assert.equal(found(canary).wave.name, 'canary');
    assert.equal(found(`east/${third}`).target.node, third);
  });

  it('is refused where there is none, or more than one', () => {
    const refused = (name: unknown, over = plan) => {
      const answer = findNode(over, name);
      return 'refused' in answer ? answer.refused : '';
    };
    assert.equal(refused('east-9'), 'the plan has no node east-9');
    assert.equal(refused(undefined), '"node" must be the name of a node');
    const [first] = plan.waves;
    assert.ok(first);
    const twins = {
      ...first,
      nodes: first.nodes.map((target) => ({ ...target, cluster: 'west' })),
    };
    const both = { ...plan, waves: [...plan.waves, twins] };
    assert.equal(refused(canary, both), `say which one: east/${canary}, west/${canary}`);
  });
});

describe('a node is left out', () => {
  const judge = (name: string, state: string, left: readonly string[] = []) =>
    judgeSkip({
      found: found(name),
      state,
      skipped: left.includes(`east/${name}`),
      left: new Set(left),
    });
  const TABLE: readonly [string, string, readonly string[], string | RegExp][] = [
    [third, 'Waiting', [], ''],
    [third, 'Deferred', [], ''],
    [third, 'InWork', [], /is in work: wait until it has ended, or stop the rollout in mode Now/],
    [third, 'Updated', [], /has ended as Updated/],
    [third, 'NeedsAttention', [], /has ended as NeedsAttention/],
    [third, 'Waiting', [`east/${third}`], /is left out already/],
    [canary, 'Waiting', [], ''],
    [canary, 'Waiting', [`east/${second}`], /the last node of canary: without it nothing/],
  ];
  for (const [name, state, left, expected] of TABLE) {
    it(`${name} ${state}${left.length ? `, without ${left}` : ''}`, () => {
      const verdict = judge(name, state, left);
      if (expected instanceof RegExp) assert.match(verdict, expected);
      else assert.equal(verdict, expected);
    });
  }
});

describe('a node is tried again', () => {
  const TABLE: readonly [string, object, string | RegExp][] = [
    ['RolledBack', {}, ''],
    ['Skipped', {}, ''],
    ['Deferred', {}, ''],
    ['Waiting', {}, /waits for its turn/],
    ['Waiting', { skipped: true }, ''],
    ['InWork', {}, /is in work/],
    ['Updated', {}, /is updated already/],
    ['AlreadyDone', {}, /is updated already/],
    ['NeedsAttention', {}, /needs a person first/],
    ['RolledBack', { queued: true }, /is tried again already/],
  ];
  for (const [state, more, expected] of TABLE) {
    it(`${state} ${JSON.stringify(more)}`, () => {
      const verdict = judgeRetry({ node: 'n', state, skipped: false, queued: false, ...more });
      if (expected instanceof RegExp) assert.match(verdict, expected);
      else assert.equal(verdict, expected);
    });
  }

  it('in waves under the limits of its own: a canary as a canary, with its soak', () => {
    const waves = retryWaves(plan, [`east/${third}`, `east/${second}`, `east/${fourth}`], 3);
    assert.deepEqual(
      waves.map(({ name, canary, soakSeconds, nodes }) => [
        name,
        canary,
        soakSeconds,
        nodes.map(({ node }) => node),
      ]),
      [
        ['retry-3', true, 60, [second]],
        ['retry-4', false, plan.waves[1]?.soakSeconds, [third, fourth]],
      ],
    );
  });
});

describe('what nodes have left failed', () => {
  const outcome = (node: string, kind: string) => ({ cluster: 'east', node, outcome: kind });
  const good = [outcome(canary, 'Updated'), outcome(second, 'Updated')];
  const still = (outcomes: Parameters<typeof stillFailing>[1], left: readonly string[] = []) =>
    stillFailing(plan, outcomes, new Set(left));

  it('is made good where nothing is over the budget any more', () => {
    assert.equal(still(good), '');
    assert.equal(still([...good, outcome(third, 'RolledBack')]), '');
  });

  it('stays where more nodes have failed than the budget allows', () => {
    const two = [outcome(third, 'RolledBack'), outcome(fourth, 'NeedsAttention')];
    assert.match(still([...good, ...two]), /RolledBack.*NeedsAttention \(failure budget 1\)/);
  });

  it('stays where a node of the canary was not updated, unless people leave it out', () => {
    const skipped = [outcome(canary, 'Updated'), outcome(second, 'Skipped')];
    assert.match(still(skipped), /canary failed: the canary was not updated/);
    assert.equal(still(skipped, [`east/${second}`]), '');
  });

  it('stays where a wave has gone past all of its nodes', () => {
    const past = [outcome(third, 'Skipped'), outcome(fourth, 'Skipped')];
    assert.match(still([...good, ...past]), /wave-1 failed: no node of the wave was updated/);
    assert.equal(still([...good, outcome(third, 'Skipped')]), '', 'the other one still waits');
  });
});
