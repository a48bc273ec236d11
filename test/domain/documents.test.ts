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

const person = (name: string, roles: string[] = [], ...chat: string[]) => ({ name, roles, chat });
const people = [person('ada', ['lead', 'sre'], 'slack:UADA'), person('bo', ['sre']), person('cy')];
const approval = (spec: object, more: object = {}) => policy({ people, ...more, approval: spec });

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
    'a policy with everything that people are asked for',
    'Policy',
    approval({
      ...{ quorum: 2, roles: ['sre', 'lead'], identity: 'Attested' },
      ...{ signersFile: 'allowed_signers', bridges: ['slack-bridge'] },
      gates: [
        { at: 'BeforeCanary', identity: 'Asserted' },
        { at: 'AfterCanary', quorum: 1, roles: ['lead'] },
        { at: 'BeforeWave', waves: ['wave-1', 'wave-2'], quorum: 3, roles: [] },
        { at: 'BeforeWave', waves: ['wave-3'] },
        { at: 'BeforeWave' },
        { at: 'BeforeRollback' },
      ],
      urgent: { roles: ['lead'] },
    }),
    [],
  ],
  [
    'signed votes, and nothing to check them by',
    'Policy',
    approval({
      identity: 'Attested',
      gates: [{ at: 'BeforeCanary' }, { at: 'AfterCanary', identity: 'Attested' }],
    }),
    ['spec.approval.identity', 'spec.approval.gates[1].identity'].map(
      (field) =>
        `${field}: Attested needs spec.approval.signersFile, which lists whose signatures count; name the file there, or say Asserted`,
    ),
  ],
  [
    'bridges, and nothing to check them by',
    'Policy',
    approval({ bridges: ['slack-bridge'] }),
    [
      'spec.approval.bridges: no bridge can vouch for anybody without spec.approval.signersFile, which lists its key; name the file there, or no bridges',
    ],
  ],
  [
    'a bridge that is a person',
    'Policy',
    approval({ signersFile: 'allowed_signers', bridges: ['slack-bridge', 'Ada'] }),
    [
      'spec.approval.bridges[1]: "Ada" is one of spec.people, and a bridge does not vote itself; give the bridge a name of its own',
    ],
  ],
  [
    'roles that nobody has',
    'Policy',
    approval({
      roles: ['sre', 'sre-lead'],
      gates: [{ at: 'AfterCanary', roles: ['owner'] }],
      urgent: { roles: ['lead', 'boss'] },
    }),
    [
      ['spec.approval.roles[1]', 'sre-lead'],
      ['spec.approval.gates[0].roles[0]', 'owner'],
      ['spec.approval.urgent.roles[1]', 'boss'],
    ].map(
      ([field, role]) =>
        `${field}: nobody in spec.people has the role "${role}"; give it to somebody there, or ask for another one`,
    ),
  ],
  [
    'more votes than people who may give them',
    'Policy',
    approval({
      ...{ quorum: 3, roles: ['sre'] },
      gates: [
        { at: 'AfterCanary', roles: ['lead'], quorum: 2 },
        { at: 'BeforeWave', roles: ['lead', 'sre'], quorum: 2 },
        { at: 'BeforeRollback', roles: [] },
      ],
      urgent: { quorum: 2, roles: ['lead'] },
    }),
    [
      'spec.approval.quorum: 3 are more than the 2 of spec.people who have one of the roles sre (ada, bo); ask for fewer, or give a role to more',
      'spec.approval.gates[0].quorum: 2 are more than the 1 of spec.people who have one of the roles lead (ada); ask for fewer, or give a role to more',
      'spec.approval.urgent.quorum: 2 are more than the 1 of spec.people who have one of the roles lead (ada); ask for fewer, or give a role to more',
    ],
  ],
  ['a quorum of whoever there is', 'Policy', policy({ approval: { quorum: 9 } }), []],
  [
    'a gate with the quorum of the approval and roles of its own',
    'Policy',
    approval({ quorum: 2, gates: [{ at: 'AfterCanary', roles: ['lead'] }] }),
    [
      'spec.approval.gates[0].quorum: 2 are more than the 1 of spec.people who have one of the roles lead (ada); ask for fewer, or give a role to more',
    ],
  ],
  [
    'gates that are never asked',
    'Policy',
    approval({
      gates: [
        { at: 'AfterCanary' },
        { at: 'AfterCanary', quorum: 2 },
        { at: 'BeforeWave', waves: ['wave-1'] },
        { at: 'BeforeWave', waves: ['wave-2', 'wave-1'] },
        { at: 'BeforeWave' },
        { at: 'BeforeWave', waves: ['wave-4'] },
      ],
    }),
    [
      'spec.approval.gates[1]: spec.approval.gates[0] is for AfterCanary already, and the first one that fits decides; make one of them, or put the one with waves first',
      'spec.approval.gates[3].waves[1]: spec.approval.gates[2] is for "wave-1" already, and the first one that fits decides; take it out of one of them',
      'spec.approval.gates[5]: spec.approval.gates[4] is for BeforeWave already, and the first one that fits decides; make one of them, or put the one with waves first',
    ],
  ],
  [
    'waves at a gate that has none',
    'Policy',
    approval({ gates: [{ at: 'AfterCanary', waves: ['canary'] }] }),
    [
      'spec.approval.gates[0].waves: only BeforeWave is about certain waves; leave them out for AfterCanary',
    ],
  ],
  [
    'people who are one, and an account of two',
    'Policy',
    policy({
      people: [
        person('Ada', [], 'slack:U1'),
        person('bo', [], 'slack:U2', 'slack:U1'),
        person('ada'),
        person('Ada'),
      ],
    }),
    [
      'spec.people[3]: "Ada" is here twice',
      `spec.people[1].chat[1]: "slack:U1" is Ada's as well, and whoever uses it would be two people: leave it to one of them`,
      'spec.people[2].name: "ada" is "Ada": neither a space nor a capital makes another person; take one away',
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

test('a policy that was read can be read again', () => {
  const answer = parseDocument('Policy', policy({}));
  assert.equal(answer.kind, 'Valid');
  assert.deepEqual(parseDocument('Policy', answer.document), answer);
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
