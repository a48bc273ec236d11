/** One time-skipping Temporal server, workers over the workflows and the clusters of a fake fleet. */
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { testServer } from '../../lab/test-server.ts';
import { metricSinks } from '../../worker/counting.ts';
import { clusterTaskQueue, SEARCH_ATTRIBUTE_TYPES, TASK_QUEUE } from '../../workflows/contract.ts';
import { KeptInstruments } from '../monitoring/kit.ts';
import { FakeFleet } from './fake-fleet.ts';

/** Values of Temporal's IndexedValueType. */
const TYPES = { Keyword: 2, Int: 3, KeywordList: 7 } as const;

export interface TestBed {
  readonly env: TestWorkflowEnvironment;
  /** What workflows have told, of all fleets. */
  readonly counts: KeptInstruments;
  /** Runs `body` with a fresh fake fleet of these nodes behind the activities. */
  readonly withFleet: (
    nodes: readonly string[],
    body: (fleet: FakeFleet) => Promise<void>,
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts a test bed; one for each test file, since the server's clock is global. */
export async function startTestBed(): Promise<TestBed> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const path = await testServer();
  const env = await startServer(path);
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(
      Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) => [name, TYPES[type]]),
    ),
  });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  let current = new FakeFleet([]);
  const counts = new KeptInstruments();
  const common = {
    connection: env.nativeConnection,
    activities: delegating(() => current.activities()),
    maxHeartbeatThrottleInterval: 50,
  };
  const workers = [
    await Worker.create({
      ...common,
      taskQueue: TASK_QUEUE,
      workflowBundle,
      sinks: metricSinks(counts),
    }),
    await Worker.create({ ...common, taskQueue: clusterTaskQueue('east') }),
    await Worker.create({ ...common, taskQueue: clusterTaskQueue('west') }),
  ];
  const runs = workers.map((worker) => worker.run());
  return {
    env,
    counts,
    withFleet: async (nodes, body) => {
      current = new FakeFleet(nodes);
      await body(current);
    },
    close: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
      await env.teardown();
    },
  };
}

/** On a busy machine the server does not always answer within the five seconds that it is given. */
async function startServer(path: string, tries = 3): Promise<TestWorkflowEnvironment> {
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path } },
    });
  } catch (error) {
    if (tries <= 1 || !/did not start within/.test(String(error))) throw error;
    return await startServer(path, tries - 1);
  }
}

/** Activities that act on whatever fleet is the current one when they are called. */
function delegating(fleet: () => object): object {
  const names = Object.keys(fleet());
  return Object.fromEntries(
    names.map((name) => [
      name,
      (input: unknown) => (fleet() as Record<string, (input: unknown) => unknown>)[name]?.(input),
    ]),
  );
}
