/** Signed votes with the real ssh-keygen; here, since only the lab installs it for certain. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { verifyVote } from '../../activities/votes.ts';
import { signStatement } from '../../client/signing.ts';
import { run } from '../../lab/run.ts';
import type { VoteCheck, VoteProof } from '../../workflows/contract.ts';
import { type VoteContent, voteStatement } from '../../workflows/domain/vote-statement.ts';
import { FakeKube, fakeDeps } from '../activities/fakes.ts';
import { amid, approvalOf, signersFolder } from './vote-kit.ts';

const { keyFile, path } = signersFolder();

const VOTE: VoteContent = {
  rollout: 'containerd-deb12u3',
  run: '5c1f2f0e-6d0b-4e3a-9b55-0f6a3c0a7c11',
  gate: 'before-canary',
  digest: `sha256:${'a'.repeat(64)}`,
  decision: 'Approve',
  by: 'ada',
  reason: 'looked at the plan',
};

interface Case {
  /** What is signed differs so from the usual vote. */
  readonly signed?: Partial<VoteContent>;
  /** What arrives differs so from what is signed. */
  readonly sent?: Partial<VoteContent>;
  /** Default: the voter's own. */
  readonly key?: string;
  readonly proof?: (signature: string) => unknown;
  readonly approval?: object;
}

/** Signs and checks a vote as a person, a workflow and a worker do. */
async function checked({ signed, sent, key, proof, approval }: Case): Promise<VoteCheck> {
  const meant = { ...VOTE, ...signed };
  const arrived = { ...meant, ...sent };
  const signature = await signStatement(voteStatement(meant), keyFile(key ?? meant.by));
  const { deps } = fakeDeps(new FakeKube());
  return await verifyVote(
    { ...deps, configFolder: path() },
    {
      statement: voteStatement(arrived),
      by: arrived.by,
      proof: (proof ? proof(signature) : { signature }) as VoteProof,
      approval: approvalOf(approval),
    },
  );
}

const by = (name: string) => ({ signed: { by: name } });
const vouchedBy = (signer: string) => (signature: string) => ({ signer, signature });
const unlisted = { approval: { signersFile: 'gone' } };

