/** Histories that real rollouts left are replayed with today's code: a running one goes on. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';

interface Recorded {
  readonly workflowId: string;
  readonly history: { events: { workflowTaskCompletedEventAttributes?: object }[] };
}

const folder = join(import.meta.dirname, 'histories');
const files = (await readdir(folder)).sort();
const logger = new DefaultLogger('ERROR');
let workflowBundle: WorkflowBundleWithSourceMap;

before(async () => {
  Runtime.install({ logger });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
});

async function read(file: string): Promise<Recorded> {
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as Recorded;
}

describe('recorded histories', () => {
  for (const file of files) {
    it(`${file} replays`, async () => {
      const { workflowId, history } = await read(file);
      await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
    });
  }

  it('are of every workflow and of good and bad ends', () => {
    for (const wanted of [
      /^rollout\.[^.]+\.json$/,
      /\.wave\./,
      /^node\./,
      /-back\.json$/,
      /bad/,
      /taken-back/,
    ]) {
      assert.ok(
        files.some((file) => wanted.test(file)),
        `a history like ${wanted}`,
      );
    }
  });

  it('would not replay with other code: a step less is noticed', async () => {
    const file = files.find((name) => name.startsWith('node.')) ?? '';
    const { workflowId, history } = await read(file);
    const scheduled = history.events.findIndex(
      (event) => 'activityTaskScheduledEventAttributes' in event,
    );
    const broken = structuredClone(history) as {
      events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
    };
    const attributes = broken.events[scheduled]?.activityTaskScheduledEventAttributes;
    assert.ok(attributes);
    attributes.activityType.name = 'somethingElse';
    await assert.rejects(Worker.runReplayHistory({ workflowBundle }, broken, workflowId), {
      name: 'DeterminismViolationError',
    });
  });
});
