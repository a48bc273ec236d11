/** Workers come and go: every task of these rollouts is replayed from the beginning of its history. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { metricSinks } from '../../worker/counting.ts';
import { type RolloutStatus, rolloutWorkflowId } from '../../workflows/contract.ts';
import { rolloutWorkflow } from '../../workflows/rollout.ts';
import { startTestBed, type TestBed } from './environment.ts';
import type { FakeFleet } from './fake-fleet.ts';
import { planOf } from './fixtures.ts';
import { known, storyOf } from './ledger-kit.ts';

const NODES = ['east-1', 'east-2', 'east-3'];
const taskQueue = 'forgetful';
const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

/** Runs a worker that keeps no workflow in memory. */
async function withForgetfulWorker(fleet: FakeFleet, body: () => Promise<void>): Promise<void> {
  const worker = await Worker.create({
    connection: bed.env.nativeConnection,
    ...{ taskQueue, workflowsPath, maxCachedWorkflows: 0 },
    activities: fleet.activities(),
    sinks: metricSinks(bed.counts),
  });
  await worker.runUntil(body);
}

/** Starts a rollout of these nodes, and approves it. */
async function start(fleet: FakeFleet) {
  const waves = { canary: { count: 1, soakSeconds: 0 }, waves: { size: 2, soakSeconds: 0 } };
  const strategy = { ...waves, maxUnavailable: 1 };
  const plan = planOf({ count: NODES.length, disruption: 'Restart', strategy });
  fleet.planned = { plan, impact: [] };
  const handle = await bed.env.client.workflow.start(rolloutWorkflow, {
    ...{ taskQueue, workflowId: rolloutWorkflowId('patch') },
    args: [{ metadata: { name: 'patch' } }],
  });
  for (let i = 0; i < 200; i++) {
    if ((await handle.query<RolloutStatus>('status')).phase === 'AwaitingApproval') break;
    await delay(20);
  }
  await handle.signal('approve', { by: 'sre-lead', digest: plan.digest });
  return handle;
}

const EXPECTED = [
  'Requested: request run',
  'Phase: Planning',
  'Planned: Forward canary wave-1',
  'GateOpened before-canary: 1 needed',
  'Phase: AwaitingApproval',
  'Vote before-canary sre-lead: Approve',
  'GateClosed before-canary: Passed sre-lead',
  'Phase: Canary',
  'Node east/east-1: Forward Updated in canary',
  'WaveEnded canary: Forward Done',
  'Phase: Wave',
  'Node east/east-2: Forward Updated in wave-1',
  'Node east/east-3: Forward Updated in wave-1',
  'WaveEnded wave-1: Forward Done',
  'Phase: Succeeded',
  'Outcome: Succeeded',
];

describe('entries of a rollout whose workers forget', () => {
  it('are the same, each once', async () => {
    await bed.withFleet(NODES, async (fleet) => {
      await withForgetfulWorker(fleet, async () => {
        const handle = await start(fleet);
        assert.equal((await handle.result()).outcome, 'Succeeded');
      });
      assert.deepEqual(storyOf(fleet.records.entries), EXPECTED);
      const [first] = known(fleet.records.entries);
      assert.match(first?.id ?? '', /^rollout\/patch\/[0-9a-f-]+\/1$/);
    });
  });

  it('whose hand-over fails and is tried by the next worker are not lost either', async () => {
    await bed.withFleet(NODES, async (fleet) => {
      let handle: Awaited<ReturnType<typeof start>> | undefined;
      fleet.records.isDown = () => true;
      await withForgetfulWorker(fleet, async () => {
        handle = await start(fleet);
        for (let i = 0; i < 200 && fleet.count('apply') === 0; i++) await delay(20);
      });
      fleet.records.isDown = () => false;
      await withForgetfulWorker(fleet, async () => {
        assert.equal((await handle?.result())?.outcome, 'Succeeded');
      });
      assert.deepEqual(storyOf(fleet.records.entries), EXPECTED);
    });
  });
});
