/** Nodes that a policy leaves out for now: by whose leave, and until when. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exceptionWarnings } from '../../workflows/domain/exceptions.ts';
import { makePlan } from '../../workflows/domain/plan.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import {
  bundleOf,
  fleet,
  fleetFacts,
  hash,
  offers,
  policy,
  rolloutOf,
} from '../workflows/fixtures.ts';
import { unread } from './plan-kit.ts';

const exception = {
  name: 'batch',
  nodes: ['east-2', 'east/east-3', 'west/east-1'],
  reason: 'runs the year-end batch',
  approvedBy: 'ada',
  until: '2026-11-30',
};

function planOn(today: string | undefined, facts = fleetFacts(4)): Plan {
  const answer = makePlan({
    rollout: rolloutOf(),
    fleet,
    bundle: bundleOf(),
    policy: policySchema.parse({ ...policy, spec: { exceptions: [exception] } }),
    facts,
    offered: offers(facts),
    hash,
    ...(today === undefined ? {} : { today }),
  });
  if (answer.kind === 'Refused') throw new Error(answer.reasons.join('; '));
  return answer.plan;
}

const planned = (plan: Plan) => plan.waves.flatMap((wave) => wave.nodes.map(({ node }) => node));

describe('exceptions', () => {
  it('leave their nodes out to the end of their last day, and say by whose leave', () => {
    const plan = planOn('2026-11-30');
    assert.deepEqual(planned(plan).sort(), ['east-1', 'east-4']);
    assert.deepEqual(
      plan.excluded.map(({ node, reason }) => [node, reason]),
      ['east-2', 'east-3'].map((node) => [
        node,
        'exception batch until 2026-11-30: runs the year-end batch (approved by ada)',
      ]),
    );
    assert.deepEqual(exceptionWarnings(plan, '2026-11-30'), []);
  });

  it('that are over leave nobody out, and are told', () => {
    const plan = planOn('2026-12-01');
    assert.equal(planned(plan).length, 4);
    assert.deepEqual(exceptionWarnings(plan, '2026-12-01'), [
      'exception batch ended on 2026-11-30: east/east-2, east/east-3 are updated as any other. Have it approved anew if they must be left out, else take it out of policy standard',
    ]);
  });

  it('hold where nobody says which day it is', () => {
    assert.equal(planned(planOn(undefined)).length, 2);
  });

  it('are good for nodes that can not even be read', () => {
    const [first, ...others] = fleetFacts(4);
    assert.ok(first);
    const facts = [first, unread('east-2'), ...others.slice(1)];
    assert.deepEqual(planned(planOn('2026-11-30', facts)).sort(), ['east-1', 'east-4']);
  });
});
