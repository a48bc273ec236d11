/** A Job that outlasts its node's turn: the node comes last, or the Job is evicted and said so. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { paths, tool } from '../../lab/paths.ts';
import { attempt } from '../../lab/run.ts';
import { OLD } from './activity-kit.ts';
import {
  aroundFleet,
  assertNodes,
  bundleTo,
  kubectl,
  NEWEST,
  rolloutTo,
  startApproved,
  untilNodePhase,
} from './rollout-kit.ts';

const fleet = aroundFleet({ batch: false });
const NODES = ['east-1', 'east-2', 'east-3'];
const BUSY = 'east-2';

/** Starts a Job whose one pod runs on the busy node for the given time. */
async function startJob(name: string, seconds: number): Promise<void> {
  const container = {
    name,
    image: 'tidegate.lab/tool:1',
    imagePullPolicy: 'Never',
    args: ['sleep', String(seconds)],
  };
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'shop' },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 2,
          nodeSelector: { 'kubernetes.io/hostname': BUSY },
          containers: [container],
        },
      },
    },
  };
  const apply = [tool('kubectl'), '--kubeconfig', paths.kubeconfig, 'apply', '-f', '-'];
  const { code, stderr } = await attempt(apply, { input: JSON.stringify(job) });
  assert.equal(code, 0, stderr);
  await kubectl('-n', 'shop', 'wait', `job/${name}`, '--for=jsonpath={.status.ready}=1');
}

// On a slow machine a run of it takes longer than a Job is waited for here, and nodes wait for its firings.
const suspendTick = (suspend: boolean) =>
  kubectl('-n', 'shop', 'patch', 'cronjob', 'tick', '-p', JSON.stringify({ spec: { suspend } }));
before(() => suspendTick(true));
after(() => suspendTick(false));

afterEach(() => kubectl('-n', 'shop', 'delete', 'job', 'nightly', '--ignore-not-found'));

function policy(jobsAtTimeout: 'Later' | 'Evict'): object {
  return {
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'jobs' },
    spec: {
      drain: { timeoutSeconds: 120, jobTimeoutSeconds: 8, jobsAtTimeout },
      verification: { execCommand: ['/tool', 'true'] },
    },
  };
}

function rollout(
  name: string,
  jobsAtTimeout: 'Later' | 'Evict',
  nodes: readonly string[],
  direction: 'Forward' | 'Back' = 'Forward',
) {
  return rolloutTo({
    name,
    bundle: bundleTo(NEWEST, 'Drain'),
    strategy: { waves: { size: 1, soakSeconds: 0 }, maxUnavailable: 1 },
    spec: { policy: policy(jobsAtTimeout), targets: { nodes }, direction },
  });
}

describe('a Job that outlasts its node’s turn', () => {
  it('makes the node come last, and is not disturbed', async () => {
    const { outcome } = await startApproved(fleet.client, rollout('later', 'Later', NODES));
    // Its turn is the next: by then the Job has run for some seconds, and goes on for longer than it is waited for.
    await untilNodePhase(fleet.client, 'later', 'Applying');
    await startJob('nightly', 28);
    const ended = await outcome;
    assert.equal(ended.outcome, 'Succeeded', ended.reasons.join('; '));
    assert.equal(ended.nodes.at(-1)?.node, BUSY);
    assert.deepEqual(
      ended.nodes.map((entry) => [entry.outcome, entry.jobPodsLost]),
      NODES.map(() => ['Updated', []]),
    );
    await assertNodes(NODES, NEWEST);
    const { status } = await fleet.client.status('later');
    assert.equal(status?.waves.at(-1)?.wave, 'later');
    const failed = await kubectl('-n', 'shop', 'get', 'job', 'nightly', '-o', 'jsonpath={.status}');
    assert.match(failed, /"succeeded":1/);
    assert.doesNotMatch(failed, /"failed":[1-9]/);
  });

  it('is evicted after its time where the policy says so, and the outcome says it', async () => {
    await startJob('nightly', 600);
    const document = rollout('back-again', 'Evict', [BUSY], 'Back');
    const ended = await (await startApproved(fleet.client, document)).outcome;
    assert.equal(ended.outcome, 'Succeeded', ended.reasons.join('; '));
    const lost = ended.nodes[0]?.jobPodsLost ?? [];
    assert.equal(lost.length, 1);
    assert.match(lost[0] ?? '', /^shop\/nightly-/);
    const said = 'Job shop/nightly was still running after 8 s and was evicted, as the policy says';
    assert.ok(ended.nodes[0]?.notes?.includes(said), ended.nodes[0]?.notes?.join('; '));
    await assertNodes([BUSY], OLD);
  });
});
