import assert from 'node:assert/strict';
import test from 'node:test';
import { type BackInput, makeBackRollout } from '../../client/back.ts';
import { makePlan } from '../../workflows/domain/plan.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import type { Bundle, Policy, Rollout } from '../../workflows/domain/spec.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import { factsOf, fleet, hash, offers, planOf, rolloutOf } from '../workflows/fixtures.ts';
import { nodeOutcome } from './kit.ts';

const plan = planOf({ count: 4 });
const updated = ['east-1', 'east-2', 'east-3'].map((node) => nodeOutcome(node));

function back(change: Partial<BackInput> = {}) {
  return makeBackRollout({
    request: rolloutOf(),
    plan,
    outcome: {
      nodes: [...updated, nodeOutcome('east-4', { outcome: 'RolledBack' })],
      rolledBack: [],
    },
    command: { by: 'sre-lead', reason: 'error rate doubled' },
    ...change,
  });
}

function made(change: Partial<BackInput> = {}): Rollout {
  const answer = back(change);
  assert.equal(answer.kind, 'Made', JSON.stringify(answer));
  return answer.rollout;
}

function refusal(change: Partial<BackInput>): string {
  const answer = back(change);
  assert.equal(answer.kind, 'Refused');
  return answer.reason;
}

/** What the planner makes of the document while the nodes run the given version. */
function planBack(rollout: Rollout, version: string): Plan {
  const facts = ['east-1', 'east-2', 'east-3', 'east-4'].map((node) => {
    const usual = factsOf(node, 'a');
    const packages = [{ name: 'containerd', version, status: 'install ok installed', held: false }];
    const host = { ...(usual.host as NonNullable<typeof usual.host>), packages };
    return { ...usual, host: { ...host, daemons: { containerd: version } } };
  });
  const answer = makePlan({
    rollout,
    fleet,
    bundle: rollout.spec.bundle as Bundle,
    policy: rollout.spec.policy as Policy,
    facts,
    offered: offers(facts),
    hash,
  });
  assert.equal(answer.kind, 'Planned', JSON.stringify(answer));
  return answer.plan;
}

test('the way back names the updated nodes, who asks and why', () => {
  const { metadata, spec } = made();
  assert.equal(metadata.name, 'patch-back');
  assert.equal(spec.direction, 'Back');
  assert.equal(spec.requestedBy, 'sre-lead');
  assert.equal(spec.reason, 'error rate doubled');
  assert.deepEqual(spec.targets, {
    clusters: ['east'],
    nodes: ['east/east-1', 'east/east-2', 'east/east-3'],
  });
});

test('its plan exchanges the ends of the recorded one, whatever the files say today', () => {
  const nodes = planBack(made(), TO).waves.flatMap((wave) => wave.nodes);
  assert.deepEqual(nodes.map((entry) => entry.node).sort(), ['east-1', 'east-2', 'east-3']);
  const recorded = plan.waves[0]?.nodes[0]?.packages[0];
  for (const node of nodes) {
    assert.deepEqual(node.packages[0]?.from, recorded?.to);
    assert.deepEqual(node.packages[0]?.to, recorded?.from);
  }
});

test('going back from a way back goes forward again', () => {
  const first = made();
  const answer = made({ request: first, plan: planBack(first, TO) });
  assert.equal(answer.metadata.name, 'patch-back-back');
  assert.equal(answer.spec.direction, 'Forward');
  const nodes = planBack(answer, FROM).waves.flatMap((wave) => wave.nodes);
  assert.equal(nodes[0]?.packages[0]?.to.version, TO);
});

test('chosen nodes only', () => {
  assert.deepEqual(made({ nodes: ['east-2'] }).spec.targets.nodes, ['east/east-2']);
  assert.match(refusal({ nodes: ['east-4'] }), /east-4 does not run this rollout's update/);
});

test('a named canary stays the canary while it is among the nodes', () => {
  const request = rolloutOf({ canary: { nodes: ['east-2', 'east-4'], soakSeconds: 1 } });
  assert.deepEqual(made({ request }).spec.strategy.canary, {
    count: 1,
    soakSeconds: 1,
    nodes: ['east-2'],
  });
  const others = made({ request, nodes: ['east-1'] });
  assert.equal(others.spec.strategy.canary.nodes, undefined);
});

test('nothing to take back is refused', () => {
  assert.match(refusal({ outcome: { nodes: [], rolledBack: [] } }), /nothing to take back/);
  assert.match(refusal({ outcome: { nodes: updated, rolledBack: updated } }), /nothing to take/);
});

test('nodes that came from different versions are refused together', () => {
  const mixed: Plan = {
    ...plan,
    waves: plan.waves.map((wave, index) => ({
      ...wave,
      nodes: wave.nodes.map((node) => ({
        ...node,
        packages: node.packages.map((entry) =>
          index === 0 ? { ...entry, from: { ...entry.from, version: '1.6.0' } } : entry,
        ),
      })),
    })),
  };
  const reason = refusal({ plan: mixed });
  assert.match(reason, /different versions of containerd on debian-12\/amd64 \(1\.6\.0: east-1;/);
  assert.match(reason, /--nodes/);
  assert.equal(makeBackRollout({ ...inputOf(mixed), nodes: ['east-1'] }).kind, 'Made');
});

function inputOf(recorded: Plan): BackInput {
  return {
    request: rolloutOf(),
    plan: recorded,
    outcome: { nodes: updated, rolledBack: [] },
    command: { by: 'sre-lead' },
  };
}
