import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { NodeFacts } from '../../workflows/domain/inventory.ts';
import { keyOf } from '../../workflows/domain/lifecycle.ts';
import { invertPlan } from '../../workflows/domain/plan.ts';
import type { Plan, PlannedWave } from '../../workflows/domain/plan-types.ts';
import { type Bundle, bundleSchema, policySchema } from '../../workflows/domain/spec.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import { bundleOf, factsOf, fleetFacts, hash, policy } from '../workflows/fixtures.ts';
import {
  type Change,
  fleetOf,
  planned,
  reasonsOf,
  running,
  unread,
  waveLines,
} from './plan-kit.ts';

const five = fleetFacts(5);
const west = { name: 'west', region: 'west' };
const inWest = (node: string) => factsOf(node, 'a', { cluster: 'west', uid: `uid-west-${node}` });
const group = (name: string) => ({ name, selector: `pool=${name}` });
const twoGroups = fleetOf({ nodeGroups: [group('workers'), group('gpu')] } as object);

/** The usual bundle with a disruption, and the kernels of its two ends as far as they are given. */
function kernels(disruption: 'Drain' | 'Reboot', to: string, from?: string): Bundle {
  const bundle = structuredClone(bundleOf(disruption));
  const entry = bundle.spec.releases[0]?.packages[0];
  if (entry) entry.to.kernelRelease = to;
  if (entry?.from[0] && from) entry.from[0].kernelRelease = from;
  return bundle;
}

const refusals: [string, Change, string[]][] = [
  [
    'an unknown cluster',
    { facts: five, spec: { targets: { clusters: ['eats'] } } },
    ['spec.targets.clusters: "eats" is not in the fleet (it has east)'],
  ],
  [
    'an unknown node group',
    { facts: five, spec: { targets: { nodeGroups: ['gpu'] } } },
    ['spec.targets.nodeGroups: "gpu" is not in the fleet (it has workers)'],
  ],
  [
    'an unknown node',
    { facts: five, spec: { targets: { nodes: ['east-1', 'east-9'] } } },
    ['spec.targets.nodes: "east-9" is no node of the targeted clusters and node groups'],
  ],
  [
    'targets that do not overlap',
    {
      facts: [...five, factsOf('gpu-1', 'a', { nodeGroup: 'gpu' })],
      fleet: twoGroups,
      spec: { targets: { nodeGroups: ['workers'], nodes: ['gpu-1'] } },
    },
    ['spec.targets matches no node: the clusters, groups and nodes do not overlap'],
  ],
  [
    'a selector that matches nothing',
    { facts: five, fleet: twoGroups },
    ['cluster east: selector "pool=gpu" of node group gpu matches no node'],
  ],
  [
    'an unknown canary',
    { facts: five, strategy: { canary: { nodes: ['east-9'] } } },
    ['spec.strategy.canary.nodes: "east-9" is not among the targeted nodes'],
  ],
  [
    'a kernel without a reboot',
    { facts: five, bundle: kernels('Drain', '6.1.0-41', '6.1.0') },
    ['bundle containerd-deb12u3: containerd has a kernelRelease, which needs disruption Reboot'],
  ],
  [
    'a kernel whose way back cannot be proved',
    { facts: five, bundle: kernels('Reboot', '6.1.0-41') },
    [
      'bundle containerd-deb12u3: containerd has a kernelRelease for some of its versions: say it for all, or for none',
    ],
  ],
  [
    'every node that is refused, by name',
    { facts: [unread('east-2', 'HostKeyMismatch'), running('east-1', '1.6.19')] },
    [
      `east/east-1: has containerd 1.6.19, which the bundle does not list under "from" (${FROM})`,
      'east/east-2: HostKeyMismatch: east-2: no answer',
    ],
  ],
];

