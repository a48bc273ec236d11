/** The embedded PostgreSQL: shared by whoever is there, ended with its starter, started anew after any end. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { embeddedSource, hasEmbedded } from '../../ledger/embedded.ts';
import { runningServer } from '../../ledger/embedded-folder.ts';
import { openLedger, readEntries } from '../../ledger/reader.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import { entries, RECORDED_AT, script, temporaryFolder } from './kit.ts';

let base: string;
let folder: string;
beforeEach(async () => {
  base = await temporaryFolder();
  folder = join(base, 'ledger');
});
afterEach(() => rm(base, { recursive: true, force: true }));

const pidFile = () => join(folder, 'postgres', 'postmaster.pid');

async function count(): Promise<number> {
  const ledger = await openLedger(undefined, { TIDEGATE_DATA: base });
  const { sound, records, firstBad } = await verifyLedger(ledger);
  await ledger.close();
  assert.equal(sound, true, firstBad?.what);
  return records;
}

async function untilStopped(): Promise<void> {
  for (let i = 0; i < 300; i += 1) {
    if ((await runningServer(folder)) === undefined) return;
    await delay(50);
  }
  assert.fail('PostgreSQL still runs');
}

describe('an embedded ledger', () => {
  it('is made by one of two processes that start at once, and used by both', async () => {
    const users = [
      script('embedded-user.ts', [folder, '1', '40']),
      script('embedded-user.ts', [folder, '21', '40']),
    ];
    const added = await Promise.all(users.map((user) => user.printed(/added (\d+)\n/)));
    assert.equal(Number(added[0]?.[1]) + Number(added[1]?.[1]), 60);
    for (const user of users) user.end();
    const ends = await Promise.all(users.map(({ ended }) => ended));
    assert.deepEqual(
      ends.map(({ code }) => code),
      [0, 0],
    );
    await untilStopped();
    assert.deepEqual(await readdir(base), ['ledger'], 'what was made twice is thrown away');
    assert.equal(await count(), 60);
  });

  it('ends with its starter, and goes on with the one that is left', async () => {
    const source = embeddedSource(folder);
    const starter = ledgerAt(source);
    await starter.append(entries(1, 5), RECORDED_AT);
    const other = ledgerAt(embeddedSource(folder));
    assert.deepEqual(await other.append(entries(4, 4), RECORDED_AT), { added: 2 });
    await starter.close();
    await untilStopped();
    // Its connections are gone; that is found out at the next use or the one after.
    const write = () => other.append(entries(8, 2), RECORDED_AT);
    assert.deepEqual(await write().catch(write), { added: 2 });
    await other.close();
    await untilStopped();
    assert.equal(await count(), 9);
  });

  it('ends after its starter was killed, and is there again for the next', async () => {
    for (let round = 0; round < 2; round += 1) {
      const user = script('embedded-user.ts', [folder, String(1 + round * 10), '10']);
      await user.printed(/added 10\n/);
      user.kill();
      await user.ended;
      if (round === 0) await untilStopped();
      // The second time nobody waits: what still stops must be no trouble.
    }
    const ledger = ledgerAt(embeddedSource(folder));
    let added: number | undefined;
    for (let i = 0; i < 20 && added === undefined; i += 1) {
      added = await ledger.append(entries(21, 1), RECORDED_AT).then(
        (answer) => answer.added,
        () => undefined,
      );
    }
    assert.equal(added, 1);
    await ledger.close();
    await untilStopped();
    assert.equal(await count(), 21);
  });

  it('starts in spite of a lock whose number is another process by now', async () => {
    const ledger = ledgerAt(embeddedSource(folder));
    await ledger.append(entries(1, 3), RECORDED_AT);
    const lock = await readFile(pidFile(), 'utf8');
    await ledger.close();
    await untilStopped();
    await writeFile(pidFile(), lock.replace(/^\d+/, String(process.pid)));
    assert.equal(await count(), 3);
  });

  it('is shut to whoever has not its password', async () => {
    const source = embeddedSource(folder);
    const url = await source.url();
    const stranger = ledgerAt(url.replace(/:[^:@]+@/, ':guessed@'));
    await assert.rejects(stranger.head(), /password authentication failed/);
    await stranger.close();
    await source.close();
  });

  it('is not made by who only reads', async () => {
    const opened = openLedger(undefined, { TIDEGATE_DATA: base });
    await assert.rejects(opened, /there is no ledger in .* yet/);
    assert.equal(await hasEmbedded(folder), false);
    assert.deepEqual(await readdir(base), []);
  });

  it('is read while a worker writes', async () => {
    const source = embeddedSource(folder);
    const writer = ledgerAt(source);
    await writer.append(entries(1, 700), RECORDED_AT);
    const reader = await openLedger(undefined, { TIDEGATE_DATA: base });
    let read = 0;
    for await (const { seq } of readEntries(reader)) {
      read += 1;
      assert.equal(seq, read);
      if (read === 10) await writer.append(entries(701, 10), RECORDED_AT);
    }
    assert.equal(read, 710);
    await reader.close();
    assert.equal(await runningServer(folder), await source.url(), 'it is left to the worker');
    await writer.close();
  });
});
