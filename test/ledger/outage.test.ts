/** PostgreSQL is stopped and started while records come in: a real one, behind a real Temporal server. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readEntries, type StoredEntry } from '../../ledger/reader.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import { ledgerWorkflowId } from '../../workflows/contract.ts';
import { entryOf } from './kit.ts';
import { type LedgerBed, startLedgerBed } from './temporal.ts';

let bed: LedgerBed;
before(async () => {
  bed = await startLedgerBed((folder) => {
    const file = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    return file;
  });
});
after(() => bed.close());

const of = (rollout: string, number: number, change = {}) =>
  entryOf(number, { id: `${rollout}/${number}`, rollout, ...change });

async function recorded(rollout: string): Promise<readonly StoredEntry[]> {
  const ledger = ledgerAt(bed.url());
  const found = [];
  try {
    for await (const entry of readEntries(ledger, { rollout })) found.push(entry);
  } finally {
    await ledger.close();
  }
  return found;
}

async function untilRecorded(rollout: string, count: number): Promise<readonly StoredEntry[]> {
  for (let i = 0; i < 240; i += 1) {
    const found = await recorded(rollout);
    if (found.length >= count) return found;
    await delay(500);
  }
  return assert.fail(`${(await recorded(rollout)).length} of ${count} were written`);
}

async function assertSound(): Promise<void> {
  const ledger = ledgerAt(bed.url());
  const { sound, firstBad } = await verifyLedger(ledger);
  await ledger.close();
  assert.equal(sound, true, firstBad?.what);
}

describe('a ledger that nothing was written to yet', () => {
  it('knows no validation, and that is an answer', async () => {
    assert.deepEqual(await bed.port.validationsOf('sha256:1'), []);
  });
});

describe('a database that is stopped in between', () => {
  it('holds up nobody who hands in records, and lacks none of them afterwards', async () => {
    await bed.port.submit('patch', [of('patch', 1), of('patch', 2)]);
    await untilRecorded('patch', 2);
    await bed.stopDatabase();
    await assert.rejects(recorded('patch'), /database does not answer/);
    const slowest = [];
    for (let number = 3; number <= 60; number += 1) {
      const before = Date.now();
      await bed.port.submit('patch', [of('patch', number)]);
      slowest.push(Date.now() - before);
      // A repeat, as after an answer that was lost.
      if (number % 10 === 0) await bed.port.submit('patch', [of('patch', number)]);
    }
    assert.ok(Math.max(...slowest) < 10_000, `${Math.max(...slowest)} ms`);
    await bed.startDatabase();
    const found = await untilRecorded('patch', 60);
    assert.deepEqual(
      found.map(({ id }) => id),
      Array.from({ length: 60 }, (_, index) => `patch/${index + 1}`),
    );
    await assertSound();
  });

  it('takes what does not fit into one payload of a next run as well', async () => {
    await bed.stopDatabase();
    for (let number = 1; number <= 34; number += 1) {
      const body = { text: `${number} `.padEnd(150_000, 'x') };
      await bed.port.submit('large', [of('large', number, { body })]);
    }
    const handle = bed.env.client.workflow.getHandle(ledgerWorkflowId('large'));
    const { runId } = await handle.describe();
    // The server wants a new run from 4 MB of history on.
    await bed.port.submit('large', [of('large', 35)]);
    await bed.startDatabase();
    const found = await untilRecorded('large', 35);
    assert.equal(new Set(found.map(({ id }) => id)).size, 35);
    await assertSound();
    const runs = [];
    for await (const run of bed.env.client.workflow.list({ query: 'TidegateRollout = "large"' })) {
      runs.push(run.workflowId);
    }
    const further = runs.filter((id) => id !== ledgerWorkflowId('large'));
    assert.ok(further.length > 0, `${runs} (first run ${runId})`);
    assert.ok(further.every((id) => id.startsWith(`${ledgerWorkflowId('large')}/`)));
  });
});

describe('the end of a rollout', () => {
  it('is anchored, and its validations are found by the digest of the bundle', async () => {
    const summary = {
      ...{ name: 'v', bundle: 'b', cluster: 'east', node: 'east-1', verdict: 'Pass' },
      ...{ findings: ['fine'], finishedAt: '2026-11-24T22:00:00Z' },
    };
    const validation = (number: number, bundleDigest: string) =>
      of('v', number, {
        kind: 'Validation',
        body: { ...summary, name: `v${number}`, bundleDigest, judgements: [] },
      });
    await bed.port.submit('v', [
      validation(1, 'sha256:1'),
      validation(2, 'sha256:2'),
      validation(3, 'sha256:1'),
      of('v', 4, { kind: 'Outcome', actor: 'sre-lead', body: { password: 'hunter2' } }),
    ]);
    const found = await untilRecorded('v', 4);
    assert.deepEqual(found.at(-1)?.body, { password: '[redacted]' });
    assert.deepEqual(await bed.port.validationsOf('sha256:1'), [
      { ...summary, name: 'v3', bundleDigest: 'sha256:1' },
      { ...summary, name: 'v1', bundleDigest: 'sha256:1' },
    ]);
    await bed.env.client.workflow.getHandle(ledgerWorkflowId('v')).result();
    const text = await readFile(join(bed.folder, 'anchors.jsonl'), 'utf8');
    const signersFile = join(bed.folder, 'signers');
    await writeFile(signersFile, `tidegate ${await readFile(join(bed.folder, 'key.pub'), 'utf8')}`);
    const ledger = ledgerAt(bed.url());
    const { sound, anchors, anchorsAgreed, head } = await verifyLedger(ledger, {
      text,
      signersFile,
    });
    await ledger.close();
    assert.equal(sound, true);
    assert.equal(anchorsAgreed, anchors?.checked);
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    assert.equal(last.seq, head.seq, 'the outcome itself is under an anchor');
  });

  it('keeps no secret in the history of the workflow that writes', async () => {
    const { events } = await bed.env.client.workflow
      .getHandle(ledgerWorkflowId('v'))
      .fetchHistory();
    const data = (events ?? []).flatMap(
      (event) => event.workflowExecutionSignaledEventAttributes?.input?.payloads ?? [],
    );
    const text = data.map(({ data: bytes }) => Buffer.from(bytes ?? []).toString()).join();
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /hunter2/);
  });
});
