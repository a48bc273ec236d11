import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostFacts, NodeFacts, OfferedPackage } from '../../workflows/domain/inventory.ts';
import { judgeNode, type NodeAnswer } from '../../workflows/domain/plan-node.ts';
import {
  type Bundle,
  bundleSchema,
  type Disruption,
  type Policy,
} from '../../workflows/domain/spec.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import {
  bundleOf,
  factsOf,
  OFFERED,
  policy,
  rolloutOf,
  SHA_FROM,
  SHA_TO,
} from '../workflows/fixtures.ts';
import { held, hostChanged, running, unread } from './plan-kit.ts';

interface Question {
  readonly facts: NodeFacts;
  readonly offered?: readonly OfferedPackage[];
  readonly spec?: object;
  readonly strategy?: object;
  readonly policy?: Policy;
  readonly bundle?: Bundle;
}

function judge(question: Question): NodeAnswer {
  const { facts, offered = OFFERED, spec, strategy } = question;
  return judgeNode({
    rollout: rolloutOf(strategy, spec),
    bundle: question.bundle ?? bundleOf(),
    policy: question.policy ?? policy,
    facts,
    offered,
  });
}

const usual = factsOf('east-1', 'a');
const BACK = { direction: 'Back' };
const EXCLUDE = { onUnreachable: 'Exclude' };
const supporting = (...versions: string[]): Policy => ({
  ...policy,
  spec: { ...policy.spec, supported: [{ package: 'containerd', versions }] },
});
const allowingSkew = (maxClockSkewSeconds: number): Policy => ({
  ...policy,
  spec: { ...policy.spec, maxClockSkewSeconds },
});
const [OLD, NEW] = OFFERED as readonly [OfferedPackage, OfferedPackage];
const HINT = '(spec.strategy.onUnreachable: Exclude leaves such nodes out)';

/** The usual bundle, whose `to` brings a kernel. */
function kernelBundle(from: string, to: string): Bundle {
  const bundle = structuredClone(bundleOf('Reboot'));
  const entry = bundle.spec.releases[0]?.packages[0];
  if (entry) entry.to.kernelRelease = to;
  if (entry?.from[0]) entry.from[0].kernelRelease = from;
  return bundle;
}

