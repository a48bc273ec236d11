/** The ledger's workflow over a fake database, which is down, slow or hanging as a test wants it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { testServer } from '../../lab/test-server.ts';
import {
  ENTRIES_SIGNAL,
  type LedgerEntry,
  ledgerWorkflowId,
  type RecordingActivities,
  SEARCH_ATTRIBUTE_TYPES,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import { inBatches } from '../../workflows/domain/ledger-intake.ts';
import { ledgerWorkflow } from '../../workflows/ledger.ts';
import { entries, entryOf } from '../ledger/kit.ts';

const TYPES = { Keyword: 2, Int: 3, KeywordList: 7 } as const;
/** How an attempt ends whose database hangs; the workflow's own limit ends it. */
const hung = Promise.withResolvers<void>();

let env: TestWorkflowEnvironment;
let worker: Worker;
let running: Promise<void>;
let database: FakeDatabase;

class FakeDatabase {
  readonly ids: string[] = [];
  readonly batches: number[] = [];
  attempts = 0;
  anchors = 0;
  duringAppend: () => Promise<void> | void = () => undefined;
  duringAnchor: () => Promise<void> | void = () => undefined;

  activities(): Pick<RecordingActivities, 'append' | 'anchor'> {
    return {
      append: async ({ entries: given }) => {
        this.attempts += 1;
        await this.duringAppend();
        this.batches.push(given.length);
        const fresh = given.map(({ id }) => id).filter((id) => !this.ids.includes(id));
        this.ids.push(...fresh);
        return { added: fresh.length };
      },
      anchor: async () => {
        this.anchors += 1;
        await this.duringAnchor();
      },
    };
  }
}

before(async () => {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: await testServer() } },
  });
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(
      Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) => [name, TYPES[type]]),
    ),
  });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger }),
    activities: {
      append: (input: Parameters<RecordingActivities['append']>[0]) =>
        database.activities().append(input),
      anchor: (input: { rollout: string }) => database.activities().anchor(input),
    },
  });
  running = worker.run();
});
after(async () => {
  hung.resolve();
  worker.shutdown();
  await running;
  await env.teardown();
});

let name = '';
let number = 0;
beforeEach(() => {
  database = new FakeDatabase();
  number += 1;
  name = `patch-${number}`;
});

/** As `record` does it. */
async function send(some: readonly LedgerEntry[]) {
  return await env.client.workflow.signalWithStart(ledgerWorkflow, {
    workflowId: ledgerWorkflowId(name),
    taskQueue: TASK_QUEUE,
    args: [{ rollout: name }],
    signal: ENTRIES_SIGNAL,
    signalArgs: [{ entries: some }],
  });
}

/** Waits until nothing of this rollout runs any more; time is skipped meanwhile. */
const ended = () => env.client.workflow.getHandle(ledgerWorkflowId(name)).result();
const idsOf = (some: readonly LedgerEntry[]) => some.map(({ id }) => id);
const down = () => {
  throw ApplicationFailure.retryable('nobody answers', 'LedgerUnavailable');
};

async function historyOf(runId: string) {
  const { events } = await env.client.workflow
    .getHandle(ledgerWorkflowId(name), runId)
    .fetchHistory();
  return events ?? [];
}

