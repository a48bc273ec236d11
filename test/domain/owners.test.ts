/** Whose workloads a plan disturbs, and what is said of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodFacts } from '../../workflows/domain/eviction.ts';
import { channelsOf, disturbanceWords, workloadWords } from '../../workflows/domain/owner-words.ts';
import { ownerBy, ownersOf } from '../../workflows/domain/owners.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { planOf } from '../workflows/fixtures.ts';

describe('an owner', () => {
  const keys = ['tidegate.dev/owner', 'team'];
  const rows: [what: string, objects: Parameters<typeof ownerBy>[1], owner: string | undefined][] =
    [
      ['is what a label says', [{ labels: { team: 'shop' } }], 'shop'],
      ['or an annotation', [{ annotations: { team: 'shop' } }], 'shop'],
      ['the label counts first', [{ labels: { team: 'a' }, annotations: { team: 'b' } }], 'a'],
      ['the first key counts first', [{ labels: { team: 'a', 'tidegate.dev/owner': 'b' } }], 'b'],
      [
        'the pod counts before its namespace, whatever the key',
        [{ labels: { team: 'a' } }, { labels: { 'tidegate.dev/owner': 'b' } }],
        'a',
      ],
      ['the namespace counts where the pod is silent', [{}, { annotations: { team: 'b' } }], 'b'],
      ['an empty value names nobody', [{ labels: { team: ' ' } }, { labels: { team: 'b' } }], 'b'],
      ['is one line', [{ annotations: { team: ' the\n shop ' } }], 'the shop'],
      ['is not endless', [{ annotations: { team: 'x'.repeat(500) } }], 'x'.repeat(100)],
      ['nobody is named', [{ labels: { app: 'web' } }, undefined], undefined],
    ];
  for (const [what, objects, owner] of rows) {
    it(what, () => assert.equal(ownerBy(keys, objects), owner));
  }
});

/** Pods as "workload owner", those with a "!" behind the owner finished, "ds" of a DaemonSet. */
function pods(...texts: string[]): PodFacts[] {
  return texts.map((text, index) => {
    const [workload = '', contact = ''] = text.replace('!', '').split(' ');
    const owner =
      workload === 'ds'
        ? { kind: 'DaemonSet', name: 'agent' }
        : { kind: 'ReplicaSet', name: `${workload}-5d8f` };
    return {
      namespace: 'shop',
      name: `${workload}-${index}`,
      phase: text.endsWith('!') ? ('Succeeded' as const) : ('Running' as const),
      owner,
      labels: { 'pod-template-hash': '5d8f' },
      ...(contact ? { contact } : {}),
      ...{ mirror: false, probe: false, terminating: false, ready: true, budgets: [] },
    };
  });
}

describe('the owners of a plan', () => {
  const found = (disruption: Disruption, byNode: Record<string, PodFacts[]>) => {
    const plan = planOf({ count: 3, disruption });
    return ownersOf(plan, ({ node }) => byNode[node] ?? []);
  };
  const told = (...args: Parameters<typeof found>) =>
    found(...args).map(
      (impact) =>
        `${impact.owner ?? 'nobody'}: ${workloadWords(impact)}: ${disturbanceWords(impact)}`,
    );
  const byNode = {
    'east-1': pods('web shop', 'web shop', 'cart pay', 'ds infra', 'old shop!'),
    'east-2': pods('web shop', 'lost', 'ds infra'),
  };

  it('are told by name, with counts and waves, and those of nobody last', () => {
    assert.deepEqual(told('Drain', byNode), [
      'pay: shop/cart (Deployment): 1 pod evicted in canary',
      'shop: shop/web (Deployment): 3 pods evicted in canary, wave-1',
      'nobody: shop/lost (Deployment): 1 pod evicted in wave-1',
    ]);
  });

  it('are also those of pods that go down with their node', () => {
    assert.deepEqual(
      told('Reboot', byNode)[0],
      'infra: shop/agent (DaemonSet): 2 pods restarted with their node in canary, wave-1',
    );
  });

  it('are none where nothing is evicted', () => {
    assert.deepEqual(told('Restart', byNode), []);
  });

  it('are named by their first workloads, the others counted', () => {
    const many = pods(...Array.from({ length: 30 }, (_, i) => `w${String(i).padStart(2, '0')} a`));
    const [impact] = found('Drain', { 'east-1': many });
    assert.equal(impact?.workloads.length, 20);
    assert.equal(impact.count, 30);
    const names = ['w00', 'w01', 'w02', 'w03', 'w04'].map((name) => `shop/${name} (Deployment)`);
    assert.equal(workloadWords(impact), `${names.join(', ')} and 25 more`);
  });
});

describe('the channels of an owner', () => {
  const owners = { shop: ['slack:#shop'], '*': ['slack:#all'] };
  const rows: [owner: string, from: Record<string, string[]>, channels: string[]][] = [
    ['shop', owners, ['slack:#shop']],
    ['pay', owners, ['slack:#all']],
    ['pay', { shop: ['slack:#shop'] }, []],
    ['constructor', owners, ['slack:#all']],
  ];
  for (const [owner, from, channels] of rows) {
    it(`${owner}: ${channels.join(', ') || 'none'}`, () => {
      assert.deepEqual(channelsOf({ owners: from }, owner), channels);
    });
  }
});
