import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODE_PHASES } from '../../workflows/contract.ts';
import type { HostFacts } from '../../workflows/domain/inventory.ts';
import {
  isFailedNode,
  judgeInspection,
  judgeSecondLook,
  type ObservedNode,
  runs,
  slowestTurnMs,
  waveFailure,
} from '../../workflows/domain/lifecycle.ts';
import type { PlannedNode, PlannedPackage } from '../../workflows/domain/plan-types.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import { factsOf, nodeInput } from '../workflows/fixtures.ts';

const target = nodeInput('Restart').target;
const host = factsOf('east-1', 'a').host as HostFacts;
const found: ObservedNode = { host, uid: target.uid, ready: true };

const containerd = target.packages[0] as PlannedPackage;
const { daemon: _, ...withoutDaemon } = containerd;
const runc: PlannedPackage = {
  name: 'runc',
  from: { version: '1.1.5', sha256: '0'.repeat(64), daemonVersion: '1.1.5' },
  to: { version: '1.2.8', sha256: '1'.repeat(64), daemonVersion: '1.2.8' },
};
const both: PlannedNode = { ...target, packages: [containerd, runc] };
const only = (planned: PlannedPackage): PlannedNode => ({ ...target, packages: [planned] });

/** The host with these installed versions, and this running containerd. */
function hosting(versions: Record<string, string | undefined>, daemon?: string): ObservedNode {
  const packages = Object.entries(versions).map(([name, version]) => ({
    name,
    held: false,
    ...(version === undefined ? {} : { version }),
  }));
  return { ...found, host: { ...host, packages, daemons: daemon ? { containerd: daemon } : {} } };
}

const daemonOf = (version: string) =>
  `the running containerd is ${version}, the plan expects ${FROM}`;

/** A plan whose `to` brings a kernel. */
const rebooting: PlannedNode = only({
  ...containerd,
  from: { ...containerd.from, kernelRelease: '6.1.0' },
  to: { ...containerd.to, kernelRelease: '6.1.0-41' },
});

function withKernel(kernel: string): ObservedNode {
  const updated = hosting({ containerd: TO }, TO);
  return { ...updated, host: { ...updated.host, kernel } };
}

function skewed(clockSkewMs: number): ObservedNode {
  return { ...found, host: { ...host, clockSkewMs } };
}

const inspections: [string, PlannedNode, ObservedNode, 'AsPlanned' | 'AlreadyDone' | string[]][] = [
  ['as planned', target, found, 'AsPlanned'],
  ['updated already', target, hosting({ containerd: TO }, TO), 'AlreadyDone'],
  [
    'updated already, although it is another Node object and not Ready',
    target,
    { ...hosting({ containerd: TO }, TO), uid: 'other', ready: false },
    'AlreadyDone',
  ],
  [
    'another Node object',
    target,
    { ...found, uid: 'other' },
    ['the Node object is another one than at plan time (it was deleted and joined again)'],
  ],
  ['another Node object where it may be', { ...target, uid: '' }, found, 'AsPlanned'],
  [
    'the new packages, but not the kernel that they bring',
    rebooting,
    hosting({ containerd: TO }, TO),
    [`containerd is ${TO}, the plan expects ${FROM}`, daemonOf(TO)],
  ],
  ['the kernel that a reboot brought', rebooting, withKernel('6.1.0-41'), 'AlreadyDone'],
  ['not Ready', target, { ...found, ready: false }, ['the node is not Ready']],
  ['a clock within the limit', target, skewed(60_000), 'AsPlanned'],
  ['a clock ahead', target, skewed(61_000), ['its clock is 61 s ahead, the policy allows 60 s']],
  ['a clock behind', target, skewed(-90_400), ['its clock is 90 s behind, the policy allows 60 s']],
  [
    'another kernel',
    target,
    { ...found, host: { ...host, kernel: '6.1.9' } },
    ['kernel is 6.1.9, the plan expects 6.1.0'],
  ],
  [
    'another release and architecture',
    target,
    { ...found, host: { ...host, os: 'debian-13', architecture: 'arm64' } },
    [
      'os is debian-13, the plan expects debian-12',
      'architecture is arm64, the plan expects amd64',
    ],
  ],
  [
    'another boot is no drift',
    target,
    { ...found, host: { ...host, bootId: 'other' } },
    'AsPlanned',
  ],
  [
    'another version, package and daemon',
    target,
    hosting({ containerd: '1.6.19' }, '1.6.19'),
    [
      `containerd is 1.6.19, the plan expects ${FROM}`,
      `the running containerd is 1.6.19, the plan expects ${FROM}`,
    ],
  ],
  [
    'installed, but the old daemon runs on',
    target,
    hosting({ containerd: TO }, FROM),
    [`containerd is ${TO}, the plan expects ${FROM}`],
  ],
  [
    'the daemon does not answer',
    target,
    hosting({ containerd: FROM }),
    [`the running containerd is not answering, the plan expects ${FROM}`],
  ],
  [
    'not installed',
    target,
    hosting({ containerd: undefined }, FROM),
    [`containerd is not installed, the plan expects ${FROM}`],
  ],
  [
    'a package without a daemon: only dpkg counts',
    only(withoutDaemon),
    hosting({ containerd: FROM }),
    'AsPlanned',
  ],
  [
    'one of two packages is done: the other still has to be',
    both,
    hosting({ containerd: TO, runc: '1.1.5' }, TO),
    'AsPlanned',
  ],
  ['both packages are done', both, hosting({ containerd: TO, runc: '1.2.8' }, TO), 'AlreadyDone'],
  [
    'one of two packages has drifted',
    both,
    hosting({ containerd: FROM, runc: '1.1.9' }, FROM),
    ['runc is 1.1.9, the plan expects 1.1.5'],
  ],
];

