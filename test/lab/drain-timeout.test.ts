/** Drains on the lab whose time is up: force, pods that come straight back, Jobs that do not end. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import {
  aroundNode,
  deployment,
  drain,
  FORCE_BINDING,
  failing,
  job,
  NAMESPACE,
  ownNotes,
  removeWorkloads,
  runOnNode,
  workloadNames,
} from './drain-kit.ts';
import { kubectl } from './rollout-kit.ts';

aroundNode();
afterEach(removeWorkloads);

describe('Force', () => {
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'never', namespace: NAMESPACE },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
  };
  const policy = { timeoutSeconds: 5, atTimeout: 'Force' };

  it('needs a right of its own, and then deletes against a budget that allows none', async () => {
    await runOnNode(['guarded'], budget, deployment('guarded'));
    const refused = await failing(drain(policy), 'DrainBlocked');
    assert.match(refused, /drain-test\/guarded-\S+ .*kubectl create clusterrolebinding tidegate-/);
    assert.match(refused, /budget never allows 0 disruption\(s\)/);
    await kubectl(
      ...['create', 'clusterrolebinding', FORCE_BINDING],
      ...['--clusterrole=tidegate-worker-force', '--serviceaccount=tidegate:tidegate-worker'],
    );
    const result = await drain(policy);
    assert.deepEqual(workloadNames(result.evicted), ['guarded']);
    assert.match(
      ownNotes(result).join(),
      /^drain-test\/guarded-\S+ \(owner ReplicaSet\/guarded-\S+\) was deleted by force after 5 s: Cannot evict pod/,
    );
  });
});

describe('a pod that tolerates the cordon', () => {
  it('is evicted twice, and then named with advice', async () => {
    const tolerations = [
      { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
    ];
    await runOnNode(['clingy'], deployment('clingy', { tolerations }));
    const said = await failing(drain({ timeoutSeconds: 15 }), 'DrainBlocked');
    assert.match(said, /2 pod\(s\) were evicted/);
    assert.match(
      said,
      /drain-test\/clingy-\S+ .* has come straight back to the cordoned node 2 times/,
    );
    assert.match(said, /take that toleration away, or let a rule Skip it/);
  });
});

describe('a Job that does not end', () => {
  const asks = { timeoutSeconds: 30, jobTimeoutSeconds: 4, jobsAtTimeout: 'Ask' };

  it('is evicted after its time where the policy says so, and said so', async () => {
    await runOnNode(['nightly'], job('nightly'));
    const result = await drain({ ...asks, jobsAtTimeout: 'Evict' });
    assert.equal(result.jobPodsEvicted.length, 1);
    assert.deepEqual(ownNotes(result), [
      'Job drain-test/nightly was still running after 4 s and was evicted, as the policy says',
    ]);
  });

  it('is asked about, and what a person says is done', async () => {
    await runOnNode(['nightly', 'web'], job('nightly'), deployment('web'));
    const said = await failing(drain(asks), 'JobsUndecided');
    assert.match(
      said,
      /still runs drain-test\/nightly-\S+ \(owner Job\/nightly\) after 4 s; nothing/,
    );
    await failing(drain(asks, { jobChoice: 'Later' }), 'JobsRunning');
    const phases = await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', 'jsonpath={..phase}');
    assert.equal(phases, 'Running Running', 'nothing was disturbed until now');
    const result = await drain(asks, { jobChoice: 'Evict' });
    assert.deepEqual(workloadNames(result.evicted).sort(), ['nightly', 'web']);
    assert.match(ownNotes(result).join(), /was still running and was evicted, as a person decided/);
  });
});
