/** The composition root: reads the environment, connects, and runs the workers until it is told to stop. */
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { kubeCluster } from '../activities/adapters/kube.ts';
import { temporalWorkflows } from '../activities/adapters/workflows.ts';
import { accessOf } from '../activities/facts.ts';
import { messageOf } from '../activities/failure.ts';
import { createActivities, realDeps } from '../activities/index.ts';
import { clusterTaskQueue, TASK_QUEUE } from '../workflows/contract.ts';
import { clustersIn, HELP, readConfig, type WorkerConfig } from './config.ts';
import { countedActivities, countFromZero, metricSinks } from './counting.ts';
import { keepGauges } from './gauges.ts';
import { type WorkerLedger, workerLedger } from './ledger.ts';
import { workerLog } from './log.ts';
import { createInstruments, type Instruments } from './metrics.ts';
import { byQueue } from './queues.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { stepRecorder } from './step-recorder.ts';
import { installRuntime } from './telemetry.ts';

/** Steps that a stop interrupts are taken up by another worker; most end within the grace time. */
const STOPPING = { shutdownGraceTime: '10s', shutdownForceTime: '20s' } as const;

async function main(): Promise<void> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(HELP);
    return;
  }
  const config = await readConfig(process.env);
  const log = workerLog(config.logLevel);
  const metrics = installRuntime(log, config.metrics);
  const instruments = createInstruments(Runtime.instance().metricMeter);
  countFromZero(instruments, config.clusters);
  const connection = await connect(config);
  const ledger = workerLedger(connection, config, log);
  try {
    await registerSearchAttributes(connection, config.namespace);
    const workers = await createWorkers(connection, config, log, { instruments, ledger });
    const { namespace, clusters, configFolder } = config;
    log.info({ namespace, clusters, configFolder, metrics: metrics ?? 'off' }, 'worker ready');
    if (clusters.length === 0) {
      log.warn(
        { configFolder },
        'no Fleet document found: this worker plans, but serves no cluster',
      );
    }
    const stopGauges = metrics
      ? await startGauges(connection, config, log, instruments)
      : undefined;
    await runAll(workers).finally(stopGauges);
    log.info({}, 'worker stopped');
  } finally {
    await ledger.close();
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

/** Nobody is asked for gauges that nobody can read. */
async function startGauges(
  connection: NativeConnection,
  config: WorkerConfig,
  log: Logger,
  instruments: Instruments,
): Promise<() => void> {
  const known = await clustersIn(config.configFolder).catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, 'nodes that need attention are not counted');
    return [];
  });
  const served = known.filter(({ name }) => config.clusters.includes(name));
  const clusters = new Map(
    served.map((cluster) => [cluster.name, () => kubeCluster(accessOf(cluster))] as const),
  );
  return keepGauges({ connection, namespace: config.namespace, instruments, log, clusters });
}

async function createWorkers(
  connection: NativeConnection,
  config: WorkerConfig,
  log: Logger,
  { instruments, ledger }: { readonly instruments: Instruments; readonly ledger: WorkerLedger },
): Promise<readonly Worker[]> {
  const { namespace, configFolder } = config;
  const workflowStates = temporalWorkflows(connection, { namespace, log });
  const deps = realDeps({ configFolder, log, workflows: workflowStates, ...ledger.deps });
  const activities = countedActivities(createActivities(deps), instruments);
  const { central, cluster } = byQueue(activities);
  // Heartbeats carry cancellation, which would take eight seconds to arrive otherwise; and a drain's
  // intent to evict, told one look (500 ms) before: it must have left the worker by then.
  const common = {
    connection,
    namespace,
    identity: `${process.pid}@${hostname()}`,
    maxHeartbeatThrottleInterval: '250ms',
    ...STOPPING,
  } as const;
  const workflows = Worker.create({
    ...common,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities: central,
    sinks: metricSinks(instruments),
    maxCachedWorkflows: 500,
    stickyQueueScheduleToStartTimeout: '2s',
  });
  const clusters = config.clusters.map((name) =>
    Worker.create({
      ...common,
      taskQueue: clusterTaskQueue(name),
      activities: cluster,
      interceptors: { activity: stepRecorder(deps, common.identity) },
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
