/** Where a pod could run, by its rules and the nodes' labels and taints. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { couldRunOn, type Placement } from '../../workflows/domain/placement.ts';

const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
const cordon = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const PLACES = [
  { node: 'plain', labels: { zone: 'a', cores: '4' }, taints: [] },
  { node: 'gpu', labels: { zone: 'b', cores: '64', gpu: 'yes' }, taints: [taint] },
  { node: 'cordoned', labels: { zone: 'c' }, taints: [cordon] },
  { node: 'better', labels: {}, taints: [{ ...taint, effect: 'PreferNoSchedule' }] },
];
const term = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});
const named = (operator: string, ...values: string[]) => ({
  matchFields: [{ key: 'metadata.name', operator, values }],
});
const anywhere = { tolerations: [{ operator: 'Exists' }] };

const rows: [string, Placement, string][] = [
  ['no rule: not where a taint forbids it, cordons aside', {}, 'plain cordoned better'],
  ['tolerates everything', anywhere, 'plain gpu cordoned better'],
  ['tolerates the key and value', { tolerations: [taint] }, 'plain gpu cordoned better'],
  [
    'tolerates another value',
    { tolerations: [{ ...taint, value: 'no' }] },
    'plain cordoned better',
  ],
  [
    'tolerates another effect',
    { tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }] },
    'plain cordoned better',
  ],
  ['names its node, taints or not', { nodeName: 'gpu' }, 'gpu'],
  ['a selector', { ...anywhere, nodeSelector: { zone: 'b' } }, 'gpu'],
  ['a selector that no node has', { ...anywhere, nodeSelector: { zone: 'x' } }, ''],
  ['In', { ...anywhere, affinity: [term('zone', 'In', 'a', 'b')] }, 'plain gpu'],
  ['NotIn', { ...anywhere, affinity: [term('zone', 'NotIn', 'a')] }, 'gpu cordoned better'],
  ['Exists', { ...anywhere, affinity: [term('gpu', 'Exists')] }, 'gpu'],
  ['DoesNotExist', { ...anywhere, affinity: [term('zone', 'DoesNotExist')] }, 'better'],
  ['Gt', { ...anywhere, affinity: [term('cores', 'Gt', '8')] }, 'gpu'],
  ['Lt', { ...anywhere, affinity: [term('cores', 'Lt', '8')] }, 'plain'],
  ['by name', { ...anywhere, affinity: [named('In', 'plain', 'gpu')] }, 'plain gpu'],
  ['by no name', { affinity: [named('NotIn', 'plain')] }, 'cordoned better'],
  [
    'one of several terms',
    { affinity: [term('zone', 'In', 'a'), named('In', 'better')] },
    'plain better',
  ],
  [
    'all conditions of a term',
    { ...anywhere, affinity: [{ ...term('zone', 'Exists'), ...named('NotIn', 'plain') }] },
    'gpu cordoned',
  ],
  ['a term without conditions', { affinity: [{}] }, ''],
];

for (const [name, placement, nodes] of rows) {
  it(`${name}: ${nodes || 'nowhere'}`, () => {
    const found = PLACES.filter((place) => couldRunOn(placement, place));
    assert.equal(found.map(({ node }) => node).join(' '), nodes);
  });
}
