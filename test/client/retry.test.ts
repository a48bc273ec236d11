/** The rollout that tries nodes of a finished one again, by what that one recorded. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failedSoFar, makeRetryRollout, type RetryInput, retryName } from '../../client/retry.ts';
import { makePlan } from '../../workflows/domain/plan.ts';
import type { Bundle, Policy, Rollout } from '../../workflows/domain/spec.ts';
import { FROM } from '../workflows/fake-fleet.ts';
import { factsOf, fleet, hash, offers, planOf, policy, rolloutOf } from '../workflows/fixtures.ts';
import { nodeOutcome } from './kit.ts';

const plan = planOf({ count: 4 });
const outcome: RetryInput['outcome'] = {
  nodes: [
    nodeOutcome('east-1'),
    nodeOutcome('east-2', { outcome: 'RolledBack' }),
    nodeOutcome('east-3', { outcome: 'Skipped', reasons: ['skipped by ada: a demo'] }),
    nodeOutcome('east-4', { outcome: 'NeedsAttention' }),
  ],
  rolledBack: [],
};

function retry(change: Partial<RetryInput> = {}) {
  return makeRetryRollout({
    ...{ request: rolloutOf(), plan, outcome, name: 'patch-retry-1' },
    command: { by: 'sre-lead' },
    ...change,
  });
}

function made(change: Partial<RetryInput> = {}): Rollout {
  const answer = retry(change);
  assert.equal(answer.kind, 'Made', JSON.stringify(answer));
  return answer.rollout;
}

describe('a retry of a finished rollout', () => {
  it('is for the nodes that were put back; others are named', () => {
    const { metadata, spec } = made();
    assert.equal(metadata.name, 'patch-retry-1');
    assert.equal(spec.direction, 'Forward');
    assert.equal(spec.requestedBy, 'sre-lead');
    assert.equal(spec.reason, 'try nodes of patch again: CVE-2025-64329');
    assert.deepEqual(spec.targets, { clusters: ['east'], nodes: ['east/east-2'] });
    const named = made({ nodes: ['east-3', 'east/east-4'] }).spec.targets.nodes ?? [];
    assert.deepEqual([...named].sort(), ['east/east-3', 'east/east-4']);
  });

  it('refuses nodes that run the update, are unknown, or where none has failed', () => {
    const reason = (change: Partial<RetryInput>) => {
      const answer = retry(change);
      return answer.kind === 'Refused' ? answer.reason : '';
    };
    assert.match(reason({ nodes: ['east-1'] }), /^east-1 is none of its nodes without the update/);
    assert.match(reason({ nodes: ['east-9'] }), /^east-9 is none of its nodes/);
    const good = { nodes: [nodeOutcome('east-1')], rolledBack: [] };
    assert.match(reason({ outcome: good }), /no node was put back or left for later; name others/);
  });

  it('tries again what the rollout itself has taken back, where that is named', () => {
    const back = { nodes: [nodeOutcome('east-1')], rolledBack: [nodeOutcome('east-1')] };
    const { spec } = made({ outcome: back, nodes: ['east-1'] });
    assert.deepEqual(spec.targets.nodes, ['east/east-1']);
  });

  it('has the plan that was recorded, from every version that its nodes have', () => {
    const older = planOf({ count: 4 });
    const [first = ''] = older.waves[0]?.nodes.map(({ node }) => node) ?? [];
    const mixed = {
      ...older,
      waves: older.waves.map((wave) => ({
        ...wave,
        nodes: wave.nodes.map((node) => ({
          ...node,
          packages: node.packages.map((entry) =>
            node.node === first ? { ...entry, from: { ...entry.from, version: '1.6.0' } } : entry,
          ),
        })),
      })),
    };
    const none = { nodes: [], rolledBack: [] };
    const { spec } = made({ plan: mixed, outcome: none, nodes: ['east-1', 'east-2', 'east-3'] });
    const from = (spec.bundle as Bundle).spec.releases[0]?.packages[0]?.from ?? [];
    assert.deepEqual(from.map(({ version }) => version).sort(), ['1.6.0', FROM].sort());

    const facts = [factsOf('east-2', 'a')];
    const rollout = made();
    const answer = makePlan({
      ...{ rollout, fleet, facts, offered: offers(facts), hash },
      bundle: rollout.spec.bundle as Bundle,
      policy: rollout.spec.policy as Policy,
    });
    assert.equal(answer.kind, 'Planned', JSON.stringify(answer));
    const recorded = plan.waves.flatMap((wave) => wave.nodes).find(({ node }) => node === 'east-2');
    assert.deepEqual(answer.plan.waves[0]?.nodes[0]?.packages, recorded?.packages);
  });

  it('asks at gates of whatever waves it has, for as many names as the strictest did', () => {
    const gate = (quorum: number, waves: string[]) => ({
      at: 'BeforeWave' as const,
      quorum,
      waves,
    });
    const approval = { ...policy.spec.approval, gates: [gate(1, ['wave-1']), gate(2, ['wave-7'])] };
    const gated = planOf({ count: 4, policy: { ...policy, spec: { ...policy.spec, approval } } });
    const { spec } = made({ plan: gated });
    assert.deepEqual((spec.policy as Policy).spec.approval.gates, [
      { at: 'BeforeWave', quorum: 2 },
    ]);
  });

  it('counts its attempts under the name of the first rollout', () => {
    assert.equal(retryName('patch', 1), 'patch-retry-1');
    assert.equal(retryName('patch-retry-1', 2), 'patch-retry-2');
  });
});

describe('a running rollout', () => {
  it('has failed nodes until they are tried again', () => {
    const wave = (name: string, nodes: Record<string, 'Updated' | 'RolledBack' | 'Pending'>) => ({
      ...{ wave: name, state: 'Done' as const, workflowId: '' },
      nodes: Object.entries(nodes).map(([node, phase]) => ({ node, phase })),
    });
    const before = [wave('canary', { a: 'Updated' }), wave('wave-1', { b: 'RolledBack' })];
    assert.deepEqual(failedSoFar(before), ['b']);
    assert.deepEqual(failedSoFar([...before, wave('retry-1', { b: 'Updated' })]), []);
  });
});
