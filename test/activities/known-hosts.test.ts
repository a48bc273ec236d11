import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  entriesFor,
  fingerprint,
  judgeKey,
  parseKnownHosts,
} from '../../activities/adapters/known-hosts.ts';

const A = 'AAAAC3NzaC1lZDI1NTE5AAAAIHlUAkX6YVQtJ8bXWIFyXNtworHAqSev+33aJgyTubHT';
const B = 'AAAAC3NzaC1lZDI1NTE5AAAAIPs0/fy6a/pliSOwpKeKkndJJjUJVfRkJxdXa783+WYF';
const keyA = Buffer.from(A, 'base64');
const keyB = Buffer.from(B, 'base64');

function verdict(file: string, host: string, port: number, key: Buffer) {
  return judgeKey(entriesFor(parseKnownHosts(file).entries, host, port), key);
}

describe('known_hosts', () => {
  const cases: [string, string, string, number, Buffer, string][] = [
    ['a plain entry', `10.1.2.3 ssh-ed25519 ${A}`, '10.1.2.3', 22, keyA, 'Pinned'],
    ['another key', `10.1.2.3 ssh-ed25519 ${A}`, '10.1.2.3', 22, keyB, 'OtherKey'],
    ['another host', `10.1.2.4 ssh-ed25519 ${A}`, '10.1.2.3', 22, keyA, 'NoneForHost'],
    ['a comma list', `east-1,10.1.2.3 ssh-ed25519 ${A} me`, '10.1.2.3', 22, keyA, 'Pinned'],
    ['another port', `10.1.2.3 ssh-ed25519 ${A}`, '10.1.2.3', 2222, keyA, 'NoneForHost'],
    ['a port', `[10.1.2.3]:2222 ssh-ed25519 ${A}`, '10.1.2.3', 2222, keyA, 'Pinned'],
    ['a wildcard', `10.1.*.? ssh-ed25519 ${A}`, '10.1.2.3', 22, keyA, 'Pinned'],
    ['no regular expression', `10.1.2.3 ssh-ed25519 ${A}`, '10x1x2x3', 22, keyA, 'NoneForHost'],
    ['an exception', `10.*,!10.1.2.3 ssh-ed25519 ${A}`, '10.1.2.3', 22, keyA, 'NoneForHost'],
    ['letter case', `EAST-1 ssh-ed25519 ${A}`, 'east-1', 22, keyA, 'Pinned'],
    [
      'a revoked key, pinned as well',
      `10.1.2.3 ssh-ed25519 ${A}\n@revoked * ssh-ed25519 ${A}`,
      '10.1.2.3',
      22,
      keyA,
      'Revoked',
    ],
    ['an authority', `@cert-authority * ssh-ed25519 ${A}`, '10.1.2.3', 22, keyA, 'NoneForHost'],
    // Written by "ssh-keygen -H".
    [
      'a hashed entry',
      `|1|PPciBCNz9Ar8u8ovsliTPp2KEfg=|lBiLTSz3bGNnzkoxV1wDGHhHAGQ= ssh-ed25519 ${A}`,
      '10.1.2.3',
      22,
      keyA,
      'Pinned',
    ],
    [
      'a hashed entry with a port',
      `|1|obLWn85n8PzhPcGay/o0q96vMVo=|ibm8nQrzgBDDXY/kT37iNrBRJ8E= ssh-ed25519 ${B}`,
      '10.1.2.3',
      2222,
      keyB,
      'Pinned',
    ],
  ];
  for (const [title, file, host, port, key, expected] of cases) {
    it(`${title}: ${expected}`, () => assert.equal(verdict(file, host, port, key), expected));
  }

  it('tells which lines are no entries', () => {
    const file = `# comment\n\nhost ssh-ed25519\nhost ssh-rsa ${A}\nhost ssh-ed25519 ${A}\n`;
    const { entries, badLines } = parseKnownHosts(file);
    assert.equal(entries.length, 1);
    assert.deepEqual(badLines, [3, 4]);
  });

  it('prints fingerprints as ssh-keygen does', () => {
    assert.equal(fingerprint(keyA), 'SHA256:jZ6z+6YSv++gwccrq/ILY8yNL0PyGqLTX1qf+0XIPqw');
  });
});
