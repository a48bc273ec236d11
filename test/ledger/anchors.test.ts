/** Anchors with real SSH keys, and the command line over a real ledger. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type Anchor,
  anchorIsDue,
  anchorStatement,
  keepAnchor,
  lastAnchor,
  signAnchor,
} from '../../ledger/anchors.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { run } from '../client/kit.ts';
import {
  entries,
  RECORDED_AT,
  startDatabases,
  type TestDatabases,
  tamper,
  temporaryFolder,
} from './kit.ts';

let databases: TestDatabases;
let folder: string;
let url: string;
const path = (name: string) => join(folder, name);

function makeKey(name: string, ...options: string[]): string {
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    name,
    ...options,
    '-f',
    path(name),
  ]);
  return path(name);
}

before(async () => {
  [databases, folder] = await Promise.all([startDatabases(), temporaryFolder()]);
  url = await databases.make('anchored');
  const ledger = ledgerAt(url);
  for (const from of [1, 101, 201]) {
    await ledger.append(entries(from, 100), RECORDED_AT);
    const head = await ledger.head();
    assert.ok(head);
    const keyFile = from === 1 ? makeKey('anchor') : path('anchor');
    await keepAnchor(await signAnchor(head, { at: RECORDED_AT, keyFile }), path('anchors.jsonl'));
  }
  await ledger.close();
  makeKey('stranger');
  const key = await readFile(path('anchor.pub'), 'utf8');
  await writeFile(path('signers'), `tidegate namespaces="tidegate-ledger" ${key}`);
});
after(async () => {
  await databases.close();
  await rm(folder, { recursive: true, force: true });
});

const verify = (ledger: string, anchors: string, ...more: string[]) =>
  run([
    'ledger',
    'verify',
    '--ledger',
    ledger,
    '--anchors',
    path(anchors),
    '--signers',
    path('signers'),
    ...more,
  ]);

async function changed(name: string, change: (anchor: Anchor) => Anchor | Promise<Anchor>) {
  const lines = (await readFile(path('anchors.jsonl'), 'utf8')).trim().split('\n');
  const second = await change(JSON.parse(lines[1] ?? '') as Anchor);
  const text = [lines[0], JSON.stringify(second), lines[2], ''].join('\n');
  await writeFile(path(name), text);
}

describe('an anchor', () => {
  it('is due when a rollout has ended, after an hour, after a thousand records; and never twice', () => {
    const last = { seq: 100, hash: 'x', at: '2026-11-24T22:00:00.000Z' };
    const due = (seq: number, minutes: number, rolloutEnded = false) =>
      anchorIsDue(
        { seq, hash: 'y' },
        { last, nowMs: Date.parse(last.at) + minutes * 60_000, rolloutEnded },
      );
    assert.equal(due(100, 600, true), false);
    assert.equal(due(101, 1), false);
    assert.equal(due(101, 1, true), true);
    assert.equal(due(101, 60), true);
    assert.equal(due(1099, 1), false);
    assert.equal(due(1100, 1), true);
    const first = { last: undefined, nowMs: 0, rolloutEnded: false };
    assert.equal(anchorIsDue({ seq: 1, hash: 'y' }, first), true);
    assert.equal(anchorIsDue({ seq: 0, hash: 'y' }, first), false);
  });

  it('stands on a line of its own even behind one that was not finished', async () => {
    const anchor: Anchor = { seq: 1, hash: 'x', at: RECORDED_AT, signature: 's' };
    const file = path('torn/anchors.jsonl');
    assert.equal(await lastAnchor(file), undefined);
    await keepAnchor(anchor, file);
    await writeFile(file, '{"seq": 2, "ha', { flag: 'a' });
    assert.equal(await lastAnchor(file), undefined);
    await keepAnchor({ ...anchor, seq: 3 }, file);
    assert.equal((await lastAnchor(file))?.seq, 3);
    assert.equal((await readFile(file, 'utf8')).split('\n').length, 4);
  });

  it('can be checked with nothing but ssh-keygen', async () => {
    const anchor = await lastAnchor(path('anchors.jsonl'));
    assert.ok(anchor);
    await writeFile(path('signature'), anchor.signature);
    const args = ['-Y', 'verify', '-n', 'tidegate-ledger', '-I', 'tidegate'];
    const said = execFileSync(
      'ssh-keygen',
      [...args, '-f', path('signers'), '-s', path('signature')],
      {
        input: anchorStatement(anchor),
      },
    );
    assert.match(String(said), /^Good "tidegate-ledger" signature for tidegate/);
  });

  it('is not made with a key that asks for a passphrase, and nobody waits for one', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a phrase', '-f', path('locked')]);
    const signing = signAnchor({ seq: 1, hash: 'x' }, { at: RECORDED_AT, keyFile: path('locked') });
    await assert.rejects(signing, /did not sign with .*locked.*passphrase/);
  });
});

describe('tidegate ledger verify', () => {
  it('agrees with a sound ledger and its anchors', async () => {
    const { code, out, err } = await verify(url, 'anchors.jsonl');
    assert.equal(err, '');
    assert.equal(
      out.replace(/[0-9a-f]{64}/, 'HASH'),
      'sound: 300 records, none changed, removed, moved or put in\nhead: record 300, HASH\nanchors: 3 of 3 agree with the records\n',
    );
    assert.equal(code, 0);
  });

  it('says what it can not know without anchors', async () => {
    const { code, out } = await run(['ledger', 'verify', '--ledger', url]);
    assert.equal(code, 0);
    assert.match(out, /anchors: none were given; without one from elsewhere/);
  });

  const forgeries: readonly [
    name: string,
    change: (anchor: Anchor) => Anchor | Promise<Anchor>,
    what: RegExp,
  ][] = [
    ['another hash', (anchor) => ({ ...anchor, hash: 'f'.repeat(64) }), /not over what it says/],
    ['another place', (anchor) => ({ ...anchor, seq: 199 }), /not over what it says/],
    ['another time', (anchor) => ({ ...anchor, at: '2026-01-01T00:00:00Z' }), /not over what it/],
    ['no signature', (anchor) => ({ ...anchor, signature: 'none' }), /its key is not in/],
    ['no number', (anchor) => ({ ...anchor, seq: '200' as unknown as number }), /it is no anchor/],
    [
      "a stranger's signature",
      (anchor) => signAnchor(anchor, { at: anchor.at, keyFile: path('stranger') }),
      /its key is not in/,
    ],
  ];
  for (const [name, change, what] of forgeries) {
    it(`finds a forged anchor with ${name}`, async () => {
      await changed('forged.jsonl', change);
      const { code, out } = await verify(url, 'forged.jsonl');
      assert.equal(code, 2);
      assert.match(out, /^NOT SOUND: 300 records in order/);
      assert.match(out, /\nanchor on line 2 proves nothing: /);
      assert.match(out, what);
      assert.match(out, /anchors: 2 of 3 agree/);
    });
  }

  it('takes no anchor that was signed for another purpose', async () => {
    const vote = (anchor: Anchor) => {
      const signature = execFileSync(
        'ssh-keygen',
        ['-Y', 'sign', '-n', 'tidegate-vote', '-f', path('anchor')],
        {
          input: anchorStatement(anchor),
          stdio: ['pipe', 'pipe', 'ignore'],
        },
      );
      return { ...anchor, signature: String(signature) };
    };
    await changed('purpose.jsonl', vote);
    const { code, out } = await verify(url, 'purpose.jsonl');
    assert.equal(code, 2);
    assert.match(out, /anchor on line 2 proves nothing/);
  });

  it('names the first bad record, as JSON as well', async () => {
    const copy = await databases.make('bad', 'anchored');
    await tamper(copy, `update tidegate.records set actor = 'x' where seq in (50, 250)`);
    const text = await verify(copy, 'anchors.jsonl');
    assert.equal(text.code, 2);
    assert.match(
      text.out,
      /^NOT SOUND: 49 records in order from the beginning\nrecord 50 \(rollout\/patch\/run\/50\) was changed/,
    );
    const json = await verify(copy, 'anchors.jsonl', '--output', 'json');
    assert.equal(json.code, 2);
    const { sound, firstBad, anchors } = JSON.parse(json.out);
    assert.deepEqual([sound, firstBad.seq, firstBad.id], [false, 50, 'rollout/patch/run/50']);
    assert.deepEqual(anchors, { checked: 3, bad: [] });
  });

  it('shows an end that was cut off together with the head', async () => {
    const copy = await databases.make('short', 'anchored');
    await tamper(
      copy,
      `delete from tidegate.records where seq > 290; update tidegate.head set seq = 290,
        hash = (select hash from tidegate.records where seq = 290)`,
    );
    const { code, out } = await verify(copy, 'anchors.jsonl');
    assert.equal(code, 2);
    assert.match(
      out,
      /\nrecord 291 is missing: the anchor of \S+ says that there were 300 records/,
    );
  });

  const refusals: readonly [string, string[], number, RegExp][] = [
    ['anchors without signers', ['--anchors', 'a'], 3, /Say both: --anchors/],
    ['files that are not there', ['--anchors', 'a', '--signers', 'b'], 3, /no file to be read/],
    ['a URL of something else', ['--ledger', 'mysql://a/b'], 3, /begins with "mysql:/],
    ['a URL that is none', ['--ledger', 'db'], 3, /URL is none/],
    ['a URL without a database', ['--ledger', 'postgres://h/'], 3, /names no database/],
    ['no ledger at all', ['--ledger', 'off'], 3, /name the ledger with its URL/],
    [
      'a database that is down',
      ['--ledger', 'postgres://u:hunter2@127.0.0.1:1/x'],
      1,
      /ECONNREFUSED/,
    ],
  ];
  for (const [name, args, expected, message] of refusals) {
    it(`refuses ${name}`, async () => {
      const { code, out, err } = await run(['ledger', 'verify', ...args]);
      assert.equal(code, expected);
      assert.equal(out, '');
      assert.match(err, message);
      assert.doesNotMatch(err, /hunter2|bug of Tidegate/);
    });
  }

  it('says that a database holds no ledger', async () => {
    const { code, err } = await run([
      'ledger',
      'verify',
      '--ledger',
      await databases.make('empty'),
    ]);
    assert.equal(code, 1);
    assert.match(err, /There is no ledger in this database yet/);
  });
});

describe('tidegate ledger export', () => {
  it('writes JSON lines in order, of what was asked for', async () => {
    const whole = await run(['ledger', 'export', '--ledger', url]);
    const lines = whole.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(whole.code, 0);
    assert.deepEqual(
      lines.map(({ seq }) => seq),
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    assert.deepEqual(
      Object.keys(lines[2]).sort(),
      'actor at body hash id kind prevHash recordedAt rollout seq subject'.split(' '),
    );
    const some = [
      '--rollout',
      'patch',
      '--since',
      '2026-11-24T22:04:58Z',
      '--kind',
      'Vote',
      'Phase',
    ];
    const late = await run(['ledger', 'export', '--ledger', url, ...some]);
    assert.equal(late.out.trim().split('\n').length, 3);
    const none = await run(['ledger', 'export', '--ledger', url, '--rollout', 'other']);
    assert.deepEqual(none, { code: 0, out: '', err: '' });
  });

  it('refuses times and kinds that there are not', async () => {
    const time = await run(['ledger', 'export', '--ledger', url, '--since', 'yesterday']);
    assert.equal(time.code, 3);
    assert.match(time.err, /expected a time such as/);
    const kind = await run(['ledger', 'export', '--ledger', url, '--kind', 'Votes']);
    assert.equal(kind.code, 3);
    assert.match(kind.err, /Allowed choices are Requested/);
  });
});

describe('tidegate ledger anchor and status', () => {
  it('prints an anchor that verify takes', async () => {
    const { code, out } = await run(['ledger', 'anchor', '--ledger', url, '--key', path('anchor')]);
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as Anchor).seq, 300);
    await writeFile(path('printed.jsonl'), out);
    assert.match((await verify(url, 'printed.jsonl')).out, /anchors: 1 of 1 agree/);
  });

  it('refuses a key that is not there', async () => {
    const { code, err } = await run([
      'ledger',
      'anchor',
      '--ledger',
      url,
      '--key',
      path('nowhere'),
    ]);
    assert.equal(code, 3);
    assert.match(err, /did not sign with .*nowhere/);
  });

  it('shows where the ledger is, without its password, and its newest record', async () => {
    const { code, out } = await run(['ledger', 'status', '--ledger', url]);
    assert.equal(code, 0);
    assert.match(
      out,
      /^ledger {3}postgres:\/\/127\.0\.0\.1:\d+\/anchored\nrecords {2}300\nhead {5}[0-9a-f]{64}\nnewest {3}Phase of patch at 2026-11-24T22:05:00\.000Z, written /,
    );
  });
});
