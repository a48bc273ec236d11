/** What the drain of a wave would meet: each kind of blocker, with what to do about it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BudgetFacts } from '../../workflows/domain/disruption-budget.ts';
import {
  type SimulatedPod,
  type SimulatedWave,
  simulateDrain,
} from '../../workflows/domain/drain-simulation.ts';
import { policySchema } from '../../workflows/domain/spec.ts';

function drain(more: object = {}) {
  return policySchema.parse({
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'p' },
    spec: { drain: more },
  }).spec.drain;
}

function pod(name: string, more: Partial<SimulatedPod> = {}): SimulatedPod {
  return {
    namespace: 'shop',
    name,
    phase: 'Running',
    owner: { kind: 'ReplicaSet', name: 'web-7d9' },
    labels: { app: 'web', 'pod-template-hash': '7d9' },
    mirror: false,
    probe: false,
    terminating: false,
    budgets: [],
    ready: true,
    crashLooping: false,
    ...more,
  };
}

/** A budget as Kubernetes counts it. */
function budget(
  wanted: number,
  healthy: number,
  expected: number,
  more: Partial<BudgetFacts> = {},
) {
  const facts: BudgetFacts = {
    namespace: 'shop',
    name: 'web',
    counted: true,
    disruptionsAllowed: Math.max(0, healthy - wanted),
    currentHealthy: healthy,
    desiredHealthy: wanted,
    expectedPods: expected,
    minAvailable: String(wanted),
    unhealthyAlways: false,
    ...more,
  };
  return facts;
}

const held = (facts: BudgetFacts) => ({ budgets: [facts] });

function wave(
  nodes: readonly (readonly SimulatedPod[])[],
  more: Partial<SimulatedWave> = {},
): SimulatedWave {
  return {
    nodes: nodes.map((pods, index) => ({
      node: `n${index + 1}`,
      failureDomain: `zone-${index + 1}`,
      disruption: 'Drain',
      pods,
    })),
    drain: drain(),
    maxUnavailable: 1,
    maxPerFailureDomain: 1,
    ...more,
  };
}

/** Returns the only blocker of a wave with one pod. */
function only(one: SimulatedPod, more: Partial<SimulatedWave> = {}) {
  const found = simulateDrain(wave([[one]], more));
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0];
}

