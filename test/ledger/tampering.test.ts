/** A thousand records, and everything that somebody who owns the database could do to them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GENESIS, hashOf } from '../../ledger/chain.ts';
import { type Ledger, ledgerAt } from '../../ledger/store.ts';
import { type TrustedHead, verifyChain } from '../../ledger/verification.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import {
  entries,
  entryOf,
  RECORDED_AT,
  sql,
  startDatabases,
  type TestDatabases,
  tamper,
} from './kit.ts';

const COUNT = 1000;
const COLUMNS = 'id, at, recorded_at, rollout, kind, subject, actor, body, prev_hash, hash';
let databases: TestDatabases;
const sound: TrustedHead[] = [];

before(async () => {
  databases = await startDatabases();
  const ledger = ledgerAt(await databases.make('whole'));
  for (let from = 1; from <= COUNT; from += 200) {
    await ledger.append(entries(from, 200), RECORDED_AT);
    const head = await ledger.head();
    assert.ok(head);
    sound.push({ ...head, at: RECORDED_AT });
  }
  await ledger.close();
});
after(() => databases.close());

async function copy(name: string): Promise<{ url: string; ledger: Ledger }> {
  const url = await databases.make(name, 'whole');
  return { url, ledger: ledgerAt(url) };
}

/** Swaps what stands at two places, hashes and all. */
const swap = (a: number, b: number) => `
  update tidegate.records set seq = -1 where seq = ${a};
  update tidegate.records set seq = ${a} where seq = ${b};
  update tidegate.records set seq = ${b} where seq = -1;`;

/** Moves everything from a place on by one, and copies the record before into the gap. */
const putIn = (at: number, id: string, fields: string) => `
  update tidegate.records set seq = -seq where seq >= ${at};
  update tidegate.records set seq = 1 - seq where seq < 0;
  insert into tidegate.records (seq, ${COLUMNS})
    select ${at}, '${id}', at, recorded_at, rollout, kind, subject, actor, body, ${fields}
    from tidegate.records where seq = ${at - 1};
  update tidegate.head set seq = seq + 1;`;

const CASES: readonly {
  readonly name: string;
  readonly sql: string;
  readonly seq: number;
  readonly id?: string;
  readonly what: RegExp;
}[] = [
  ...(
    [
      ['the body', `body = replace(body, 'number 500', 'number 501')`],
      ['white space of the body', `body = body || ' '`],
      ['a body that is no JSON any more', `body = 'gone'`],
      ['the actor', `actor = 'somebody-else'`],
      ['an actor where there was none', `actor = ''`],
      ['a subject taken away', 'subject = null'],
      ['the kind', `kind = 'Vote'`],
      ['the time', `at = '2026-11-24T22:08:21.000Z'`],
      ['when it was written', `recorded_at = '2026-11-24T22:00:02.000Z'`],
      ['the rollout', `rollout = 'another'`],
      ['the hash', `hash = repeat('a', 64)`],
    ] as const
  ).map(([name, change]) => ({
    name: `a change of ${name}`,
    sql: `update tidegate.records set ${change} where seq = 500`,
    ...{ seq: 500, id: 'rollout/patch/run/500', what: /^was changed: its hash is not that/ },
  })),
  {
    name: 'a change of the id',
    sql: `update tidegate.records set id = 'x' where seq = 500`,
    ...{ seq: 500, id: 'x', what: /^was changed/ },
  },
  {
    name: 'a change of the hash of the one before',
    sql: `update tidegate.records set prev_hash = repeat('b', 64) where seq = 500`,
    ...{ seq: 500, id: 'rollout/patch/run/500', what: /^was changed, or moved/ },
  },
  {
    name: 'one removed in the middle',
    sql: 'delete from tidegate.records where seq = 500',
    ...{ seq: 500, what: /^is missing; the next one there is 501 \(rollout\/patch\/run\/501\)$/ },
  },
  {
    name: 'several removed at the beginning',
    sql: 'delete from tidegate.records where seq < 4',
    ...{ seq: 1, what: /^is missing, and so is every one up to 3; the next/ },
  },
  {
    name: 'one removed, and the others closed up',
    sql: `delete from tidegate.records where seq = 500;
      update tidegate.records set seq = -seq where seq > 500;
      update tidegate.records set seq = -seq - 1 where seq < 0;
      update tidegate.head set seq = seq - 1`,
    ...{ seq: 500, id: 'rollout/patch/run/501', what: /^was changed, or moved here/ },
  },
  {
    name: 'two swapped that are neighbours',
    sql: swap(500, 501),
    ...{ seq: 500, id: 'rollout/patch/run/501', what: /^was changed, or moved here/ },
  },
  {
    name: 'two swapped that are far apart',
    sql: swap(300, 700),
    ...{ seq: 300, id: 'rollout/patch/run/700', what: /^was changed, or moved here/ },
  },
  {
    name: 'the end cut off',
    sql: 'delete from tidegate.records where seq > 990',
    ...{ seq: 991, what: /^is missing, and so is every one up to 1000: the end was cut off$/ },
  },
  {
    name: 'everything taken away but the head',
    sql: 'truncate tidegate.records',
    ...{ seq: 1, what: /^is missing, and so is every one up to 1000/ },
  },
  {
    name: 'one put in with a hash that is made up',
    sql: putIn(500, 'forged', `prev_hash, repeat('c', 64)`),
    ...{ seq: 500, id: 'forged', what: /^was changed, or moved here/ },
  },
  {
    name: 'one put in behind the end',
    sql: `insert into tidegate.records (seq, ${COLUMNS}) select 1001, 'forged', at, recorded_at,
      rollout, kind, subject, actor, body, hash, hash from tidegate.records where seq = 1000`,
    ...{ seq: 1001, id: 'forged', what: /^was changed/ },
  },
  {
    name: 'one put in before the beginning',
    sql: `insert into tidegate.records (seq, ${COLUMNS}) select 0, 'forged', at, recorded_at,
      rollout, kind, subject, actor, body, prev_hash, hash from tidegate.records where seq = 1`,
    ...{ seq: 0, id: 'forged', what: /^stands where no record can be/ },
  },
  {
    name: 'the head removed',
    sql: 'delete from tidegate.head',
    ...{ seq: 1000, id: 'rollout/patch/run/1000', what: /own note of that was removed$/ },
  },
  {
    name: 'another hash in the head',
    sql: `update tidegate.head set hash = repeat('d', 64)`,
    ...{ seq: 1000, id: 'rollout/patch/run/1000', what: /^has another hash than the one/ },
  },
];

