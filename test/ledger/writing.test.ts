/** Writers that repeat themselves, that run beside each other, and that are killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readEntries } from '../../ledger/reader.ts';
import { type Ledger, ledgerAt } from '../../ledger/store.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import type { LedgerEntry } from '../../workflows/contract.ts';
import {
  entries,
  entryOf,
  RECORDED_AT,
  script,
  sql,
  startDatabases,
  type TestDatabases,
} from './kit.ts';

let databases: TestDatabases;
before(async () => {
  databases = await startDatabases();
});
after(() => databases.close());

async function all(ledger: Ledger) {
  const found = [];
  for await (const entry of readEntries(ledger)) found.push(entry);
  return found;
}

/** No gap, no double, and every one of the wanted ids. */
async function assertComplete(url: string, wanted: readonly LedgerEntry[]): Promise<void> {
  const ledger = ledgerAt(url);
  const verdict = await verifyLedger(ledger);
  const found = await all(ledger);
  await ledger.close();
  assert.equal(verdict.sound, true, verdict.firstBad?.what);
  assert.deepEqual(
    found.map(({ seq }) => seq),
    wanted.map((_, index) => index + 1),
  );
  assert.deepEqual(found.map(({ id }) => id).sort(), wanted.map(({ id }) => id).sort());
}

describe('appending', () => {
  it('keeps what it was given, in its order', async () => {
    const ledger = ledgerAt(await databases.make('kept'));
    assert.deepEqual(await ledger.append(entries(1, 3), RECORDED_AT), { added: 3 });
    const found = await all(ledger);
    await ledger.close();
    assert.deepEqual(
      found.map(({ seq: _s, recordedAt: _r, hash: _h, prevHash: _p, ...entry }) => entry),
      entries(1, 3),
    );
    assert.deepEqual(
      found.map(({ prevHash }) => prevHash),
      ['0'.repeat(64), found[0]?.hash, found[1]?.hash],
    );
    assert.ok(found.every(({ recordedAt }) => recordedAt === RECORDED_AT));
  });

  it('adds nothing of what is there already, in whatever company it comes', async () => {
    const ledger = ledgerAt(await databases.make('repeated'));
    assert.deepEqual(await ledger.append(entries(1, 10), RECORDED_AT), { added: 10 });
    assert.deepEqual(await ledger.append(entries(1, 10), RECORDED_AT), { added: 0 });
    assert.deepEqual(await ledger.append(entries(6, 10), RECORDED_AT), { added: 5 });
    const twice = [entryOf(20), entryOf(20, { kind: 'Vote' }), entryOf(21)];
    assert.deepEqual(await ledger.append(twice, RECORDED_AT), { added: 2 });
    assert.deepEqual(await ledger.append([], RECORDED_AT), { added: 0 });
    const found = await all(ledger);
    await ledger.close();
    assert.deepEqual(
      found.map(({ seq }) => seq),
      Array.from({ length: 17 }, (_, index) => index + 1),
    );
    assert.equal(found.find(({ id }) => id.endsWith('/20'))?.kind, 'Phase', 'the first one stays');
  });

  it('holds text that PostgreSQL or UTF-8 has no place for', async () => {
    const ledger = ledgerAt(await databases.make('odd'));
    const odd = entryOf(1, {
      subject: 'a\u0000b\ud800c',
      actor: '',
      at: '2026-11-24T23:00:00+01:00',
      body: { 'k\u0000': '\u0000 \ud800 "quoted" \\ é 漢字 \u2028', n: 1e21, z: -0, __proto__: 1 },
    });
    await ledger.append([odd], RECORDED_AT);
    const [found] = await all(ledger);
    const verdict = await verifyLedger(ledger);
    await ledger.close();
    assert.equal(verdict.sound, true, verdict.firstBad?.what);
    assert.equal(found?.subject, 'a\ufffdb\ufffdc');
    assert.equal(found?.actor, '');
    assert.equal(found?.at, '2026-11-24T22:00:00.000Z');
    assert.deepEqual(found?.body, JSON.parse(JSON.stringify(odd.body)));
  });

  it('keeps size and digest of what is too large for a payload', async () => {
    const ledger = ledgerAt(await databases.make('large'));
    await ledger.append([entryOf(1, { body: { text: 'é'.repeat(1_000_000) } })], RECORDED_AT);
    const [found] = await all(ledger);
    await ledger.close();
    assert.ok(found);
    const { tooLarge } = found.body as { tooLarge: { bytes: number; sha256: string } };
    assert.equal(tooLarge.bytes, 2_000_011);
    assert.match(tooLarge.sha256, /^[0-9a-f]{64}$/);
  });
});

