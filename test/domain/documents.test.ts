import assert from 'node:assert/strict';
import test from 'node:test';
import {
  documentKind,
  documentName,
  explainProblems,
  kindNamed,
  parseDocument,
} from '../../workflows/domain/documents.ts';
import { editDistance, nearest } from '../../workflows/domain/nearest.ts';
import type { DocumentKind } from '../../workflows/domain/spec.ts';

const API = { apiVersion: 'tidegate.dev/v1alpha1' };
const SHA = 'a'.repeat(64);

const rollout = (spec: object = {}) => ({
  ...API,
  kind: 'Rollout',
  metadata: { name: 'r1' },
  spec: {
    requestedBy: 'platform-oncall',
    reason: 'patch',
    fleet: 'lab',
    bundle: 'b1',
    policy: 'standard',
    ...spec,
  },
});
const cluster = (change: object = {}) => ({
  name: 'east',
  region: 'east',
  nodeGroups: [{ name: 'workers', selector: 'pool=workers' }],
  ssh: { privateKeyFile: 'key', knownHostsFile: 'hosts' },
  ...change,
});
const fleet = (...clusters: object[]) => ({
  ...API,
  kind: 'Fleet',
  metadata: { name: 'lab' },
  spec: { clusters },
});
const bundle = (version: object) => ({
  ...API,
  kind: 'Bundle',
  metadata: { name: 'b1' },
  spec: {
    reason: 'r',
    disruption: 'Restart',
    releases: [
      {
        os: 'debian-12',
        architecture: 'amd64',
        packages: [
          {
            name: 'containerd',
            to: { version: '2', sha256: SHA, ...version },
            from: [{ version: '1', sha256: SHA }],
          },
        ],
      },
    ],
  },
});

const disrupting = (disruption: string, more: object = {}) => {
  const usual = bundle({});
  const releases = usual.spec.releases.map((release) => ({
    ...release,
    packages: release.packages.map((entry) => ({ ...entry, ...more })),
  }));
  return { ...usual, spec: { ...usual.spec, disruption, releases } };
};
const policy = (spec: object) => ({ ...API, kind: 'Policy', metadata: { name: 'p' }, spec });

function problems(kind: DocumentKind, value: unknown): string[] {
  const answer = parseDocument(kind, value);
  if (answer.kind === 'Valid') return [];
  return answer.problems.map(({ path, message }) => `${path}: ${message}`);
}

const NAME = 'a lowercase DNS name such as "containerd-deb12u3"';