describe('a ledger of 1,000 records', () => {
  it('is sound as it was written', async () => {
    const { ledger } = await copy('untouched');
    const verdict = await verifyLedger(ledger);
    await ledger.close();
    assert.deepEqual(verdict, {
      sound: true,
      records: COUNT,
      head: { seq: COUNT, hash: sound.at(-1)?.hash },
      anchorsAgreed: 0,
    });
  });

  it('refuses changes as long as nobody takes the hurdle away', async () => {
    const { url, ledger } = await copy('hurdle');
    const tries = [
      `update tidegate.records set actor = 'x' where seq = 1`,
      'delete from tidegate.records where seq = 1000',
      'truncate tidegate.records',
      'delete from tidegate.head',
      'update tidegate.head set seq = 999',
      'truncate tidegate.head',
    ];
    for (const text of tries) await assert.rejects(sql(url, text), /append-only/, text);
    assert.equal((await verifyLedger(ledger)).sound, true);
    await ledger.close();
  });

  for (const [index, { name, sql: text, seq, id, what }] of CASES.entries()) {
    it(`shows ${name}`, async () => {
      const { url, ledger } = await copy(`case_${index}`);
      await tamper(url, text);
      const { sound: isSound, firstBad, records } = await verifyLedger(ledger);
      await ledger.close();
      assert.equal(isSound, false);
      assert.match(firstBad?.what ?? '', what);
      assert.deepEqual([firstBad?.seq, firstBad?.id], [seq, id]);
      const before = firstBad?.id === undefined || seq < 1 ? Math.max(seq - 1, 0) : seq - 1;
      assert.equal(records, /note|has another hash/.test(firstBad?.what ?? '') ? COUNT : before);
    });
  }
});

/** Reads a ledger's chain against heads that somebody has kept. */
async function against(ledger: Ledger, anchors: readonly TrustedHead[]) {
  const verdict = await ledger.snapshot(({ head, records }) =>
    verifyChain(records(), { head, anchors }),
  );
  await ledger.close();
  return verdict;
}

/** Hashes every record from a place on anew, as who knows how it is done would. */
async function rehash(url: string, from: number): Promise<void> {
  const ledger = ledgerAt(url);
  let hash = GENESIS.hash;
  const updates: string[] = [];
  for (let after = 0; ; ) {
    const page = await ledger.page({ after });
    for (const record of page) {
      if (record.seq >= from) {
        const prevHash = hash;
        hash = hashOf({ ...record, prevHash });
        updates.push(
          `update tidegate.records set prev_hash = '${prevHash}', hash = '${hash}' where seq = ${record.seq}`,
        );
      } else hash = record.hash;
    }
    const last = page.at(-1);
    if (!last) break;
    after = last.seq;
  }
  await ledger.close();
  await tamper(url, `${updates.join(';')}; update tidegate.head set hash = '${hash}'`);
}

