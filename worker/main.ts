/** The composition root: reads the environment, connects, and runs the workers until it is told to stop. */
import { fileURLToPath } from 'node:url';
import { makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { temporalWorkflows } from '../activities/adapters/workflows.ts';
import { createActivities, realDeps } from '../activities/index.ts';
import { clusterTaskQueue, TASK_QUEUE, type TidegateActivities } from '../workflows/contract.ts';
import { HELP, readConfig, type WorkerConfig } from './config.ts';
import { sdkLogger, workerLog } from './log.ts';
import { registerSearchAttributes } from './search-attributes.ts';

/** Steps that a stop interrupts are taken up by another worker; most end within the grace time. */
const STOPPING = { shutdownGraceTime: '10s', shutdownForceTime: '20s' } as const;

async function main(): Promise<void> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(HELP);
    return;
  }
  const config = await readConfig(process.env);
  const log = workerLog(config.logLevel);
  Runtime.install({
    logger: sdkLogger(log),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) },
    },
  });
  const connection = await connect(config);
  try {
    await registerSearchAttributes(connection, config.namespace);
    const workers = await createWorkers(connection, config, log);
    const { namespace, clusters, configFolder } = config;
    log.info({ namespace, clusters, configFolder }, 'worker ready');
    if (clusters.length === 0) {
      log.warn(
        { configFolder },
        'no Fleet document found: this worker plans, but serves no cluster',
      );
    }
    await runAll(workers);
    log.info({}, 'worker stopped');
  } finally {
    await connection.close();
  }
}

/** Runs until told to stop; if one worker fails, the others are stopped and its error is thrown. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  const running = workers.map((worker) => worker.run());
  try {
    await Promise.all(running);
  } catch (error) {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(running);
    throw error;
  }
}

async function connect(config: WorkerConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(config.connection);
  } catch (error) {
    const address = config.connection.address ?? 'localhost:7233';
    throw new Error(
      `Temporal is not reachable at ${address} (${error instanceof Error ? error.message : String(error)}). Start it, or set TEMPORAL_ADDRESS.`,
      { cause: error },
    );
  }
}

async function createWorkers(
  connection: NativeConnection,
  config: WorkerConfig,
  log: Logger,
): Promise<readonly Worker[]> {
  const { namespace, configFolder } = config;
  const workflowStates = temporalWorkflows(connection, { namespace, log });
  const activities = createActivities(realDeps({ configFolder, log, workflows: workflowStates }));
  const { plan, planRollback, inventory, ...scheduled } = activities;
  const { standingRollout, announceWindows, ...others } = scheduled;
  const { sealGate, verifyVote, lookAtWindow, ...clusterActivities } = others;
  const planning: Partial<TidegateActivities> = {
    ...{ plan, planRollback, inventory },
    ...{ standingRollout, announceWindows },
    ...{ sealGate, verifyVote, lookAtWindow },
  };
  // Heartbeats carry cancellation, which would take eight seconds to arrive otherwise; and a drain's
  // intent to evict, told one look (500 ms) before: it must have left the worker by then.
  const common = {
    connection,
    namespace,
    maxHeartbeatThrottleInterval: '250ms',
    ...STOPPING,
  } as const;
  const workflows = Worker.create({
    ...common,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities: planning,
    maxCachedWorkflows: 500,
    stickyQueueScheduleToStartTimeout: '2s',
  });
  const clusters = config.clusters.map((cluster) =>
    Worker.create({
      ...common,
      taskQueue: clusterTaskQueue(cluster),
      activities: clusterActivities,
    }),
  );
  return await Promise.all([workflows, ...clusters]);
}

main().then(
  // A hung activity must not keep the process: shutdownForceTime has passed when run() returns.
  () => process.exit(process.exitCode ?? 0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
