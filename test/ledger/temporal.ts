/** A real Temporal server with a worker over a real ledger, whose database can be taken away. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { ledgerPort } from '../../activities/adapters/ledger.ts';
import { systemClock } from '../../activities/context.ts';
import type { LedgerPort } from '../../activities/deps.ts';
import { ledgerActivities } from '../../activities/ledger.ts';
import { goTool } from '../../lab/go-tools.ts';
import { embeddedSource } from '../../ledger/embedded.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { SEARCH_ATTRIBUTE_TYPES, TASK_QUEUE } from '../../workflows/contract.ts';
import { FakeKube, fakeDeps } from '../activities/fakes.ts';
import { startProxy, temporaryFolder } from './kit.ts';

const TYPES = {
  Keyword: SearchAttributeType.KEYWORD,
  KeywordList: SearchAttributeType.KEYWORD_LIST,
  Int: SearchAttributeType.INT,
} as const;

export interface LedgerBed {
  readonly env: TestWorkflowEnvironment;
  readonly port: LedgerPort;
  /** The ledger as the worker reaches it. */
  readonly url: () => string;
  readonly folder: string;
  readonly stopDatabase: () => Promise<void>;
  readonly startDatabase: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts the server, the database and the worker; anchors are signed with the key. */
export async function startLedgerBed(keyFile: (folder: string) => string): Promise<LedgerBed> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const folder = await temporaryFolder();
  let database = embeddedSource(join(folder, 'ledger'));
  let target: URL | undefined = new URL(await database.url());
  const { username, password } = target;
  const proxy = await startProxy(() => (target ? Number(target.port) : undefined));
  const url = () => `postgres://${username}:${password}@127.0.0.1:${proxy.port}/postgres`;
  const env = await startServer();
  const ledger = ledgerAt(url());
  const port = ledgerPort(env.nativeConnection, {
    namespace: 'default',
    ledger,
    anchors: { keyFile: keyFile(folder), file: join(folder, 'anchors.jsonl') },
    clock: systemClock,
    log: { info: () => undefined, warn: () => undefined },
  });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger }),
    activities: ledgerActivities({ ...fakeDeps(new FakeKube()).deps, ledger: port }),
  });
  const running = worker.run();
  return {
    ...{ env, port, url, folder },
    stopDatabase: async () => {
      await database.close();
      target = undefined;
      proxy.cut();
    },
    startDatabase: async () => {
      database = embeddedSource(join(folder, 'ledger'));
      target = new URL(await database.url());
    },
    close: async () => {
      worker.shutdown();
      await running;
      await ledger.close();
      await env.teardown();
      await proxy.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startServer(): Promise<TestWorkflowEnvironment> {
  return await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: await goTool('temporal') },
      searchAttributes: Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) =>
        defineSearchAttributeKey(name, TYPES[type]),
      ),
    },
  });
}