const cases: [string, DocumentKind, unknown, string[]][] = [
  ['a valid rollout', 'Rollout', rollout(), []],
  ['a valid inline fleet', 'Rollout', rollout({ fleet: fleet(cluster()) }), []],
  [
    'a cluster twice',
    'Fleet',
    fleet(cluster(), cluster()),
    ['spec.clusters[1]: "east" is here twice'],
  ],
  [
    'a way back to the version itself',
    'Bundle',
    bundle({ version: '1' }),
    ['spec.releases[0].packages[0].from: the version of "to" cannot be one of "from"'],
  ],
  [
    'a misspelt key',
    'Rollout',
    rollout({ strategy: { maxUnavailble: 1 } }),
    ['spec.strategy.maxUnavailble: unknown key; did you mean "maxUnavailable"?'],
  ],
  [
    'a key that resembles none',
    'Rollout',
    rollout({ strategy: { canary: { ssh: 1 } } }),
    ['spec.strategy.canary.ssh: unknown key; known here: count, nodes, soakSeconds'],
  ],
  [
    'a misspelt word of a list',
    'Rollout',
    rollout({ strategy: { onFailure: 'Rolback' } }),
    [
      'spec.strategy.onFailure: expected "Rollback" or "Halt", found "Rolback"; did you mean "Rollback"?',
    ],
  ],
  [
    'a missing key',
    'Rollout',
    rollout({ reason: undefined }),
    ['spec.reason: is missing; expected text'],
  ],
  [
    'an empty text',
    'Rollout',
    rollout({ reason: '' }),
    ['spec.reason: expected text that is not empty, found ""'],
  ],
  [
    'a number where text belongs',
    'Rollout',
    rollout({ reason: 5 }),
    ['spec.reason: expected text, found 5; put it in quotes'],
  ],
  [
    'a count below its least',
    'Rollout',
    rollout({ strategy: { maxUnavailable: 0 } }),
    ['spec.strategy.maxUnavailable: expected at least 1, found 0'],
  ],
  [
    'a percentage above 100',
    'Rollout',
    rollout({ strategy: { maxUnavailable: '200%' } }),
    [
      'spec.strategy.maxUnavailable: expected a count such as 2 or a percentage such as "25%", found "200%"',
    ],
  ],
  [
    'neither count nor percentage',
    'Rollout',
    rollout({ strategy: { maxUnavailable: true } }),
    ['spec.strategy.maxUnavailable: expected a number or text, found true'],
  ],
  [
    'a fraction',
    'Rollout',
    rollout({ strategy: { failureBudget: 1.5 } }),
    ['spec.strategy.failureBudget: expected a whole number, found 1.5'],
  ],
  [
    'an inline document with problems of its own',
    'Rollout',
    rollout({ fleet: fleet(cluster({ regoin: 'x' })) }),
    ['spec.fleet.spec.clusters[0].regoin: unknown key; did you mean "region"?'],
  ],
  [
    'an inline document of another kind',
    'Rollout',
    rollout({ fleet: bundle({}) }),
    ['spec.fleet.kind: expected "Fleet", found "Bundle"'],
  ],
  [
    'neither name nor inline document',
    'Rollout',
    rollout({ fleet: 5 }),
    ['spec.fleet: expected the name of a Fleet or a Fleet document, found 5'],
  ],
  [
    'a name with capitals',
    'Rollout',
    rollout({ fleet: 'Lab_1' }),
    [`spec.fleet: expected ${NAME}, found "Lab_1"`],
  ],
  ['another kind', 'Rollout', fleet(cluster()), ['kind: expected "Rollout", found "Fleet"']],
  [
    'a misspelt kind',
    'Rollout',
    { ...rollout(), kind: 'Rolout' },
    ['kind: expected "Rollout", found "Rolout"; did you mean "Rollout"?'],
  ],
  [
    'another version of the format',
    'Rollout',
    { ...rollout(), apiVersion: 'tidegate.dev/v1' },
    ['apiVersion: expected "tidegate.dev/v1alpha1", found "tidegate.dev/v1"'],
  ],
  [
    'no document at all',
    'Rollout',
    null,
    ['document: expected a mapping with apiVersion, kind, metadata, spec, found null'],
  ],
  [
    'a list',
    'Rollout',
    [rollout()],
    ['document: expected a mapping with apiVersion, kind, metadata, spec, found a list'],
  ],
  [
    'an empty list',
    'Fleet',
    fleet(),
    ['spec.clusters: expected at least 1 entry, found an empty list'],
  ],
  [
    'a short checksum',
    'Bundle',
    bundle({ sha256: 'abc' }),
    [
      'spec.releases[0].packages[0].to.sha256: expected 64 lowercase hexadecimal digits, found "abc"',
    ],
  ],
  [
    'a version that is a number in YAML',
    'Bundle',
    bundle({ version: 1.7 }),
    ['spec.releases[0].packages[0].to.version: expected text, found 1.7; put it in quotes'],
  ],
  [
    'a port out of range',
    'Fleet',
    fleet(cluster({ ssh: { privateKeyFile: 'k', knownHostsFile: 'h', port: 70000 } })),
    ['spec.clusters[0].ssh.port: expected at most 65535, found 70000'],
  ],
  [
    'a policy with a quorum of text',
    'Policy',
    { ...API, kind: 'Policy', metadata: { name: 'p' }, spec: { approval: { quorum: 'two' } } },
    ['spec.approval.quorum: expected a number, found "two"'],
  ],
  [
    'disruption None with a daemon that restarts',
    'Bundle',
    disrupting('None', { daemon: 'containerd' }),
    [
      'spec.disruption: None is for packages that restart nothing, and containerd has the daemon containerd; say Restart, which cordons the node meanwhile, or Drain',
    ],
  ],
  ['disruption None without a daemon', 'Bundle', disrupting('None'), []],
  ['a daemon that restarts', 'Bundle', disrupting('Restart', { daemon: 'containerd' }), []],
  [
    'an undo that has less time than its verification',
    'Policy',
    policy({ undoDeadlineSeconds: 60, verification: { timeoutSeconds: 61 } }),
    [
      'spec.undoDeadlineSeconds: 60 is less than spec.verification.timeoutSeconds 61: a node that is put back could not be verified in that time; say at least 61, or less there',
    ],
  ],
  [
    'an undo that has as much time as its verification',
    'Policy',
    policy({ undoDeadlineSeconds: 60, verification: { timeoutSeconds: 60 } }),
    [],
  ],
  [
    'an inline policy whose fields contradict each other',
    'Rollout',
    rollout({ policy: policy({ undoDeadlineSeconds: 100 }) }),
    [
      'spec.policy.spec.undoDeadlineSeconds: 100 is less than spec.verification.timeoutSeconds 120: a node that is put back could not be verified in that time; say at least 120, or less there',
    ],
  ],
  [
    'a hold that nothing outlasts',
    'Policy',
    policy({ holds: { timeoutSeconds: 59 } }),
    [
      'spec.holds.timeoutSeconds: 59 skips nodes whose hold is about to end; say at least 60, or Ignore for cronJobs, otherTools and recovery',
    ],
  ],
  [
    'the same where nothing holds',
    'Policy',
    policy({
      holds: { cronJobs: 'Ignore', otherTools: 'Ignore', recovery: 'Ignore', timeoutSeconds: 0 },
    }),
    [],
  ],
  [
    'a quarantine without room',
    'Policy',
    policy({ drain: { atTimeout: 'Quarantine', maxQuarantined: 0 } }),
    [
      'spec.drain.maxQuarantined: 0 leaves no room for spec.drain.atTimeout Quarantine; say at least 1, or Fail or Skip there',
    ],
  ],
  ['no room where none is asked for', 'Policy', policy({ drain: { maxQuarantined: 0 } }), []],
  [
    'times that leave no time',
    'Policy',
    policy({
      approval: { expirySeconds: 0 },
      drain: { timeoutSeconds: 0 },
      reboot: { timeoutSeconds: 0 },
      verification: { timeoutSeconds: 0 },
    }),
    [
      'spec.approval.expirySeconds: expected at least 60, found 0',
      'spec.drain.timeoutSeconds: expected at least 1, found 0',
      'spec.reboot.timeoutSeconds: expected at least 10, found 0',
      'spec.verification.timeoutSeconds: expected at least 5, found 0',
    ],
  ],
  [
    'an hour in milliseconds',
    'Policy',
    policy({ holds: { timeoutSeconds: 3_600_000 } }),
    ['spec.holds.timeoutSeconds: expected at most 2592000, found 3600000'],
  ],
];