describe('a budget', () => {
  it('that wants every pod can never be met, and is told how', () => {
    const never = budget(3, 3, 3);
    assert.deepEqual(only(pod('web-1', held(never))), {
      node: 'n1',
      pod: 'shop/web-1',
      owner: 'ReplicaSet/web-7d9',
      budget: { name: 'web', disruptionsAllowed: 0 },
      permanent: true,
      reason:
        'budget web (minAvailable 3) allows 0 disruptions and never will: it wants 3 of 3 pods',
      advice:
        'lower minAvailable of budget shop/web (kubectl -n shop edit pdb web), or add a replica: kubectl -n shop scale deployment/web --replicas=4',
    });
  });

  const advice: [string, Partial<BudgetFacts>, Partial<SimulatedPod>, string][] = [
    [
      'of a StatefulSet',
      {},
      { owner: { kind: 'StatefulSet', name: 'db' } },
      'lower minAvailable of budget shop/web (kubectl -n shop edit pdb web), or add a replica: kubectl -n shop scale statefulset/db --replicas=4',
    ],
    [
      'of a ReplicaSet of its own',
      {},
      { owner: { kind: 'ReplicaSet', name: 'web' } },
      'lower minAvailable of budget shop/web (kubectl -n shop edit pdb web), or add a replica: kubectl -n shop scale replicaset/web --replicas=4',
    ],
    [
      'of an operator, which scales as it likes',
      {},
      { owner: { kind: 'Kafka', name: 'k' } },
      'lower minAvailable of budget shop/web (kubectl -n shop edit pdb web)',
    ],
    [
      'with a share',
      { minAvailable: '100%' },
      {},
      'lower minAvailable of budget shop/web (kubectl -n shop edit pdb web)',
    ],
  ];
  for (const [name, facts, owned, text] of advice) {
    it(`that can never be met ${name} gets fitting advice`, () => {
      const never = budget(3, 3, 3, facts);
      assert.equal(only(pod('p', { ...held(never), ...owned }))?.advice, text);
    });
  }

  it('with maxUnavailable 0 can never be met either', () => {
    const { minAvailable: _, ...facts } = budget(3, 3, 3);
    const never = { ...facts, maxUnavailable: '0' };
    const found = only(pod('p', held(never)));
    assert.equal(found?.permanent, true);
    assert.match(
      found?.reason ?? '',
      /^budget web \(maxUnavailable 0\) allows 0 disruptions and never will/,
    );
    assert.match(found?.advice ?? '', /^raise maxUnavailable of budget shop\/web: kubectl/);
  });

  it('that can be met later is no reason to change it', () => {
    const tight = budget(2, 2, 3);
    assert.deepEqual(
      { ...only(pod('p', held(tight))), node: '', owner: '' },
      {
        node: '',
        pod: 'shop/p',
        owner: '',
        budget: { name: 'web', disruptionsAllowed: 0 },
        permanent: false,
        reason:
          'budget web (minAvailable 2) allows none now: 2 of 3 pods are healthy, 2 have to be',
        advice: 'repair the pods that are not, or wait for them: kubectl -n shop describe pdb web',
      },
    );
  });

  const counts: [string, BudgetFacts, Partial<SimulatedPod>, 'free' | 'held' | 'for good'][] = [
    ['allows one', budget(2, 3, 3), {}, 'free'],
    [
      'wants all of them, but the pod has not begun to run',
      budget(3, 3, 3),
      { phase: 'Pending' },
      'free',
    ],
    ['wants all of them, even unhealthy', budget(3, 1, 3), {}, 'for good'],
    ['has not been counted', budget(0, 0, 0, { counted: false }), {}, 'held'],
    ['holds a pod that is not ready', budget(2, 1, 3), { ready: false }, 'held'],
    ['holds a pod that crashes', budget(2, 1, 3), { ready: false, crashLooping: true }, 'for good'],
    [
      'lets a pod go that is not ready, enough others are',
      budget(2, 2, 3),
      { ready: false },
      'free',
    ],
    [
      'lets every pod go that is not ready',
      budget(2, 1, 3, { unhealthyAlways: true }),
      { ready: false, crashLooping: true },
      'free',
    ],
    ['holds a pod that is not ready, as none has to be', budget(0, 0, 3), { ready: false }, 'held'],
    ['holds the ready ones all the same', budget(2, 1, 3, { unhealthyAlways: true }), {}, 'held'],
  ];
  for (const [name, facts, doing, verdict] of counts) {
    it(`that ${name}: ${verdict}`, () => {
      const [found] = simulateDrain(wave([[pod('p', { ...held(facts), ...doing })]]));
      const said = found?.permanent ? 'for good' : 'held';
      assert.equal(found ? said : 'free', verdict);
    });
  }

  it('that holds a crashing pod is told of the setting that lets it go', () => {
    const facts = budget(2, 1, 3);
    const crashing = { ready: false, crashLooping: true };
    const found = only(pod('p', { ...held(facts), ...crashing }));
    assert.match(found?.reason ?? '', /^keeps crashing, and budget web .* only 1 of 2 needed/);
    assert.match(
      found?.advice ?? '',
      /kubectl -n shop patch pdb web --type merge -p '\{"spec":\{"unhealthyPodEvictionPolicy":"AlwaysAllow"\}\}'$/,
    );
  });
});

describe('two budgets over one pod', () => {
  it('are refused by the API server whatever they allow', () => {
    const one = budget(1, 3, 3);
    const two = budget(1, 3, 3, { name: 'all' });
    const twice = { budgets: [...held(one).budgets, ...held(two).budgets] };
    const found = only(pod('p', twice));
    assert.equal(found?.permanent, true);
    assert.match(found?.reason ?? '', /several disruption budgets \(web, all\)/);
    assert.match(found?.advice ?? '', /kubectl -n shop edit pdb web all$/);
  });
});

