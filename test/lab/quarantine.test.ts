/** A budget that can never be met: named by the plan, then its node is left to a person, and only that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import { QUARANTINE } from '../../workflows/domain/inventory.ts';
import { OLD, ref } from './activity-kit.ts';
import { apply, aroundNode, deployment, NAMESPACE } from './drain-kit.ts';
import {
  aroundFleet,
  assertNodes,
  bundleTo,
  kubectl,
  NEWEST,
  rolloutTo,
  startApproved,
} from './rollout-kit.ts';

const fleet = aroundFleet({ batch: false });
aroundNode();

const STUCK = ref.node;
const OTHERS = ['east-1', 'east-2', 'east-3'];
const LIMIT_SECONDS = 8;

const policy = {
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'quarantining' },
  spec: {
    drain: { timeoutSeconds: LIMIT_SECONDS, atTimeout: 'Quarantine', jobs: 'Evict' },
    verification: { execCommand: ['/tool', 'true'] },
  },
};

function rollout(name: string) {
  return rolloutTo({
    name,
    bundle: bundleTo(NEWEST, 'Drain'),
    strategy: {
      canary: { nodes: [OTHERS[0]], soakSeconds: 0 },
      waves: { size: 1, soakSeconds: 0 },
      maxUnavailable: 2,
      failureBudget: 1,
    },
    spec: { policy, targets: { nodes: [...OTHERS, STUCK] } },
  });
}

async function guard(): Promise<void> {
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'never', namespace: NAMESPACE },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
  };
  await apply(budget, deployment('guarded'));
  const ready = ['rollout', 'status', 'deployment/guarded', '--timeout=60s'];
  await kubectl('-n', NAMESPACE, ...ready);
}

interface Tainted {
  readonly spec: { readonly taints?: readonly { key: string; value?: string; effect: string }[] };
}

function ownTaints({ spec }: Tainted): string[] {
  return (spec.taints ?? [])
    .filter(({ key }) => key === QUARANTINE)
    .map(({ value, effect }) => `${value} ${effect}`);
}

describe('a budget that can never be met', () => {
  let outcome: RolloutOutcome;

  it('is named by the plan, with its node and what helps; nothing is evicted', async () => {
    await guard();
    const { drains = [] } = await fleet.client.plan(rollout('quarantine'));
    const found = drains.flatMap(({ blockers }) => blockers).filter(({ node }) => node === STUCK);
    const [blocker] = found.filter(({ permanent }) => permanent);
    assert.deepEqual(blocker?.budget, { name: 'never', disruptionsAllowed: 0 });
    assert.match(blocker?.pod ?? '', new RegExp(`^${NAMESPACE}/guarded-`));
    assert.notEqual(blocker?.advice, '');
  });

  it('leaves its node in quarantine after the deadline, while the rollout goes on', async () => {
    outcome = await (await startApproved(fleet.client, rollout('quarantine'))).outcome;
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    assert.deepEqual(outcome.needsAttention, [`east/${STUCK}`]);
    const reason = outcome.nodes.find(({ node }) => node === STUCK)?.reasons.join() ?? '';
    const told = new RegExp(`^DrainBlocked: ${STUCK} is not drained after (\\d+) s`).exec(reason);
    // The last look may take a moment on a busy machine.
    assert.ok(Number(told?.[1]) >= LIMIT_SECONDS, reason);
    assert.match(reason, /guarded-\S+ \(owner ReplicaSet\/guarded-\S+\).*budget never allows 0/);
    await assertNodes(OTHERS, NEWEST);
    const pods = await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', 'name');
    assert.equal(pods.split('\n').filter((pod) => pod).length, 1, 'the guarded pod was left alone');
  });

  it('marks the node for people and for the scheduler, and says how to release it', async () => {
    const node = JSON.parse(await kubectl('get', 'node', STUCK, '-o', 'json'));
    assert.equal(node.spec.unschedulable, true);
    assert.equal(node.metadata.labels[QUARANTINE], 'drain-blocked');
    assert.deepEqual(ownTaints(node), ['drain-blocked NoSchedule']);
    const { reason } = JSON.parse(node.metadata.annotations['tidegate.dev/needs-attention']);
    const line = /kubectl uncordon .*$/.exec(reason)?.[0] ?? '';
    for (const command of line.split(' && ')) await kubectl(...command.split(' ').slice(1));
    await assertNodes([STUCK], OLD);
    const released = JSON.parse(await kubectl('get', 'node', STUCK, '-o', 'json'));
    assert.equal(released.metadata.labels[QUARANTINE], undefined);
    assert.deepEqual(ownTaints(released), []);
  });
});