for (const [name, kind, value, expected] of cases) {
  test(`${kind}: ${name}`, () => assert.deepEqual(problems(kind, value), expected));
}

test('all problems are reported at once', () => {
  const found = problems('Rollout', rollout({ reason: '', fleet: 'X', typo: 1 }));
  assert.deepEqual(
    found.map((line) => line.split(':')[0]),
    ['spec.reason', 'spec.fleet', 'spec.typo'],
  );
});

test('a valid document comes back with its defaults', () => {
  const answer = parseDocument('Rollout', rollout());
  assert.equal(answer.kind, 'Valid');
  assert.equal(answer.document.spec.strategy.onFailure, 'Rollback');
  assert.equal(answer.document.spec.direction, 'Forward');
});

test('the explanation names kind, document and every problem', () => {
  assert.equal(
    explainProblems('Rollout', 'r1', [
      { path: 'spec.a', message: 'unknown key' },
      { path: 'spec.b', message: 'is missing' },
    ]),
    'Rollout r1 is not valid, 2 problems:\n  spec.a: unknown key\n  spec.b: is missing',
  );
});

test('kind and name are read from anything', () => {
  assert.equal(documentKind(rollout()), 'Rollout');
  assert.equal(documentName(rollout()), 'r1');
  for (const value of [undefined, null, 5, 'x', [], {}, { kind: 'toString', metadata: null }]) {
    assert.equal(documentKind(value), undefined);
    assert.equal(documentName(value), undefined);
  }
  assert.deepEqual(kindNamed('rollout'), { kind: 'Rollout' });
  assert.deepEqual(kindNamed('polcy'), { nearest: 'Policy' });
  assert.deepEqual(kindNamed('elephant'), {});
});

test('edit distance counts a swap as one', () => {
  const table: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
  ];
  for (const [a, b, expected] of table) assert.equal(editDistance(a, b), expected, `${a} ${b}`);
  assert.equal(nearest('regoin', ['region', 'reason']), 'region');
  assert.equal(nearest('x', ['region']), undefined);
});