describe('makePlan', () => {
  for (const [name, change, reasons] of refusals) {
    it(`refuses ${name}`, () => assert.deepEqual(reasonsOf(change), reasons));
  }

  it('orders canary and waves over failure domains', () => {
    assert.deepEqual(waveLines(planned({ facts: five })), [
      'canary: east-1',
      'wave-1: east-4 east-2',
      'wave-2: east-3 east-5',
    ]);
  });

  it('orders clusters by criticality, then region, then name', () => {
    const clusters = [
      { name: 'd', region: 'r1', criticality: 'High' },
      { name: 'c', region: 'r2', criticality: 'Low' },
      { name: 'b', region: 'r1', criticality: 'Normal' },
      { name: 'a10', region: 'r1', criticality: 'Low' },
      { name: 'a2', region: 'r1', criticality: 'Low' },
    ] as const;
    const facts = clusters.map(({ name }) => factsOf(`${name}-1`, 'a', { cluster: name }));
    const plan = planned({ facts, fleet: fleetOf(...clusters) });
    assert.deepEqual(
      plan.waves.map((wave) => wave.name),
      ['a2-canary', 'a10-canary', 'c-canary', 'b-canary', 'd-canary'],
    );
    assert.deepEqual(
      plan.waves.map((wave) => wave.index),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(
      plan.clusters.map((access) => [access.cluster, access.context]),
      ['a2', 'a10', 'c', 'b', 'd'].map((name) => [name, name]),
    );
  });

  it('leaves out clusters, groups and nodes that are not aimed at', () => {
    const facts = [...five, inWest('east-1')];
    const fleet = fleetOf({}, west);
    const names = (targets: object) =>
      planned({ facts, fleet, spec: { targets } }).waves.flatMap((w) => w.nodes.map(keyOf));
    assert.deepEqual(names({ clusters: ['west'] }), ['west/east-1']);
    assert.deepEqual(names({ nodes: ['east-2'] }), ['east/east-2']);
    assert.deepEqual(names({ nodes: ['east-1'] }), ['east/east-1', 'west/east-1']);
    assert.deepEqual(names({ nodes: ['west/east-1'] }), ['west/east-1']);
  });

  it('does not mind an empty group where the nodes are named', () => {
    const plan = planned({
      facts: five.slice(0, 1),
      fleet: twoGroups,
      spec: { targets: { nodes: ['east-1'] } },
    });
    assert.deepEqual(waveLines(plan), ['canary: east-1']);
  });

  it('lists what is done already and what is left out, and plans nothing for it', () => {
    const facts = [factsOf('east-10', 'a'), unread('east-3'), running('east-2', TO)];
    const plan = planned({ facts, strategy: { onUnreachable: 'Exclude' } });
    assert.deepEqual(waveLines(plan), ['canary: east-10']);
    assert.deepEqual(plan.alreadyDone, [
      { cluster: 'east', node: 'east-2', reason: `runs containerd ${TO} already` },
    ]);
    assert.deepEqual(plan.excluded, [
      { cluster: 'east', node: 'east-3', reason: 'HostUnreachable: east-3: no answer' },
    ]);
  });

  it('has no wave where everything is done already', () => {
    const plan = planned({ facts: [running('east-1', TO)] });
    assert.deepEqual(plan.waves, []);
    assert.deepEqual(plan.clusters.length, 1);
  });
});

/** A node in one of the states that a plan tells apart. */
const anyFacts = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('old', 'new', 'off', 'sick')), {
    minLength: 1,
    maxLength: 25,
  })
  .map((states) =>
    states.map(([zone, state], i): NodeFacts => {
      const node = `east-${i + 1}`;
      const failureDomain = zone;
      if (state === 'new') return { ...running(node, TO), failureDomain };
      if (state === 'off') return { ...unread(node), failureDomain };
      return factsOf(node, zone, { ready: state !== 'sick' });
    }),
  );
const strategy = { onUnreachable: 'Exclude', waves: { size: '30%' } };