describe('the workflow of a ledger', () => {
  it('writes what it is given, each once and in order, signs the head, and ends', async () => {
    const wanted = entries(1, 30);
    for (let from = 0; from < 30; from += 10) await send(wanted.slice(from, from + 10));
    await send(wanted.slice(5, 15));
    await ended();
    assert.deepEqual(database.ids, idsOf(wanted));
    assert.ok(database.anchors >= 1);
    await send(entries(31, 1));
    await ended();
    assert.equal(database.ids.length, 31, 'a new run has taken what came later');
  });

  it('writes in portions by number and by size', async () => {
    const large = Array.from({ length: 4 }, (_, index) =>
      entryOf(1000 + index, { body: { text: 'x'.repeat(180_000) } }),
    );
    database.duringAppend = () => (isDown ? down() : undefined);
    let isDown = true;
    for (const batch of inBatches([...entries(1, 450), ...large], { entries: 150, size: 2e5 })) {
      await send(batch);
    }
    isDown = false;
    await ended();
    assert.deepEqual(database.ids, idsOf([...entries(1, 450), ...large]));
    // The first attempt was made of what had come by then.
    const [first = 0, ...others] = database.batches;
    assert.ok(first > 0 && first <= 200, `${database.batches}`);
    assert.deepEqual(others, [200, 450 - 200 - first + 2, 2], `${database.batches}`);
  });

  it('waits for a database that is down for hours, and loses nothing', async () => {
    database.duringAppend = () => (database.attempts <= 300 ? down() : undefined);
    const wanted = entries(1, 60);
    const handle = await send(wanted.slice(0, 20));
    await send(wanted.slice(20, 60));
    const from = await env.currentTimeMs();
    await ended();
    assert.deepEqual(database.ids, idsOf(wanted));
    const hours = ((await env.currentTimeMs()) - from) / 3_600_000;
    assert.ok(hours > 2, `300 attempts took ${hours} h: the pause between them is not 30 s`);
    const history = await historyOf(handle.signaledRunId);
    assert.ok(history.length < 60, `${history.length} events: waiting writes none`);
  });

  it('says how many wait, and since when', async () => {
    let answers: (() => void) | undefined;
    database.duringAppend = () =>
      new Promise<void>((answer) => {
        answers = answer;
      });
    const handle = await send(entries(1, 7));
    while (!answers) await new Promise((look) => setTimeout(look, 20));
    const { currentDetails } = await handle.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    assert.match(currentDetails, /^7 records wait since \d{4}-\S+Z to be written\.$/);
    answers();
    await ended();
  });

  it('leaves out what is no entry, and keeps what came with it', async () => {
    const good = entryOf(1);
    const { id: _, ...nameless } = entryOf(2);
    const bad = [
      nameless,
      { ...entryOf(3), at: 'yesterday' },
      { ...entryOf(4), body: 'x' },
      null,
      7,
    ];
    const handle = await send([...bad, good] as LedgerEntry[]);
    for (const whole of [undefined, null, 'entries', { entries: 'x' }]) {
      await env.client.workflow.getHandle(ledgerWorkflowId(name)).signal(ENTRIES_SIGNAL, whole);
    }
    await ended();
    assert.deepEqual(database.ids, [good.id]);
    assert.equal((await handle.describe()).status.name, 'COMPLETED');
  });

  it('is not ended by a cancellation while something waits', async () => {
    database.duringAppend = () => (database.attempts <= 3 ? down() : undefined);
    const handle = await send(entries(1, 5));
    await handle.cancel();
    await send(entries(6, 5));
    await ended();
    assert.deepEqual(database.ids, idsOf(entries(1, 10)));
  });

  it('does not wait for an anchor, nor for one that fails', async () => {
    let first = true;
    database.duringAnchor = async () => {
      if (!first) throw ApplicationFailure.nonRetryable('no key', 'LedgerUnavailable');
      first = false;
      await send(entries(2, 1));
      await hung.promise;
    };
    await send(entries(1, 1));
    await ended();
    assert.deepEqual(database.ids, idsOf(entries(1, 2)));
    assert.equal(database.anchors >= 2, true);
  });
});

describe('a history that grows', () => {
  it('is continued as a new one with everything that waits, in order', async () => {
    database.duringAppend = () => (isDown ? hung.promise : undefined);
    let isDown = true;
    const wanted = entries(1, 620);
    const handle = await send(wanted.slice(0, 1));
    for (let from = 1; from < wanted.length; from += 50) {
      await Promise.all(wanted.slice(from, from + 50).map((entry) => send([entry])));
    }
    isDown = false;
    await ended();
    const arrived = new Set(database.ids);
    assert.equal(arrived.size, wanted.length, 'nothing is lost');
    assert.equal(database.ids.length, wanted.length);
    assert.equal(database.ids[0], wanted[0]?.id);
    const events = await historyOf(handle.signaledRunId);
    const last = events.at(-1);
    assert.ok(last?.workflowExecutionContinuedAsNewEventAttributes, 'the first run went on anew');
  });
});
