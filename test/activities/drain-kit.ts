/** What the tests of drains share: policies as documents give them, and pods with volumes. */
import assert from 'node:assert/strict';
import type { V1Pod } from '../../activities/adapters/kube-adapter.ts';
import { drainActivities } from '../../activities/drain.ts';
import type { JobChoice } from '../../workflows/contract.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

interface Given {
  readonly pods: V1Pod[];
  readonly policy?: object;
  readonly jobChoice?: JobChoice;
  readonly previous?: unknown;
}

/** Drains a node of a fake cluster under a policy. */
export function drain(given: Given, kube = new FakeKube()) {
  kube.pods = given.pods;
  const run = fakeDeps(kube, { previous: given.previous });
  const { drain: activity } = drainActivities(run.deps);
  const policy = policySchema.shape.spec.parse({
    drain: { timeoutSeconds: 60, ...given.policy },
  }).drain;
  const { jobChoice } = given;
  const result = activity({ ...ref, policy, ...(jobChoice ? { jobChoice } : {}) });
  return { kube, run, result };
}

export const withClaim = (name: string, claim: string, owner = 'StatefulSet/db') =>
  pod(name, owner, {
    spec: { containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }] },
  });
export const withScratch = (name: string, owner?: string, medium?: string) =>
  pod(name, owner, {
    spec: {
      containers: [],
      volumes: [{ name: 'tmp', emptyDir: medium ? { medium } : {} }],
    },
  });
export const rule = (action: string, match: object, more: object = {}) => ({
  rules: [{ name: 'mine', match, action, ...more }],
});
export const text = (error: unknown) => (error as Error).message;

/** Awaits a failure and returns it. */
export async function failing(work: Promise<unknown>, type: string) {
  const error = await work.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason as Error & { type?: string; details?: unknown[] },
  );
  assert.equal(error.type, type, text(error));
  return error;
}
