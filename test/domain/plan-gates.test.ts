import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planWarnings } from '../../workflows/domain/plan-warnings.ts';
import { type Policy, policySchema } from '../../workflows/domain/spec.ts';
import { TO } from '../workflows/fake-fleet.ts';
import { factsOf, fleetFacts, policy } from '../workflows/fixtures.ts';
import { type Change, fleetOf, planned, reasonsOf, running } from './plan-kit.ts';

function gated(waves: readonly string[][], approval: object = {}): Policy {
  const gates = waves.map((names) => ({ at: 'BeforeWave', waves: names }));
  return policySchema.parse({ ...policy, spec: { approval: { gates, ...approval } } });
}
const west = { name: 'west', region: 'west' };
const five = fleetFacts(5);
/** Canary, wave-1 and wave-2 in east; in west, where it is there, only a canary. */
const one: Change = { facts: five, strategy: { waves: { size: 2 } } };
const two: Change = {
  ...one,
  facts: [...five, factsOf('west-1', 'a', { cluster: 'west' })],
  fleet: fleetOf({}, west),
};

const WHERE = 'policy standard: spec.approval.gates';
const HERE =
  'Waves that BeforeWave can be for: wave-1, wave-2; the canary (canary) has BeforeCanary and AfterCanary';
const BOTH =
  'Waves that BeforeWave can be for: east-wave-1, east-wave-2, west-canary; the canary (east-canary) has BeforeCanary and AfterCanary';

const rows: [string, Change, string[][], { refused?: string[]; warned?: string[] }][] = [
  ['waves that are there', one, [['wave-1', 'wave-2']], {}],
  ['waves of two clusters', two, [['east-wave-1']], {}],
  [
    'a slip',
    one,
    [['wave-1'], ['wave2']],
    { refused: [`${WHERE}[1].waves: "wave2" would be no gate in this plan. ${HERE}`] },
  ],
  [
    'the canary',
    one,
    [['canary']],
    { refused: [`${WHERE}[0].waves: "canary" would be no gate in this plan. ${HERE}`] },
  ],
  [
    'a wave without its cluster, where there are two',
    two,
    [['wave-1', 'wave-2']],
    { refused: [`${WHERE}[0].waves: "wave-1", "wave-2" would be no gate in this plan. ${BOTH}`] },
  ],
  [
    'waves for one cluster and for two',
    one,
    [['wave-1', 'east-wave-1']],
    { warned: [`${WHERE}[0].waves: nobody is asked before "east-wave-1". ${HERE}`] },
  ],
  [
    'a wave that comes only with more nodes',
    one,
    [['wave-3']],
    { warned: [`${WHERE}[0].waves: nobody is asked before "wave-3". ${HERE}`] },
  ],
  [
    'the same, of a cluster that has only a canary',
    two,
    [['west-wave-1']],
    { warned: [`${WHERE}[0].waves: nobody is asked before "west-wave-1". ${BOTH}`] },
  ],
  ['a slip where nothing is to be done', { facts: [running('east-1', TO)] }, [['wave2']], {}],
];

describe('gates of waves', () => {
  for (const [name, change, waves, { refused = [], warned = [] }] of rows) {
    it(name, () => {
      const asked = { ...change, policy: gated(waves) };
      assert.deepEqual(reasonsOf(asked), refused);
      if (refused.length === 0) assert.deepEqual(planWarnings(planned(asked), []), warned);
    });
  }

  it('hold up no rollout that goes back', () => {
    const facts = [running('east-1', TO), running('east-2', TO)];
    const back = { facts, spec: { direction: 'Back' }, policy: gated([['wave2']]) };
    assert.deepEqual(reasonsOf(back), []);
    assert.match(planWarnings(planned(back), []).join(), /nobody is asked before "wave2"/);
  });
});

describe('an urgent rollout', () => {
  const urgent = { ...one, spec: { urgent: { reason: 'exploited' } } };

  it('needs a policy that says how such are approved', () => {
    assert.deepEqual(reasonsOf(urgent), [
      'spec.urgent: policy standard has no approval.urgent, so nothing is urgent under it: leave spec.urgent out, or have the policy say how urgent rollouts are approved',
    ]);
  });

  it('is planned with one', () => {
    assert.deepEqual(reasonsOf({ ...urgent, policy: gated([], { urgent: {} }) }), []);
  });
});