const refusals: [string, Question, string[]][] = [
  [
    'the new package without the reboot into it',
    { facts: running('east-1', TO), bundle: kernelBundle('6.1.0', '6.1.0-41') },
    [
      `has containerd ${TO} installed, but runs kernel 6.1.0 instead of 6.1.0-41; reboot the node first`,
    ],
  ],
  [
    'another release of the operating system',
    { facts: hostChanged('east-1', { os: 'debian-13' }) },
    ['runs debian-13/amd64; bundle containerd-deb12u3 has only debian-12/amd64'],
  ],
  [
    'another architecture',
    { facts: hostChanged('east-1', { architecture: 'arm64' }) },
    ['runs debian-12/arm64; bundle containerd-deb12u3 has only debian-12/amd64'],
  ],
  [
    'a version that the bundle does not list',
    { facts: running('east-1', '1.6.19') },
    [`has containerd 1.6.19, which the bundle does not list under "from" (${FROM})`],
  ],
  [
    'going back from a version that is not the bundle\'s "to"',
    { facts: running('east-1', '1.6.19'), spec: BACK },
    [`has containerd 1.6.19, which the bundle cannot take back: its "to" is ${TO}`],
  ],
  [
    'a package that is not installed',
    { facts: hostChanged('east-1', { packages: [] }) },
    ['has no package containerd installed'],
  ],
  [
    'a package on hold',
    { facts: held('east-1') },
    [
      'has package containerd on hold (apt-mark unhold containerd releases it; onHold: Rehold in the bundle changes it all the same)',
    ],
  ],
  [
    'a daemon that is older than its package',
    { facts: running('east-1', FROM, '1.6.19') },
    [
      `has containerd ${FROM} installed, but the running containerd is 1.6.19; restart containerd on the node first`,
    ],
  ],
  [
    'an updated package whose old daemon runs on',
    { facts: running('east-1', TO, FROM) },
    [
      `has containerd ${TO} installed, but the running containerd is ${FROM}; restart containerd on the node first`,
    ],
  ],
  [
    'a daemon that does not answer',
    { facts: hostChanged('east-1', { daemons: {} }) },
    [
      `has containerd ${FROM} installed, but the running containerd is not answering; restart containerd on the node first`,
    ],
  ],
  [
    'a version that the policy does not support',
    { facts: usual, policy: supporting(FROM, '1.7.24') },
    [`policy standard does not support containerd ${TO} (spec.supported has ${FROM}, 1.7.24)`],
  ],
  [
    'a version that no source offers',
    { facts: usual, offered: [OLD] },
    [
      `PackageUnavailable: its package sources do not offer containerd ${TO} to install (they offer ${FROM})`,
    ],
  ],
  [
    'no way back',
    { facts: usual, offered: [NEW] },
    [
      `PackageUnavailable: its package sources do not offer containerd ${FROM} for the way back (they offer ${TO})`,
    ],
  ],
  [
    'no source at all: both ends are named',
    { facts: usual, offered: [] },
    [
      `PackageUnavailable: its package sources do not offer containerd ${TO} to install (they offer nothing)`,
      `PackageUnavailable: its package sources do not offer containerd ${FROM} for the way back (they offer nothing)`,
    ],
  ],
  [
    'a package that was altered',
    { facts: usual, offered: [OLD, { ...NEW, sha256: SHA_FROM }] },
    [
      `DigestMismatch: its package sources offer containerd ${TO} with sha256 ${SHA_FROM}, the bundle says ${SHA_TO}`,
    ],
  ],
  [
    'an unreachable host',
    { facts: unread('east-1') },
    [`HostUnreachable: east-1: no answer ${HINT}`],
  ],
  [
    'a host whose commands fail',
    { facts: unread('east-1', 'HostCommandFailed') },
    [`HostCommandFailed: east-1: no answer ${HINT}`],
  ],
  [
    'a host key that is not pinned, even where unreachable nodes are left out',
    { facts: unread('east-1', 'HostKeyMismatch'), strategy: EXCLUDE },
    ['HostKeyMismatch: east-1: no answer'],
  ],
  [
    'a refused login, even where unreachable nodes are left out',
    { facts: unread('east-1', 'HostAuthRefused'), strategy: EXCLUDE },
    ['HostAuthRefused: east-1: no answer'],
  ],
  [
    'everything at once: all reasons are given',
    {
      facts: hostChanged('east-1', {
        packages: [{ name: 'containerd', version: FROM, held: true }],
        daemons: {},
      }),
      policy: supporting(FROM),
      offered: [NEW],
    },
    [
      'has package containerd on hold (apt-mark unhold containerd releases it; onHold: Rehold in the bundle changes it all the same)',
      `has containerd ${FROM} installed, but the running containerd is not answering; restart containerd on the node first`,
      `policy standard does not support containerd ${TO} (spec.supported has ${FROM})`,
      `PackageUnavailable: its package sources do not offer containerd ${FROM} for the way back (they offer ${TO})`,
    ],
  ],
];