describe('every plan', () => {
  it('has every node exactly once: planned, done already, or left out', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const plan = planned({ facts, strategy });
        const named = [
          ...plan.waves.flatMap((wave) => wave.nodes.map(keyOf)),
          ...plan.alreadyDone.map(keyOf),
          ...plan.excluded.map(keyOf),
        ];
        assert.deepEqual(named.sort(), facts.map(keyOf).sort());
      }),
    );
  });

  it('is the same, digest included, whatever the order of the facts', () => {
    const shuffled = anyFacts.chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc.shuffledSubarray(facts, { minLength: facts.length, maxLength: facts.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([facts, other]) => {
        assert.deepEqual(planned({ facts: other, strategy }), planned({ facts, strategy }));
      }),
    );
  });

  it('returns to its packages when it is inverted twice', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const plan = planned({ facts, strategy });
        const back = invertPlan({ plan, nodes: names(plan), hash });
        const again = invertPlan({ plan: back, nodes: names(plan), hash });
        assert.equal(again.direction, plan.direction);
        assert.deepEqual(
          again.waves.map((wave) => wave.nodes),
          plan.waves.map((wave) => wave.nodes),
        );
      }),
    );
  });
});

const names = (plan: Plan) => plan.waves.flatMap((wave) => wave.nodes.map(keyOf));

/** Each of these is another plan than the usual one, and must have another digest. */
const otherPlans: [string, Partial<Change>][] = [
  ['one node fewer', { facts: five.slice(1) }],
  ['one node more', { facts: fleetFacts(6) }],
  ['a node in another failure domain', { facts: [factsOf('east-1', 'c'), ...five.slice(1)] }],
  ['another Node object of the same name', { facts: changed({ uid: 'other' }) }],
  ['another address', { facts: changed({ address: '192.0.2.9' }) }],
  ['a node that is cordoned', { facts: changed({ unschedulable: true }) }],
  ['a node that is done already', { facts: [running('east-1', TO), ...five.slice(1)] }],
  ['another kernel', { facts: [hostOf('6.1.9'), ...five.slice(1)] }],
  ['another sha256', { bundle: withVersion({ sha256: 'f'.repeat(64) }, 'to') }],
  ['another sha256 of the way back', { bundle: withVersion({ sha256: 'f'.repeat(64) }, 'from') }],
  ['another version', { bundle: withVersion({ version: `${TO}.1` }, 'to') }],
  ['another daemon version', { bundle: withVersion({ daemonVersion: '1.6.20' }, 'to') }],
  ['another class of disruption', { bundle: bundleOf('Drain') }],
  ['another canary', { strategy: { canary: { nodes: ['east-2'] } } }],
  ['two canaries', { strategy: { canary: { count: 2 } } }],
  ['another size of waves', { strategy: { waves: { size: 1 } } }],
  ['a longer soak', { strategy: { canary: { soakSeconds: 301 } } }],
  ['more nodes unavailable', { strategy: { maxUnavailable: 3 } }],
  ['more nodes of a failure domain', { strategy: { maxPerFailureDomain: 2 } }],
  ['a larger failure budget', { strategy: { failureBudget: 1 } }],
  ['another end of a failure', { strategy: { onFailure: 'Halt' } }],
  ['another requester', { spec: { requestedBy: 'sre-lead' } }],
  ['another reason', { spec: { reason: 'tidying' } }],
  ['another policy', { policy: policySchema.parse({ ...policy, spec: {} }) }],
];

function changed(change: Partial<NodeFacts>): NodeFacts[] {
  return [factsOf('east-1', 'a', change), ...five.slice(1)];
}

function hostOf(kernel: string): NodeFacts {
  const facts = factsOf('east-1', 'a');
  return facts.host ? { ...facts, host: { ...facts.host, kernel } } : facts;
}

function withVersion(change: object, end: 'from' | 'to') {
  const bundle = bundleOf();
  const releases = bundle.spec.releases.map((release) => ({
    ...release,
    packages: release.packages.map((entry) => ({
      ...entry,
      ...(end === 'to'
        ? { to: { ...entry.to, ...change } }
        : { from: entry.from.map((version) => ({ ...version, ...change })) }),
    })),
  }));
  return bundleSchema.parse({ ...bundle, spec: { ...bundle.spec, releases } });
}

