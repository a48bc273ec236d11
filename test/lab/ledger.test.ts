/** The ledger of a real rollout whose database is away for a minute, and whose worker dies meanwhile. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startLedger, stopLedger } from '../../lab/ledger.ts';
import { partPid, signal } from '../../lab/processes.ts';
import { waitFor } from '../../lab/run.ts';
import { ledgerUrl } from '../../lab/settings.ts';
import { startWorker, workerPart } from '../../lab/worker.ts';
import {
  LedgerUnavailableError,
  openLedger,
  readEntries,
  type StoredEntry,
} from '../../ledger/reader.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import type { LedgerBodies } from '../../workflows/contract.ts';
import { NEW } from './activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  rolloutTo,
  startApproved,
  untilNodePhase,
} from './rollout-kit.ts';

const OUTAGE_MS = 60_000;
const fleet = aroundFleet({ batch: false });

async function entriesOf(rollout: string): Promise<readonly StoredEntry[]> {
  const ledger = await openLedger(ledgerUrl, {});
  try {
    const entries: StoredEntry[] = [];
    for await (const entry of readEntries(ledger, { rollout })) entries.push(entry);
    return entries;
  } finally {
    await ledger.close();
  }
}

/** A database whose plug was pulled mends itself first, and answers nobody meanwhile. */
async function soFar(rollout: string): Promise<readonly StoredEntry[]> {
  return await entriesOf(rollout).catch((error: unknown) => {
    if (error instanceof LedgerUnavailableError) return [];
    throw error;
  });
}

/** The rollout's own entries are numbered in each run: none of the numbers is missing. */
function assertNoGap(entries: readonly StoredEntry[], rollout: string): void {
  const own = entries.filter(
    ({ id, kind }) => kind !== 'Step' && id.startsWith(`rollout/${rollout}/`),
  );
  const numbers = own.map(({ id }) => Number(id.split('/').at(-1))).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
}

describe('a rollout whose ledger is away for a minute', () => {
  it('ends as without that, and all of it is written afterwards, once', async () => {
    const rollout = 'ledger-away';
    const document = rolloutTo({ name: rollout, bundle: bundleTo(NEW, 'Restart') });
    const { outcome } = await startApproved(fleet.client, document);
    await untilNodePhase(fleet.client, rollout, 'Applying');
    await stopLedger('plug');
    const awaySince = Date.now();
    try {
      // Whatever the worker had in hand when it died is done again by the next one.
      const pid = await partPid(workerPart);
      assert.ok(pid);
      signal(pid, 'SIGKILL');
      await startWorker();
      const { outcome: end } = await outcome;
      assert.equal(end, 'Succeeded');
      await assertNodes(ALL_NODES, NEW);
      await delay(Math.max(0, awaySince + OUTAGE_MS - Date.now()));
    } finally {
      await startLedger();
    }
    await waitFor({
      what: 'the ledger to tell how it ended',
      timeoutMs: 90_000,
      everyMs: 1000,
      until: async () => (await soFar(rollout)).some(({ kind }) => kind === 'Outcome'),
    });

    const entries = await entriesOf(rollout);
    assertNoGap(entries, rollout);
    assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
    const nodes = entries.filter(({ kind }) => kind === 'Node').map(({ subject }) => subject);
    assert.deepEqual(
      nodes.sort(),
      ALL_NODES.map((node) => `east/${node}`),
    );
    const votes = entries.filter(({ kind }) => kind === 'Vote').map(({ actor }) => actor);
    assert.deepEqual(votes, ['sre-lead']);

    const steps = entries.filter(({ kind }) => kind === 'Step');
    for (const node of ALL_NODES) {
      const applied = steps
        .filter(({ subject }) => subject === `east/${node}`)
        .map(({ body }) => body as LedgerBodies['Step'])
        .filter(({ activity, ended }) => activity === 'apply' && ended === 'Completed');
      assert.equal(applied.length, 1, `${node} was changed once`);
      const [{ commands } = { commands: [] }] = applied;
      assert.ok(commands.length > 0, `${node}: its commands are told`);
      for (const { outputSha256 } of commands) assert.match(outputSha256, /^[0-9a-f]{64}$/);
    }

    const ledger = await openLedger(ledgerUrl, {});
    const verdict = await verifyLedger(ledger).finally(() => ledger.close());
    assert.deepEqual(verdict.firstBad, undefined);
    assert.equal(verdict.sound, true);
  });
});