describe('containers that have to survive', () => {
  const kills = (mode: string) => hostChanged('east-1', { killModes: { containerd: mode } });
  const deadly = (mode: string) =>
    `containerd.service has KillMode=${mode}: a restart would kill its containers (a drop-in with KillMode=process keeps them; disruption Drain does without)`;
  const rows: [string, Disruption, 'Planned' | string][] = [
    ['process', 'Restart', 'Planned'],
    ['none', 'Restart', 'Planned'],
    ['control-group', 'Restart', deadly('control-group')],
    ['mixed', 'Restart', deadly('mixed')],
    ['control-group', 'Drain', 'Planned'],
    ['control-group', 'Reboot', 'Planned'],
  ];
  for (const [mode, disruption, expected] of rows) {
    it(`KillMode=${mode} under ${disruption}`, () => {
      const answer = judge({ facts: kills(mode), bundle: bundleOf(disruption) });
      assert.equal(answer.kind === 'Refused' ? answer.reasons.join() : answer.kind, expected);
    });
  }

  it('nothing restarts on a node that is updated already', () => {
    const facts = running('east-1', TO);
    const host = { ...(facts.host as HostFacts), killModes: { containerd: 'control-group' } };
    assert.equal(judge({ facts: { ...facts, host } }).kind, 'AlreadyDone');
  });

  it('are not counted where no runtime answers', () => {
    const runc = { name: 'runc', version: '1.1.5', held: false };
    const offered = ['1.1.5', '1.2.8'].map((version, i) => ({
      name: 'runc',
      version,
      sha256: `${i}`.repeat(64),
    }));
    const answer = (daemons: Readonly<Record<string, string>>) =>
      judge({
        facts: hostChanged('east-1', { packages: [runc], daemons }),
        bundle: onlyRunc(),
        offered,
      });
    assert.equal(answer({ containerd: FROM }).kind, 'Planned');
    assert.deepEqual(answer({}), {
      kind: 'Refused',
      reasons: [
        'no container runtime answers: what has to survive cannot be counted; repair it first',
      ],
    });
  });
});

const others: [string, Question, Exclude<NodeAnswer['kind'], 'Refused' | 'Planned'>, string][] = [
  [
    'an unreachable host where such nodes are left out',
    { facts: unread('east-1'), strategy: EXCLUDE },
    'Excluded',
    'HostUnreachable: east-1: no answer',
  ],
  [
    'left to a person by an earlier rollout',
    { facts: { ...usual, unschedulable: true, needsAttention: 'the undo failed' } },
    'Excluded',
    'waits for a person: the undo failed (put it right, then remove the annotation tidegate.dev/needs-attention)',
  ],
  [
    'in quarantine by its label alone',
    { facts: { ...usual, labels: { ...usual.labels, 'tidegate.dev/quarantine': 'DrainBlocked' } } },
    'Excluded',
    'is in quarantine (put it right, then remove the label and the taint tidegate.dev/quarantine)',
  ],
  ['not Ready', { facts: { ...usual, ready: false } }, 'Excluded', 'is not Ready; repair it first'],
  [
    'a clock that is too far ahead',
    { facts: hostChanged('east-1', { clockSkewMs: 90_400 }) },
    'Excluded',
    "its clock is 90 s ahead of the worker's, more than the 60 s of the policy's maxClockSkewSeconds; set it right (timedatectl shows what keeps it)",
  ],
  [
    'a clock that is too far behind what the policy allows',
    { facts: hostChanged('east-1', { clockSkewMs: -6_000 }), policy: allowingSkew(5) },
    'Excluded',
    "its clock is 6 s behind the worker's, more than the 5 s of the policy's maxClockSkewSeconds; set it right (timedatectl shows what keeps it)",
  ],
  ['updated', { facts: running('east-1', TO) }, 'AlreadyDone', `runs containerd ${TO} already`],
  [
    'updated, and nothing is offered any more',
    { facts: running('east-1', TO), offered: [] },
    'AlreadyDone',
    `runs containerd ${TO} already`,
  ],
  [
    'taken back',
    { facts: running('east-1', FROM), spec: BACK },
    'AlreadyDone',
    `runs containerd ${FROM} already`,
  ],
];

it('visits a node that an ended run has updated and left leased', () => {
  const lease = {
    holder: 'node/east/east-1',
    since: '2026-11-24T22:00:00Z',
    for: 'patch (Forward)',
    cordonedBefore: false,
  };
  const answer = judge({ facts: { ...running('east-1', TO), lease } });
  assert.equal(answer.kind, 'Planned');
  assert.equal(judge({ facts: running('east-1', TO) }).kind, 'AlreadyDone');
});