describe('what only an anchor shows', () => {
  it('agrees with a sound chain', async () => {
    const { ledger } = await copy('agreed');
    const verdict = await against(ledger, sound);
    assert.deepEqual([verdict.firstBad, verdict.anchorsAgreed], [undefined, 5]);
  });

  it('is an end cut off with the head adjusted', async () => {
    const { url, ledger } = await copy('cut');
    await tamper(
      url,
      `delete from tidegate.records where seq > 990; update tidegate.head set seq = 990,
        hash = (select hash from tidegate.records where seq = 990)`,
    );
    assert.equal((await verifyLedger(ledger)).sound, true, 'nothing in the database shows it');
    const { firstBad, anchorsAgreed } = await against(ledgerAt(url), sound);
    assert.equal(firstBad?.seq, 991);
    assert.match(firstBad?.what ?? '', /^is missing: the anchor of \S+ says that there were 1000/);
    assert.equal(anchorsAgreed, 4);
    await ledger.close();
  });

  it('is a chain that was hashed anew from a changed record on', async () => {
    const { url, ledger } = await copy('anew');
    await tamper(url, `update tidegate.records set actor = 'somebody-else' where seq = 500`);
    await rehash(url, 500);
    assert.equal((await verifyLedger(ledger)).sound, true, 'nothing in the database shows it');
    const { firstBad } = await against(ledgerAt(url), sound);
    assert.deepEqual([firstBad?.seq, firstBad?.id], [600, 'rollout/patch/run/600']);
    assert.match(firstBad?.what ?? '', /it or one before it, from 401 on, was written anew/);
    await ledger.close();
  });

  it('is a record put in with everything behind it hashed anew', async () => {
    const { url, ledger } = await copy('put_in');
    await tamper(url, putIn(500, 'forged', 'hash, hash'));
    const { firstBad: unhashed } = await against(ledgerAt(url), []);
    assert.deepEqual([unhashed?.seq, unhashed?.id], [500, 'forged']);
    await rehash(url, 500);
    assert.equal((await verifyLedger(ledger)).sound, true, 'nothing in the database shows it');
    const { firstBad } = await against(ledgerAt(url), sound);
    assert.equal(firstBad?.seq, 600);
    await ledger.close();
  });
});

describe('one put in with its own hash alone made right', () => {
  it('is named together with the one that does not follow it', async () => {
    const { url, ledger } = await copy('own_hash');
    const [before] = await ledger.page({ after: 998 });
    const [last] = await ledger.page({ after: 999 });
    assert.ok(before && last);
    const forged = { ...last, id: 'forged', prevHash: before.hash };
    await tamper(
      url,
      `update tidegate.records set id = 'forged', hash = '${hashOf(forged)}' where seq = 1000;
       update tidegate.head set hash = '${hashOf(forged)}'`,
    );
    // At the very end that is a chain like any other: what follows would show it, or an anchor.
    assert.equal((await verifyLedger(ledger)).sound, true);
    assert.equal((await against(ledgerAt(url), sound)).firstBad?.seq, 1000);
    await ledger.close();

    const middle = await copy('own_hash_middle');
    const [at] = await middle.ledger.page({ after: 499 });
    assert.ok(at);
    const hash = hashOf({ ...at, actor: 'somebody-else' });
    await tamper(
      middle.url,
      `update tidegate.records set actor = 'somebody-else', hash = '${hash}' where seq = 500`,
    );
    const { firstBad } = await verifyLedger(middle.ledger);
    await middle.ledger.close();
    assert.deepEqual([firstBad?.seq, firstBad?.id], [501, 'rollout/patch/run/501']);
    assert.match(firstBad?.what ?? '', /^does not follow record 500 \(rollout\/patch\/run\/500\)/);
  });
});

describe('a ledger that was tampered with', () => {
  it('goes on, and shows for ever where', async () => {
    for (const [name, text, seq] of [
      ['behind', CASES.find(({ name: known }) => /behind the end/.test(known))?.sql ?? '', 1001],
      ['headless', 'delete from tidegate.head', 1001],
    ] as const) {
      const { url, ledger } = await copy(name);
      await tamper(url, text);
      assert.deepEqual(await ledger.append([entryOf(5001)], RECORDED_AT), { added: 1 });
      assert.deepEqual(await ledger.append([entryOf(5002)], RECORDED_AT), { added: 1 });
      const { firstBad } = await verifyLedger(ledger);
      await ledger.close();
      assert.equal(firstBad?.seq, seq, `${name}: ${firstBad?.what}`);
    }
  });
});
