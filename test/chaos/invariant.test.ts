import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeNode, type NodeSnapshot, type Told, violationsOf } from './invariant.ts';

const found: NodeSnapshot = {
  node: 'east-1',
  dpkg: '1',
  daemon: '1',
  ready: true,
  schedulable: true,
  leaseHolder: '',
  attention: '',
  quarantineLabel: false,
  quarantineTaint: false,
  runningUnits: [],
  staged: [],
  leftovers: [],
  dpkgTrouble: '',
};
const to = { version: '2', daemonVersion: '2', sha256: 'abc' };
const updated = { ...found, dpkg: '2', daemon: '2', staged: ['abc'] };
const marked = { quarantineLabel: true, quarantineTaint: true };
const handed = { ...found, ...marked, schedulable: false, attention: 'the undo failed' };

function judge(after: NodeSnapshot, told: Told, before: NodeSnapshot = found) {
  const { standing, violations } = judgeNode({ before, after, told, to });
  return [standing, violations.length] as const;
}

describe('the invariant', () => {
  it('takes the three good ends, where they are told as they are', () => {
    assert.deepEqual(judge(found, 'RolledBack'), ['AsFound', 0]);
    assert.deepEqual(judge(found, 'Skipped'), ['AsFound', 0]);
    assert.deepEqual(judge(found, 'Untouched'), ['AsFound', 0]);
    assert.deepEqual(judge(updated, 'Updated'), ['Updated', 0]);
    assert.deepEqual(judge(found, 'TakenBack'), ['AsFound', 0]);
    assert.deepEqual(judge(updated, 'AlreadyDone'), ['Updated', 0]);
    assert.deepEqual(judge(handed, 'NeedsAttention'), ['NeedsAttention', 0]);
  });

  it('refuses a good end that is told as another one', () => {
    assert.deepEqual(judge(updated, 'RolledBack'), ['Updated', 1]);
    assert.deepEqual(judge(found, 'Updated'), ['AsFound', 1]);
    assert.deepEqual(judge(handed, 'Updated'), ['NeedsAttention', 1]);
    assert.deepEqual(judge(found, 'NeedsAttention'), ['AsFound', 1]);
  });

  it('refuses what is half-done', () => {
    const halves: Partial<NodeSnapshot>[] = [
      { dpkg: '2' },
      { daemon: '2' },
      { daemon: '' },
      { ready: false },
      { schedulable: false },
      { dpkg: '3', daemon: '3' },
      { attention: 'told, and not cordoned' },
    ];
    for (const half of halves) {
      for (const told of ['Updated', 'RolledBack', 'NeedsAttention'] as const) {
        assert.deepEqual(judge({ ...found, ...half }, told), ['HalfDone', 1], JSON.stringify(half));
      }
    }
  });

  it('wants a cordon of others kept', () => {
    const cordoned = { ...found, schedulable: false };
    assert.deepEqual(judge({ ...updated, schedulable: false }, 'Updated', cordoned), [
      'Updated',
      0,
    ]);
    assert.deepEqual(judge(updated, 'Updated', cordoned), ['HalfDone', 1]);
    assert.deepEqual(judge(found, 'RolledBack', cordoned), ['HalfDone', 1]);
  });

  it('refuses leases and units that are left, whatever the end', () => {
    for (const [after, told] of [
      [found, 'RolledBack'],
      [updated, 'Updated'],
      [handed, 'NeedsAttention'],
    ] as const) {
      const lease = { ...after, leaseHolder: 'node/east/east-1' };
      const unit = { ...after, runningUnits: ['tidegate-tx-1-apply.service'] };
      assert.equal(judge(lease, told)[1], 1);
      assert.equal(judge(unit, told)[1], 1);
    }
  });

  it('refuses a broken dpkg, unless a person was told', () => {
    const dpkgTrouble = 'containerd is half-configured';
    assert.equal(judge({ ...updated, dpkgTrouble }, 'Updated')[1], 1);
    assert.equal(judge({ ...found, dpkgTrouble }, 'RolledBack')[1], 1);
    assert.equal(judge({ ...handed, dpkgTrouble }, 'NeedsAttention')[1], 0);
  });

  it('wants both marks of the quarantine on a node for a person, and on no other', () => {
    for (const mark of ['quarantineLabel', 'quarantineTaint'] as const) {
      assert.equal(judge({ ...handed, [mark]: false }, 'NeedsAttention')[1], 1);
      assert.equal(judge({ ...updated, [mark]: true }, 'Updated')[1], 1);
      assert.equal(judge({ ...found, [mark]: true }, 'RolledBack')[1], 1);
    }
  });

  it('refuses probe pods and marks of a reboot that are left', () => {
    assert.equal(judge({ ...updated, leftovers: ['pod probe-east-1'] }, 'Updated')[1], 1);
    assert.equal(judge({ ...found, leftovers: ['a boot marker'] }, 'RolledBack')[1], 1);
  });

  it('refuses the staged package of an update that was undone, and of no other', () => {
    const staged = ['abc'];
    assert.equal(judge({ ...found, staged }, 'RolledBack')[1], 1);
    assert.equal(judge({ ...found, staged: ['other'] }, 'RolledBack')[1], 0);
    assert.equal(judge({ ...found, staged }, 'RolledBack', { ...found, staged })[1], 0);
    assert.equal(judge({ ...found, staged }, 'TakenBack')[1], 0);
    assert.equal(judge({ ...handed, staged }, 'NeedsAttention')[1], 0);
  });

  it('names the node of each violation, and the lease of the cluster', () => {
    const cases = [{ before: found, after: { ...found, dpkg: '2' }, told: 'Updated', to }] as const;
    assert.deepEqual(violationsOf(cases, 'rollout/x'), [
      'east-1 half-done: dpkg has 2, the daemon runs 1, Ready, schedulable',
      'cluster still leased by rollout/x',
    ]);
    assert.deepEqual(violationsOf([], ''), []);
  });
});
