/** Secrets in every form that they are met in; and what looks like one and is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { redact, redactText } from '../../ledger/redact.ts';

// Made up for this test, and put together here, so that nobody's scanner takes them for real.
const joined = (...parts: string[]) => parts.join('');
const JWT = joined('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiJ0ZXN0In0', '.c2lnbmF0dXJlLW9mLWEtdGVzdA');
const GITHUB = joined('ghp_', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8');
const GITHUB_FINE = joined('github_pat_', '11ABCDEFG0abcdefghijkl_MNOPQRSTUVWXYZ');
const SLACK = joined('xoxb-', '123456789012-abcdefABCDEF');
const SLACK_HOOK = joined('T0000000/B0000000/', 'abcdefghijklmnop');
const AWS = joined('AKIA', 'ABCDEFGHIJKLMNOP');
const KEY = joined(
  '-----BEGIN OPENSSH ',
  'PRIVATE KEY-----\nb3BlbnNzaA\n-----END OPENSSH ',
  'PRIVATE KEY-----',
);

const CASES: readonly (readonly [text: string, secret: string])[] = [
  [`Authorization: Bearer ${JWT}`, JWT],
  ['curl -H "Authorization: Bearer s3cr3t-token" https://api', 's3cr3t-token'],
  ["curl -H 'authorization: Basic dXNlcjpwYXNz' https://api", 'dXNlcjpwYXNz'],
  ['{"authorization":"Token abc123def"}', 'abc123def'],
  ['sent Bearer 0123456789abcdef to it', '0123456789abcdef'],
  ['Cookie: session=abcdef; other=ghijkl', 'ghijkl'],
  ['postgres://tidegate:hunter2@db:5432/ledger', 'hunter2'],
  ['http://proxy:p%40ss@10.0.0.1:3128', 'p%40ss'],
  ['https://:only-a-password@host/', 'only-a-password'],
  ['deb https://0123456789abcdef0123@packages.example.com/ bookworm main', '0123456789abcdef0123'],
  [`https://hooks.slack.com/services/${SLACK_HOOK}`, 'abcdefghijklmnop'],
  ['https://s3/x?X-Amz-Signature=deadbeef01&X-Amz-Date=1', 'deadbeef01'],
  ['https://blob/x?sv=1&sig=abc%2Fdef', 'abc%2Fdef'],
  ['PGPASSWORD=hunter2 psql', 'hunter2'],
  ['export DB_PASSWORD="hunter two"', 'hunter two'],
  ["MYSQL_ROOT_PASSWORD='hunter two'", 'hunter two'],
  ['password: hunter2', 'hunter2'],
  ['{"password":"hunter2","user":"x"}', 'hunter2'],
  ['{"inner":"{\\"password\\":\\"hunter2\\"}"}', 'hunter2'],
  ['api_key=abc apiKey: def', 'def'],
  ['aws_secret_access_key = abc/def+ghi', 'abc/def+ghi'],
  ['clientSecret=abc&x=1', 'abc'],
  ['mysql --password hunter2 -h db', 'hunter2'],
  ['mysql --password=hunter2 -h db', 'hunter2'],
  ['kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef', 'abcdef.0123456789abcdef'],
  ['vault login --client-secret "a b c"', 'a b c'],
  ['curl -sf -u admin:hunter2 https://x', 'hunter2'],
  ['curl --user admin:hunter2 https://x', 'hunter2'],
  ['sshpass -p hunter2 ssh root@x', 'hunter2'],
  [`before ${JWT} after`, JWT],
  [`key ${AWS} used`, AWS],
  [`cloned with ${GITHUB}`, GITHUB],
  [`cloned with ${GITHUB_FINE}`, GITHUB_FINE],
  [`https://x-access-token:${GITHUB}@github.com/o/r`, GITHUB],
  [`posted by ${SLACK}`, SLACK],
  [joined('glpat-', 'abcdefghijklmnopqrst'), 'abcdefghijklmnopqrst'],
  [joined('AIza', 'SyA1234567890abcdefghijklmnopqrstuvw'), 'SyA1234567890'],
  [joined('AGE-SECRET-KEY-1', 'QQQQQQQQQQQQQQQQQQQQQQQQQQ'), 'QQQQQQQQ'],
  [`key:\n${KEY}\nend`, 'b3BlbnNzaA'],
  [joined('-----BEGIN RSA ', 'PRIVATE KEY-----\nMIIcut'), 'MIIcut'],
];

/** What has to be read later as it was. */
const KEPT = [
  'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  'containerd=1.6.20~ds1-1+deb12u3 is newer than 1.6.20~ds1-1+deb12u2',
  'CVE-2025-64329 is exploited',
  'tokenFile: /run/secrets/prometheus',
  'ssh://root@east-1:22 and git@github.com:o/r.git',
  'https://packages.example.com/debian/pool/main/c/containerd_1.6.20_amd64.deb',
  'evict default/web-7d4b9c6f5-x2x1z',
  'the host asked for a password',
  'systemd-run --unit tidegate-apply-0123456789 --property=TimeoutStopSec=30',
  'the bearer certificates are new',
  'approve containerd-deb12u3 --digest sha256:abc --as sre-lead',
  'SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8 (ED25519)',
  '2026-11-24T22:00:00.000Z',
];

describe('a secret', () => {
  for (const [text, secret] of CASES) {
    it(`is taken out of ${JSON.stringify(text).slice(0, 60)}`, () => {
      const left = redactText(text);
      assert.ok(!left.includes(secret), left);
      assert.match(left, /\[redacted\]/);
      assert.equal(redactText(left), left, 'twice is as good as once');
    });
  }

  it('is taken out at every depth, and by the name of its key', () => {
    const body = {
      list: [{ deep: `x ${JWT}` }, ['password=hunter2', 7, null, true]],
      password: 'hunter2',
      dbPassword: 'hunter2',
      client_secret: 'hunter2',
      apiKey: 'hunter2',
      token: '',
      'token=hunter2': 1,
      secretName: 'registry',
      tokenFile: '/run/secrets/token',
      secret: { name: 'kept', password: 'hunter2' },
    };
    const left = redact(body);
    assert.ok(!JSON.stringify(left).includes('hunter2'), JSON.stringify(left));
    assert.deepEqual(left, {
      list: [{ deep: 'x [redacted]' }, ['password=[redacted]', 7, null, true]],
      password: '[redacted]',
      dbPassword: '[redacted]',
      client_secret: '[redacted]',
      apiKey: '[redacted]',
      token: '',
      'token=[redacted]': 1,
      secretName: 'registry',
      tokenFile: '/run/secrets/token',
      secret: { name: 'kept', password: '[redacted]' },
    });
  });
});

describe('what is no secret', () => {
  for (const text of KEPT) it(`stays: ${text}`, () => assert.equal(redactText(text), text));
});

describe('redaction', () => {
  it('twice is as good as once, whatever comes together', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...CASES.map(([text]) => text),
        ...KEPT,
        '[redacted]',
        '"',
        '\\',
        '=',
        ': ',
        '@',
      ),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), fc.constantFrom('', ' ', '\n'), (all, by) => {
        const once = redactText(all.join(by));
        assert.equal(redactText(once), once);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no longer for text that is made to be slow', () => {
    const before = performance.now();
    for (const part of ['a.', '--', '-token', '://', 'password', 'eyJ', 'a:', '"\\', 'curl -u ']) {
      redactText(part.repeat(64 * 1024));
    }
    assert.ok(performance.now() - before < 5000, `${performance.now() - before} ms`);
  });
});