const OTHER_TEXT =
  /^the signature is not over this vote \(.*incorrect signature.*tidegate vote-stat/;
const NO_ARMOR = /^"proof.signature" is not what "ssh-keygen -Y sign" prints/;

const cases: [string, Case, RegExp | string][] = [
  ['a good vote', {}, 'ada'],
  ['without a reason', { signed: { reason: undefined } }, 'ada'],
  ['an empty reason is none', { signed: { reason: undefined }, sent: { reason: '' } }, 'ada'],
  ['a key for this namespace only', by('eve'), 'eve'],
  ['a name with a space', { ...by('Grace Hopper'), key: 'grace' }, 'Grace Hopper'],
  ['a name beyond ASCII', { ...by('Zoë'), key: 'zoe' }, 'Zoë'],
  [
    'white space around, ends of lines of another system',
    { proof: (text) => ({ signature: `\n  ${text.replaceAll('\n', '\r\n')}\r\n` }) },
    'ada',
  ],

  [
    'forged: signed by another key',
    { key: 'eve' },
    /is in the worker's \S+ for eve, not for "ada"/,
  ],
  ['forged: by a key that nobody knows', { key: 'stranger' }, /is not in the worker's .*"ada"/],
  ['replayed in another run', { sent: { run: 'a-later-run' } }, OTHER_TEXT],
  ['replayed in another rollout', { sent: { rollout: 'runc' } }, OTHER_TEXT],
  ['replayed at another gate', { sent: { gate: 'after-canary' } }, OTHER_TEXT],
  ['replayed for another plan', { sent: { digest: `sha256:${'b'.repeat(64)}` } }, OTHER_TEXT],
  ['replayed as another decision', { sent: { decision: 'Reject' } }, OTHER_TEXT],
  ['under another name', { sent: { by: 'eve' } }, OTHER_TEXT],
  ['a reason changed after signing', { sent: { reason: 'did not look' } }, OTHER_TEXT],
  ['a reason added after signing', { signed: { reason: '' }, sent: { reason: 'x' } }, OTHER_TEXT],
  ['an expired key', by('old'), /does not let sign as "old" now \(.*key has expired/],
  ['a key that is not valid yet', by('soon'), /"soon" now \(.*key is not yet valid/],
  ['a key for commits only', by('committer'), /"committer" now \(.*not permitted.*namespace/],
  ['a name in other capitals', { ...by('Ada'), key: 'ada' }, /for ada, not for "Ada" \(capitals/],

  ['a bridge vouches', { key: 'slack-bridge', proof: vouchedBy('slack-bridge') }, 'slack-bridge'],
  [
    'a bridge that is not listed vouches',
    { key: 'other-bridge', proof: vouchedBy('other-bridge') },
    /^"other-bridge" may not vouch for ada: the policy's approval.bridges are slack-bridge/,
  ],
  [
    'no bridge is listed',
    { key: 'slack-bridge', proof: vouchedBy('slack-bridge'), approval: { bridges: [] } },
    /approval.bridges are none/,
  ],
  ['a bridge votes as itself', by('slack-bridge'), /vouches for people, and does not vote itself/],
  ['a bridge in other capitals', { ...by('Slack-Bridge'), key: 'slack-bridge' }, /not vote itself/],
  ['a person signs as a bridge', { proof: vouchedBy('slack-bridge') }, /not for "slack-bridge"/],
  ['a bridge signs as the person', { key: 'slack-bridge' }, /for slack-bridge, not for "ada"/],
  [
    'a person vouches for another',
    { key: 'eve', proof: vouchedBy('eve') },
    /may not vouch for ada/,
  ],
  ['the voter named as signer', { proof: vouchedBy('ada') }, 'ada'],
  ['a signer that is no name', { proof: vouchedBy(7 as unknown as string) }, /must be a name/],
  ['no name as signer', { proof: vouchedBy('') }, /must be a name/],

  ['"*" is nobody', { ...by('*'), key: 'anyone' }, /"\*" is a pattern/],
  ['"?da" is nobody', { ...by('?da'), key: 'ada' }, /"\?da" is a pattern/],
  ['"ada,eve" is nobody', { ...by('ada,eve'), key: 'ada' }, /not for "ada,eve"/],
  ['"!eve" is nobody', { ...by('!eve'), key: 'ada' }, /not for "!eve"/],
  ['an option as a name', { ...by('-Overify-time=19990101'), key: 'old' }, /not for "-Overify/],
  ['a space more', { ...by('ada '), key: 'ada' }, /not for "ada "/],
  ['a line more', { ...by('ada\neve'), key: 'ada' }, /without control characters/],
  ['a NUL', { ...by('ada\0eve'), key: 'ada' }, /without control characters/],

  ['one key, two names', by('twice'), /as twice@example.com as well as "twice", and one key/],
  [
    'one key, its other name',
    { ...by('twice@example.com'), key: 'twice' },
    /one key is one person/,
  ],
  ['one key on two lines', by('again'), /one key is one person/],
  ['one key, a name in two ways to write it', by('both'), 'both'],
  ['another name for commits only', by('coder'), 'coder'],
  ['a pattern of names', { ...by('x@guests.example'), key: 'guest' }, /\*@guests.example as well/],
  ['every name', { ...by('ada'), key: 'anyone' }, /as \* as well as "ada"/],
  ['a pattern with an exception', { ...by('max'), key: 'wild' }, /as m\* as well as "max"/],

  ['garbage', { proof: () => ({ signature: 'looks good to me' }) }, NO_ARMOR],
  ['no signature', { proof: () => ({}) }, NO_ARMOR],
  ['no proof', { proof: () => null }, NO_ARMOR],
  ['half a signature', { proof: (text) => ({ signature: text.slice(0, 90) }) }, /missing footer/],
  ['too long', { proof: (text) => ({ signature: text.padEnd(16_385, '\n') }) }, NO_ARMOR],
  [
    'a broken signature',
    { proof: (text) => ({ signature: text.replace('\n', '\nAAAA') }) },
    /^the signature is not over this vote \(/,
  ],
  [
    'no signersFile',
    { approval: { signersFile: undefined, identity: 'Asserted', bridges: [] } },
    /approval.signersFile is not set/,
  ],
  [
    'a signersFile that is not there',
    unlisted,
    /could not check .*\/gone \(approval.signersFile\)/,
  ],
  [
    'a signersFile that is a folder',
    { approval: { signersFile: '.' } },
    /could not check .*EISDIR/,
  ],
];

describe('a signed vote', () => {
  for (const [title, given, expected] of cases) {
    it(`${title}: ${typeof expected === 'string' ? 'Attested' : 'Refused'}`, async () => {
      const check = await checked(given);
      if (typeof expected === 'string') {
        assert.equal(check.kind, 'Attested', JSON.stringify(check));
        assert.match(check.signedBy, /^.+ \(ED25519 SHA256:[\w+/]{43}\)$/);
        assert.equal(check.signedBy.split(' (')[0], expected);
      } else {
        assert.equal(check.kind, 'Refused', JSON.stringify(check));
        assert.match(check.reason, expected);
      }
    });
  }

  const certificates: [string, string, RegExp | string][] = [
    ['for one name', 'cal@certified.example', 'cal@certified.example'],
    ['for one name, and others that no line lets vote', 'cal@certified.example,root', 'cal@cert'],
    ['for two names', 'cal@certified.example,eve@certified.example', /one key is one person/],
    ['for another name', 'eve@certified.example', /not a listed principal/],
    ['for no name that may vote', 'root', /does not let sign as "cal@.*not a listed principal/],
  ];
  for (const [title, principals, expected] of certificates) {
    it(`by a certificate ${title}`, async () => {
      const name = 'cal@certified.example';
      const certified = `${keyFile('certified')}.pub`;
      await run([
        'ssh-keygen',
        '-q',
        '-s',
        keyFile('authority'),
        '-I',
        'x',
        '-n',
        principals,
        certified,
      ]);
      const check = await checked({ ...by(name), key: 'certified-cert.pub' });
      const said = check.kind === 'Attested' ? check.signedBy : check.reason;
      if (typeof expected === 'string') assert.ok(said.startsWith(expected), said);
      else assert.match(said, expected);
    });
  }

  it('of another namespace: Refused', async () => {
    const text = keyFile('statement');
    await writeFile(text, voteStatement(VOTE));
    await run(['ssh-keygen', '-q', '-Y', 'sign', '-n', 'git', '-f', keyFile('ada'), text]);
    const signature = await readFile(`${text}.sig`, 'utf8');
    const check = await checked({ proof: () => ({ signature }) });
    assert.equal(check.kind, 'Refused');
    assert.match(check.reason, /namespace does not match.*-n tidegate-vote$/);
  });

  it('names an absolute signersFile', async () => {
    const check = await checked({ approval: { signersFile: keyFile('allowed_signers') } });
    assert.equal(check.kind, 'Attested');
  });
});

describe('what is left behind', () => {
  const question = (signature: string) => ({
    ...{ statement: voteStatement(VOTE), by: VOTE.by },
    ...{ proof: { signature }, approval: approvalOf() },
  });

  it('is nothing, after a good vote and after a bad one', async () => {
    await amid(process.env['PATH'] ?? '', async (temporary) => {
      assert.equal((await checked({})).kind, 'Attested');
      assert.equal((await checked({ key: 'eve' })).kind, 'Refused');
      assert.deepEqual(await readdir(temporary), []);
    });
  });

  it('is nothing where the worker has no ssh-keygen, which is said', async () => {
    const signature = await signStatement(voteStatement(VOTE), keyFile('ada'));
    const { deps } = fakeDeps(new FakeKube());
    await amid('/nonexistent', async (temporary) => {
      const check = await verifyVote({ ...deps, configFolder: path() }, question(signature));
      assert.equal(check.kind, 'Refused');
      assert.match(check.reason, /no ssh-keygen.*install openssh-client/);
      assert.deepEqual(await readdir(temporary), []);
    });
  });

  it('is nothing where the activity is cancelled, nor a process', async () => {
    const signature = await signStatement(voteStatement(VOTE), keyFile('ada'));
    const { deps, cancel } = fakeDeps(new FakeKube());
    const bin = keyFile('bin');
    await mkdir(bin, { recursive: true });
    const pid = keyFile('pid');
    const stuck = `#!/bin/sh\necho $$ >${pid}\nexec /bin/sleep 60\n`;
    await writeFile(join(bin, 'ssh-keygen'), stuck);
    await chmod(join(bin, 'ssh-keygen'), 0o755);
    await amid(bin, async (temporary) => {
      const checking = verifyVote({ ...deps, configFolder: path() }, question(signature));
      setTimeout(() => cancel.abort(new Error('cancelled')), 300);
      await assert.rejects(checking, /^Error: cancelled$/);
      assert.deepEqual(await readdir(temporary), []);
    });
    const left = Number(await readFile(pid, 'utf8'));
    assert.throws(() => process.kill(left, 0), /ESRCH/);
  });
});