describe('judgeNode', () => {
  for (const [name, question, reasons] of refusals) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(judge(question), { kind: 'Refused', reasons });
    });
  }

  for (const [name, question, kind, reason] of others) {
    it(`answers ${kind}: ${name}`, () => {
      assert.deepEqual(judge(question), { kind, reason });
    });
  }

  it('plans both ends of a package, and what it expects to find', () => {
    assert.deepEqual(judge({ facts: { ...usual, unschedulable: true } }), {
      kind: 'Planned',
      node: {
        cluster: 'east',
        node: 'east-1',
        uid: 'uid-east-1',
        address: '192.0.2.1',
        failureDomain: 'a',
        cordoned: true,
        disruption: 'Restart',
        packages: [
          {
            name: 'containerd',
            daemon: 'containerd',
            from: { version: FROM, sha256: SHA_FROM, daemonVersion: FROM },
            to: { version: TO, sha256: SHA_TO, daemonVersion: TO },
          },
        ],
        expects: { os: 'debian-12', architecture: 'amd64', kernel: '6.1.0' },
      },
    });
  });

  it('exchanges the ends where the direction is Back; the policy lists what may come, not go', () => {
    const answer = judge({ facts: running('east-1', TO), spec: BACK, policy: supporting(TO) });
    assert.equal(answer.kind, 'Planned');
    if (answer.kind !== 'Planned') return;
    const [entry] = answer.node.packages;
    assert.equal(entry?.from.version, TO);
    assert.equal(entry?.to.version, FROM);
  });

  it('plans a package on hold where the bundle says Rehold', () => {
    const answer = judge({ facts: held('east-1'), bundle: reholding() });
    assert.equal(answer.kind, 'Planned');
    if (answer.kind === 'Planned') assert.equal(answer.node.packages[0]?.onHold, 'Rehold');
  });

  for (const clockSkewMs of [60_000, -60_000, 0]) {
    it(`plans a node whose clock is off by ${clockSkewMs} ms, within what the policy allows`, () => {
      assert.equal(judge({ facts: hostChanged('east-1', { clockSkewMs }) }).kind, 'Planned');
    });
  }

  it('plans only the packages that are not as wanted', () => {
    const bundle = withRunc();
    const facts = hostChanged('east-1', {
      packages: [
        { name: 'containerd', version: TO, held: false },
        { name: 'runc', version: '1.1.5', held: false },
      ],
      daemons: { containerd: TO },
    });
    const runc = ['1.1.5', '1.2.8'].map((version, i) => ({
      name: 'runc',
      version,
      sha256: `${i}`.repeat(64),
    }));
    const answer = judge({ facts, bundle, offered: [...OFFERED, ...runc] });
    assert.equal(answer.kind, 'Planned');
    if (answer.kind !== 'Planned') return;
    assert.deepEqual(
      answer.node.packages.map((entry) => entry.name),
      ['runc'],
    );
  });
});

function reholding(): Bundle {
  return withPackages((packages) => packages.map((entry) => ({ ...entry, onHold: 'Rehold' })));
}

const RUNC = {
  name: 'runc',
  to: { version: '1.2.8', sha256: '1'.repeat(64) },
  from: [{ version: '1.1.5', sha256: '0'.repeat(64) }],
};

function withRunc(): Bundle {
  return withPackages((packages) => [...packages, RUNC]);
}

function onlyRunc(): Bundle {
  return withPackages(() => [RUNC]);
}

function withPackages(change: (packages: readonly object[]) => readonly object[]): Bundle {
  const bundle = bundleOf();
  const releases = bundle.spec.releases.map((release) => ({
    ...release,
    packages: change(release.packages),
  }));
  return bundleSchema.parse({ ...bundle, spec: { ...bundle.spec, releases } });
}
