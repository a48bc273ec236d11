/** A real Temporal server, for what the time-skipping one does not know: Schedules, lists, summaries. */
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { RolloutClient } from '../../client/rollout-client.ts';
import { goTool } from '../../lab/go-tools.ts';
import { metricSinks } from '../../worker/counting.ts';
import { SEARCH_ATTRIBUTE_TYPES, TASK_QUEUE } from '../../workflows/contract.ts';
import { KeptInstruments } from '../monitoring/kit.ts';
import { FakeFleet } from '../workflows/fake-fleet.ts';

const TYPES = {
  Keyword: SearchAttributeType.KEYWORD,
  KeywordList: SearchAttributeType.KEYWORD_LIST,
  Int: SearchAttributeType.INT,
} as const;

export interface RealServer {
  readonly env: TestWorkflowEnvironment;
  readonly client: RolloutClient;
  /** Behind the activities of the one worker. */
  readonly fleet: FakeFleet;
  readonly close: () => Promise<void>;
}

/** Starts a server that keeps nothing, and one worker that plans. */
export async function startRealServer(): Promise<RealServer> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const path = await goTool('temporal');
  const env = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      searchAttributes: Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) =>
        defineSearchAttributeKey(name, TYPES[type]),
      ),
    },
  });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const fleet = new FakeFleet([]);
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger }),
    activities: fleet.activities(),
    sinks: metricSinks(new KeptInstruments()),
  });
  const running = worker.run();
  return {
    env,
    client: new RolloutClient({
      client: new Client({ connection: env.connection }),
      address: env.address,
      namespace: 'default',
      close: async () => undefined,
    }),
    fleet,
    close: async () => {
      worker.shutdown();
      await running;
      await env.teardown();
    },
  };
}