describe('judgeInspection', () => {
  for (const [name, planned, observed, expected] of inspections) {
    it(name, () => {
      const verdict = judgeInspection(planned, observed, 60);
      if (typeof expected === 'string') assert.deepEqual(verdict, { kind: expected });
      else assert.deepEqual(verdict, { kind: 'Drifted', reasons: expected });
    });
  }

  it('asks dpkg and the daemon', () => {
    assert.ok(runs(containerd, 'from', host));
    assert.ok(!runs(containerd, 'to', host));
    assert.ok(!runs(containerd, 'from', { ...host, daemons: { containerd: TO } }));
    assert.ok(!runs(containerd, 'from', { ...host, packages: [] }));
    assert.ok(runs(withoutDaemon, 'from', { ...host, daemons: {} }));
  });
});

/** Outcomes in short: U(pdated), D(one already), S(kipped), R(olledBack), N(eedsAttention). */
const OUTCOMES: Readonly<Record<string, string>> = {
  U: 'Updated',
  D: 'AlreadyDone',
  S: 'Skipped',
  R: 'RolledBack',
  N: 'NeedsAttention',
};
const SKIPPED_CANARY = 'the canary was not updated: a skipped canary proves nothing';
const NONE = 'no node of the wave was updated';

describe('judgeSecondLook', () => {
  const REBOOTED = 'the node was rebooted by somebody or something since it was inspected';
  const cases: [what: string, now: ObservedNode, reasons: string[]][] = [
    ['nothing has happened', found, []],
    ['somebody else updated it', hosting({ containerd: TO }, TO), []],
    ['it is not Ready any more', { ...found, ready: false }, ['the node is not Ready']],
    ['it was rebooted', { ...found, host: { ...host, bootId: 'another' } }, [REBOOTED]],
  ];
  for (const [what, now, reasons] of cases) {
    it(what, () => assert.deepEqual(judgeSecondLook(target, found, now), reasons));
  }
});

describe('slowestTurnMs', () => {
  it('is known once a node was updated', () => {
    assert.equal(slowestTurnMs([]), undefined);
    assert.equal(slowestTurnMs([{ outcome: 'Skipped', durationMs: 5 }]), undefined);
    const ended = [7000, 9000, 8000].map((durationMs) => ({ outcome: 'Updated', durationMs }));
    assert.equal(slowestTurnMs(ended), 9000);
  });

  it('is without the time in which a node waited for others', () => {
    const waited = { outcome: 'Updated', durationMs: 3_608_000, waitedMs: 3_600_000 };
    assert.equal(slowestTurnMs([{ outcome: 'Updated', durationMs: 7000 }, waited]), 8000);
  });
});

const waves: [canary: boolean, outcomes: string, failureBudget: number, failure: string][] = [
  [true, 'U', 0, ''],
  [true, 'D', 0, ''],
  [true, 'UU', 0, ''],
  [true, 'R', 0, 'n1 RolledBack (failure budget 0)'],
  [true, 'N', 0, 'n1 NeedsAttention (failure budget 0)'],
  [true, 'UR', 5, 'n2 RolledBack (failure budget 0)'],
  [true, 'S', 0, SKIPPED_CANARY],
  [true, 'US', 5, SKIPPED_CANARY],
  [true, '', 0, ''],
  [false, 'UUU', 0, ''],
  [false, 'UDS', 0, ''],
  [false, 'UR', 0, 'n2 RolledBack (failure budget 0)'],
  [false, 'UR', 1, ''],
  [false, 'URN', 1, 'n2 RolledBack, n3 NeedsAttention (failure budget 1)'],
  [false, 'URN', 2, ''],
  [false, 'SS', 3, NONE],
  [false, 'R', 1, ''],
  [false, 'RS', 2, ''],
  [false, 'S', 0, NONE],
  [false, '', 0, ''],
];

describe('waveFailure', () => {
  for (const [canary, letters, failureBudget, failure] of waves) {
    const kind = canary ? 'canary' : 'wave';
    it(`${kind} "${letters}", budget ${failureBudget}: ${failure || 'goes on'}`, () => {
      const outcomes = [...letters].map((letter, i) => ({
        node: `n${i + 1}`,
        outcome: OUTCOMES[letter] ?? '',
      }));
      assert.equal(waveFailure({ canary, outcomes, failureBudget }), failure);
    });
  }

  it('has the rule of before for rollouts that began under it', () => {
    const judge = (outcome: string, everyWaveUpdates: boolean) =>
      waveFailure({
        ...{ canary: false, failureBudget: 1, everyWaveUpdates },
        outcomes: [{ node: 'n1', outcome }],
      });
    assert.equal(judge('RolledBack', true), NONE);
    assert.equal(judge('RolledBack', false), '');
    for (const outcome of ['Skipped', 'Updated', 'Deferred']) {
      assert.equal(judge(outcome, true), judge(outcome, false), outcome);
    }
  });

  it('knows which ends are failures', () => {
    assert.deepEqual(NODE_PHASES.filter(isFailedNode), ['RolledBack', 'NeedsAttention']);
  });
});