/** Sources that offer exactly what the bundle asks for. */
function matching(change: Change): NonNullable<Change['offered']> {
  const packages = (change.bundle ?? bundleOf()).spec.releases.flatMap((entry) => entry.packages);
  const all = packages.flatMap(({ name, to, from }) =>
    [to, ...from].map(({ version, sha256 }) => ({ name, version, sha256 })),
  );
  return Object.fromEntries(change.facts.map((facts) => [keyOf(facts), all]));
}

describe('the digest', () => {
  const usual = planned({ facts: five });

  it('is a sha256 of everything but itself', () => {
    assert.match(usual.digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(planned({ facts: five }).digest, usual.digest);
  });

  for (const [name, change] of otherPlans) {
    it(`is another for ${name}`, () => {
      const other = { facts: five, ...change };
      assert.notEqual(planned({ ...other, offered: matching(other) }).digest, usual.digest);
    });
  }

  it('is the same after a reboot, for other labels and another kubelet', () => {
    const facts = five.map((entry) => ({
      ...entry,
      labels: { ...entry.labels, reviewed: 'yes' },
      kubeletVersion: 'v1.34.5',
      ...(entry.host ? { host: { ...entry.host, bootId: 'other', diskFreeBytes: 1 } } : {}),
    }));
    assert.equal(planned({ facts }).digest, usual.digest);
  });

  it('differs for any two plans that differ', () => {
    fc.assert(
      fc.property(anyFacts, anyFacts, (a, b) => {
        const [first, second] = [planned({ facts: a, strategy }), planned({ facts: b, strategy })];
        const { digest: one, ...left } = first;
        const { digest: other, ...right } = second;
        assert.equal(one === other, JSON.stringify(left) === JSON.stringify(right));
      }),
    );
  });
});

describe('invertPlan', () => {
  const plan = planned({ facts: five });
  const back = invertPlan({ plan, nodes: names(plan), hash });

  it('expects the kernel that a reboot has brought', () => {
    const bundle = kernels('Reboot', '6.1.0-41', '6.1.0');
    const forth = planned({ facts: five, bundle });
    const kernelsOf = ({ waves }: Plan) => [
      ...new Set(waves.flatMap((wave) => wave.nodes.map((node) => node.expects.kernel))),
    ];
    assert.deepEqual(kernelsOf(invertPlan({ plan: forth, nodes: names(forth), hash })), [
      '6.1.0-41',
    ]);
    assert.deepEqual(kernelsOf(back), kernelsOf(plan));
  });

  it('goes back in reverse order, at once and without a canary', () => {
    assert.deepEqual(waveLines(back), [
      'back-wave-2: east-5 east-3',
      'back-wave-1: east-2 east-4',
      'back-canary: east-1',
    ]);
    const shape = ({ index, canary, soakSeconds }: PlannedWave) => ({ index, canary, soakSeconds });
    assert.deepEqual(
      back.waves.map(shape),
      [0, 1, 2].map((index) => ({ index, canary: false, soakSeconds: 0 })),
    );
  });

  it('keeps the budgets, exchanges the ends and has a digest of its own', () => {
    for (const wave of back.waves) {
      assert.equal(wave.maxUnavailable, 2);
      assert.equal(wave.maxPerFailureDomain, 1);
      for (const { packages } of wave.nodes) {
        assert.equal(packages[0]?.from.version, TO);
        assert.equal(packages[0]?.to.version, FROM);
      }
    }
    assert.equal(back.direction, 'Back');
    assert.notEqual(back.digest, plan.digest);
    assert.deepEqual([back.alreadyDone, back.excluded], [[], []]);
  });

  it('has only the nodes given, and no empty wave', () => {
    const some = invertPlan({ plan, nodes: ['east/east-1', 'east/east-3', 'west/east-5'], hash });
    assert.deepEqual(waveLines(some), ['back-wave-2: east-3', 'back-canary: east-1']);
    assert.deepEqual(invertPlan({ plan, nodes: [], hash }).waves, []);
  });
});