describe('reading', () => {
  it('goes by rollout, time and kind, over many pages', async () => {
    const ledger = ledgerAt(await databases.make('filters'));
    await ledger.append(entries(1, 1200), RECORDED_AT);
    await ledger.append(
      [entryOf(1201, { rollout: 'other', kind: 'Vote' }), entryOf(1202, { kind: 'Vote' })],
      RECORDED_AT,
    );
    const count = async (filter: Parameters<typeof readEntries>[1]) => {
      let seen = 0;
      for await (const _ of readEntries(ledger, filter)) seen += 1;
      return seen;
    };
    assert.equal(await count({}), 1202);
    assert.equal(await count({ rollout: 'patch' }), 1201);
    assert.equal(await count({ kinds: ['Vote', 'Node'] }), 2);
    assert.equal(await count({ rollout: 'patch', kinds: ['Vote'] }), 1);
    assert.equal(await count({ since: entryOf(1190).at }), 13);
    assert.equal(await count({ since: '2026-11-24T23:19:50+01:00' }), 13);
    assert.deepEqual(
      (await ledger.newest('Vote', 1)).map(({ seq }) => seq),
      [1202],
    );
    await ledger.close();
  });

  it('says that there is no ledger where there is none, and makes none', async () => {
    const url = await databases.make('nothing');
    const ledger = ledgerAt(url);
    await assert.rejects(ledger.page({ after: 0 }), /there is no ledger in this database yet/);
    await assert.rejects(verifyLedger(ledger), /there is no ledger in this database yet/);
    await ledger.close();
    const schemas = await sql(url, "select to_regnamespace('tidegate') as there");
    assert.deepEqual(schemas, [{ there: null }]);
  });
});

describe('an account with few rights', () => {
  it('adds records to tables that are there, and can do nothing else to them', async () => {
    const url = await databases.make('rights');
    const owner = ledgerAt(url);
    await owner.append(entries(1, 2), RECORDED_AT);
    await owner.close();
    await sql(
      url,
      `create role few login password 'few'; grant usage on schema tidegate to few;
       grant select on all tables in schema tidegate to few;
       grant insert on tidegate.records to few; grant insert, update on tidegate.head to few`,
    );
    const few = url.replace(/\/\/[^@]+@/, '//few:few@');
    const ledger = ledgerAt(few);
    assert.deepEqual(await ledger.append(entries(2, 2), RECORDED_AT), { added: 1 });
    await ledger.close();
    await assert.rejects(sql(few, 'set session_replication_role = replica'), /permission denied/);
    await assert.rejects(sql(few, 'delete from tidegate.records'), /permission denied/);
  });
});

describe('writers beside each other', () => {
  it('make the tables once and add each entry once', async () => {
    const url = await databases.make('together');
    const wanted = entries(1, 400);
    const writers = [1, 2, 3, 4].map(async (number) => {
      const ledger = ledgerAt(url);
      let added = 0;
      for (let from = 0; from < 400; from += 20) {
        // Each begins elsewhere, and reaches into the next one's batch.
        const at = (from + number * 100) % 400;
        added += (await ledger.append(wanted.slice(at, at + 30), RECORDED_AT)).added;
      }
      await ledger.close();
      return added;
    });
    const added = await Promise.all(writers);
    assert.equal(
      added.reduce((sum, each) => sum + each),
      400,
      `${added}`,
    );
    await assertComplete(url, wanted);
  });

  it('do so from processes of their own', async () => {
    const url = await databases.make('processes');
    const runs = [
      script('writer.ts', [url, '1', '300', '7']),
      script('writer.ts', [url, '101', '300', '11']),
    ];
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    const added = ends.map(({ out }) => Number(/added (\d+)/.exec(out)?.[1]));
    assert.equal((added[0] ?? 0) + (added[1] ?? 0), 400, `${added}`);
    await assertComplete(url, entries(1, 400));
  });
});

describe('a writer that is killed in the middle of writing', () => {
  it('leaves no gap and no double once its work is repeated', async () => {
    const url = await databases.make('killed');
    let cut = 0;
    for (let round = 0; round < 6; round += 1) {
      const run = script('writer.ts', [url, '1', '300', '3']);
      // Later each time, so that every blow falls among other statements.
      await run.printed(new RegExp(`wrote ${round * 30 + 1}\n`));
      await delay(3 + round * 3);
      run.kill();
      const { out } = await run.ended;
      if (!out.includes('added')) cut += 1;
    }
    assert.ok(cut >= 4, `only ${cut} of 6 were killed before their end`);
    const last = await script('writer.ts', [url, '1', '300', '3']).ended;
    assert.equal(last.code, 0);
    await assertComplete(url, entries(1, 300));
  });
});