describe('nodes that are drained together', () => {
  const facts = budget(5, 6, 6);
  const spread = [
    [pod('a', held(facts)), pod('b', held(facts))],
    [pod('c', held(facts))],
    [pod('d', held(facts))],
  ];
  const more = { maxUnavailable: 2 };

  it('can ask more of a budget than it allows', () => {
    const found = simulateDrain(wave(spread, more));
    assert.equal(found.length, 1);
    assert.equal(found[0]?.permanent, false);
    assert.equal(found[0]?.node, 'n2');
    assert.equal(
      found[0]?.reason,
      'budget web (minAvailable 5) allows 1 at once, and 3 of its pods are on n1 and n2, which may be drained together',
    );
    assert.match(found[0]?.advice ?? '', /one after the other/);
  });

  const skipping = { name: 'r', match: { namespaces: ['shop'] }, action: 'Skip' };
  const rows: [string, Partial<SimulatedWave>, BudgetFacts][] = [
    ['where one is allowed at a time', { maxUnavailable: 1 }, facts],
    ['where the budget has room for all of it', {}, budget(3, 6, 6)],
    ['where the policy leaves the pods alone', { drain: drain({ rules: [skipping] }) }, facts],
  ];
  for (const [name, changed, known] of rows) {
    it(`do not, ${name}`, () => {
      const pods = spread.map((list) => list.map((one) => ({ ...one, ...held(known) })));
      assert.deepEqual(simulateDrain(wave(pods, { ...more, ...changed })), []);
    });
  }

  it('do not, within one failure domain', () => {
    const made = wave(spread, more);
    const nodes = made.nodes.map((node) => ({ ...node, failureDomain: 'one' }));
    assert.deepEqual(simulateDrain({ ...made, nodes }), []);
  });
});

describe('pods that the policy does not evict', () => {
  const { owner: _, ...bare } = pod('bare');
  const local = pod('cache', { localVolumes: [{ name: 'scratch', kind: 'emptyDir' }] });

  it('are bare ones', () => {
    const found = only(bare);
    assert.deepEqual([found?.permanent, found?.owner], [true, 'none']);
    assert.match(found?.reason ?? '', /has no controller/);
    assert.match(found?.advice ?? '', /kubectl -n shop delete pod bare/);
  });

  it('are those with local data, where it says so', () => {
    assert.deepEqual(simulateDrain(wave([[local]])), []);
    const found = only(local, { drain: drain({ localStorage: 'Block' }) });
    assert.equal(found?.permanent, true);
    assert.match(found?.reason ?? '', /local data \(emptyDir scratch\).*localStorage: Block/);
  });

  it('are none that a rule names', () => {
    const rule = { name: 'r', match: { namespaces: ['shop'] }, action: 'Evict' };
    const asked = { drain: drain({ localStorage: 'Block', rules: [rule] }) };
    assert.deepEqual(simulateDrain(wave([[bare, local]], asked)), []);
  });
});

it('pods that tolerate cordons come straight back', () => {
  const found = only(pod('p', { toleratesCordon: true }));
  assert.equal(found?.permanent, false);
  assert.match(found?.reason ?? '', /tolerates cordoned nodes/);
});

it('pods that stay, end by themselves or go already block nothing', () => {
  const never = budget(1, 1, 1);
  const pods = [
    pod('agent', {
      ...held(never),
      owner: { kind: 'DaemonSet', name: 'agent' },
      toleratesCordon: true,
    }),
    pod('batch', { ...held(never), owner: { kind: 'Job', name: 'batch' } }),
    pod('static', { ...held(never), mirror: true }),
    pod('done', { ...held(never), phase: 'Succeeded' }),
    pod('going', { ...held(never), terminating: true }),
  ];
  assert.deepEqual(simulateDrain(wave([pods])), []);
});

it('what waiting cannot cure comes first', () => {
  const tight = budget(2, 2, 3);
  const { owner: _, ...bare } = pod('bare');
  const found = simulateDrain(wave([[pod('p', held(tight))], [bare]]));
  assert.deepEqual(
    found.map((entry) => [entry.node, entry.permanent]),
    [
      ['n2', true],
      ['n1', false],
    ],
  );
});
