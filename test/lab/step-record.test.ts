/** What steps leave in the ledger, on a real host and in a real cluster, through the worker's own interceptor. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { systemClock } from '../../activities/context.ts';
import type { LedgerPort } from '../../activities/deps.ts';
import { createActivities, realDeps } from '../../activities/index.ts';
import { INSPECT_SCRIPT } from '../../activities/scripts/inspect.ts';
import { stepRecorder } from '../../worker/step-recorder.ts';
import type { EntryOf, LedgerEntry } from '../../workflows/contract.ts';
import { isEntry } from '../../workflows/domain/report-entries.ts';
import { access, ref } from './activity-kit.ts';

const log = { info: () => undefined, warn: () => undefined };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const rollout = 'step-record';

/** Runs an activity as a worker does; returns what it comes to and the step that is kept. */
async function attempt<T>(
  activity: string,
  work: (real: ReturnType<typeof createActivities>) => (input: never) => Promise<T>,
  input: object,
): Promise<{ result: PromiseSettledResult<T>; step: EntryOf<'Step'> }> {
  const taken: LedgerEntry[] = [];
  const ledger: LedgerPort = {
    submit: async (_, entries) => void taken.push(...entries),
    append: async () => ({ added: 0 }),
    anchor: async () => undefined,
    validationsOf: async () => [],
  };
  const info = {
    activityType: activity,
    workflowExecution: { workflowId: `node/east/${ref.node}`, runId: 'run' },
  };
  const env = new MockActivityEnvironment(info, {
    interceptors: stepRecorder({ ledger, clock: systemClock, log }, 'this test'),
    logger: new DefaultLogger('ERROR'),
  });
  const real = work(createActivities(realDeps({ configFolder: 'examples', log })));
  const [result] = await Promise.allSettled([env.run(real as never, input)]);
  assert.ok(result);
  const [step] = taken;
  assert.ok(step && isEntry(step) && step.kind === 'Step');
  return { result: result as PromiseSettledResult<T>, step };
}

describe('a step on a real host', () => {
  it('is kept with its script, exit code and a digest of what it printed', async () => {
    const input = { ...ref, rollout, packages: ['containerd'] };
    const { result, step } = await attempt('inspect', ({ inspect }) => inspect, input);
    assert.equal(result.status, 'fulfilled');
    const { body } = step;
    assert.deepEqual([step.subject, body.ended], [`east/${ref.node}`, 'Completed']);
    const inspection = body.commands.find(({ command }) =>
      command.includes(sha256(INSPECT_SCRIPT)),
    );
    assert.ok(inspection, JSON.stringify(body.commands));
    assert.match(inspection.command, /^sh -s -- containerd < "set -u" \(sha256:/);
    assert.deepEqual([inspection.exitCode, inspection.node], [0, ref.node]);
    assert.match(inspection.outputSha256, /^[0-9a-f]{64}$/);
    assert.ok(inspection.outputBytes > 100 && inspection.durationMs >= 0);
    assert.deepEqual(body.changes, []);
  });

  it('that can not be reached is kept as what it is', async () => {
    const input = { ...ref, rollout, address: '127.0.0.1', packages: [] };
    const wrong = { ...input, access: { ...access, ssh: { ...access.ssh, port: 1 } } };
    const { result, step } = await attempt('inspect', ({ inspect }) => inspect, wrong);
    assert.equal(result.status, 'rejected');
    assert.deepEqual(
      [step.body.ended, step.body.failureType, step.body.commands],
      ['Failed', 'HostUnreachable', []],
    );
  });
});

describe('a step in a real cluster', () => {
  it('is kept with what it changed', async () => {
    const holder = `rollout/${rollout}`;
    const input = { access, holder, rollout };
    const taken = await attempt('acquireClusterLease', (real) => real.acquireClusterLease, input);
    assert.equal(taken.result.status, 'fulfilled');
    const given = await attempt('releaseClusterLease', (real) => real.releaseClusterLease, input);
    assert.equal(given.result.status, 'fulfilled');
    assert.deepEqual(
      [taken, given].map(({ step }) => [step.subject, step.body.changes]),
      [
        ['east', [`put lease tidegate/tidegate, holder "${holder}"`]],
        ['east', ['delete lease tidegate/tidegate']],
      ],
    );
  });
});
