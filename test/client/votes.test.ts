import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RolloutClient } from '../../client/rollout-client.ts';
import type { RolloutView } from '../../client/view.ts';
import type { Vote } from '../../workflows/contract.ts';
import { gateOf, run, statusOf, viewOf } from './kit.ts';

const { digest } = gateOf();
const SIGNATURE = '-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n';

/** A rollout that waits at a gate and takes every vote. */
function waiting(view: RolloutView) {
  const sent: [string, Vote][] = [];
  const take = (name: string) => async (_: string, vote: Vote) => {
    sent.push([name, vote]);
    return `${name} taken`;
  };
  const client = {
    status: async () => view,
    approve: take('approve'),
    reject: take('reject'),
    close: async () => undefined,
  } as unknown as RolloutClient;
  return { client, sent };
}

const atGate = (identity: 'Asserted' | 'Attested') =>
  viewOf({
    status: statusOf({
      phase: 'AwaitingApproval',
      gate: gateOf({ rules: { ...gateOf().rules, identity } }),
    }),
  });
const older = viewOf({ status: statusOf({ phase: 'AwaitingApproval' }) });
const working = viewOf();
const silent = viewOf({ silent: 'No worker answered in time.' });

const approve = ['approve', 'patch', '--digest', digest, '--as', 'ada'];
const signed = ['--signature', '-'];

describe('a vote on the command line', () => {
  it('without a signature is what was typed', async () => {
    const { client, sent } = waiting(atGate('Asserted'));
    const ran = await run([...approve, '--reason', 'fine'], { client });
    assert.deepEqual(ran, { code: 0, out: 'patch: approve taken\n', err: '' });
    assert.deepEqual(sent, [['approve', { by: 'ada', digest, reason: 'fine' }]]);
  });

  it('without a signature works with a rollout of an older release', async () => {
    const { client, sent } = waiting(older);
    assert.equal((await run(approve, { client })).code, 0);
    assert.deepEqual(sent, [['approve', { by: 'ada', digest }]]);
  });

  it('with a signature names gate and digest in full', async () => {
    const { client, sent } = waiting(atGate('Attested'));
    const short = ['approve', 'patch', '--digest', digest.slice(0, 20), '--as', 'ada', ...signed];
    assert.equal((await run(short, { client, stdin: SIGNATURE })).code, 0);
    const proof = { signature: SIGNATURE };
    assert.deepEqual(sent, [['approve', { by: 'ada', gate: 'before-canary', digest, proof }]]);
  });

  it('that rejects needs neither digest nor signature, and may have both', async () => {
    const { client, sent } = waiting(atGate('Attested'));
    const reject = ['reject', 'patch', '--as', 'ada', '--reason', 'no'];
    assert.equal((await run(reject, { client })).out, 'patch: reject taken\n');
    assert.equal((await run([...reject, ...signed], { client, stdin: SIGNATURE })).code, 0);
    const said = { by: 'ada', reason: 'no' };
    const proof = { signature: SIGNATURE };
    assert.deepEqual(sent, [
      ['reject', said],
      ['reject', { ...said, gate: 'before-canary', digest, proof }],
    ]);
  });

  const refusals: [string, RolloutView, string[], RegExp][] = [
    [
      'unsigned where signed votes are asked for',
      atGate('Attested'),
      approve,
      /takes signed votes only.*\n {2}tidegate approve patch --digest sha256:a{64} --as ada --sign-key ~/,
    ],
    [
      'of somebody with a space',
      atGate('Attested'),
      [...approve.slice(0, -1), "Ada O'Neil"],
      / --as 'Ada O'\\''Neil' --sign-key/,
    ],
    [
      'with two signatures',
      atGate('Attested'),
      [...approve, ...signed, '--sign-key', 'key'],
      /either --sign-key or --signature/,
    ],
    [
      'about another digest',
      atGate('Attested'),
      ['approve', 'patch', '--digest', `sha256:${'b'.repeat(64)}`, '--as', 'ada', ...signed],
      /What waits at gate before-canary of patch is sha256:a{64}, not sha256:b{64}\./,
    ],
    [
      'about too few digits',
      atGate('Attested'),
      ['approve', 'patch', '--digest', 'aaaaaaaaaaa', '--as', 'ada', ...signed],
      /not aaaaaaaaaaa\. Look at it again/,
    ],
    ['where nothing waits', working, [...approve, ...signed], /Nothing of rollout patch waits/],
    ['of an older release', older, [...approve, ...signed], /older release.*without a signature/],
    [
      'with a file that is not there',
      atGate('Attested'),
      [...approve, '--signature', 'x'],
      /x: the/,
    ],
  ];
  for (const [name, view, argv, message] of refusals) {
    it(`${name} is refused, and not sent`, async () => {
      const { client, sent } = waiting(view);
      const { code, out, err } = await run(argv, { client, stdin: SIGNATURE });
      assert.deepEqual({ code, out, sent }, { code: 3, out: '', sent: [] });
      assert.match(err, message);
    });
  }

  it('that a silent rollout would have to be asked about is not sent', async () => {
    const { client, sent } = waiting(silent);
    const { code, err } = await run([...approve, ...signed], { client, stdin: SIGNATURE });
    assert.deepEqual({ code, sent }, { code: 1, sent: [] });
    assert.match(err, /No worker answered/);
  });

  it('signs with a key of the environment only where that is asked for', async (test) => {
    process.env['TIDEGATE_SIGN_KEY'] = '/nonexistent/key';
    test.after(() => delete process.env['TIDEGATE_SIGN_KEY']);
    const { client, sent } = waiting(atGate('Asserted'));
    assert.equal((await run(approve, { client })).code, 0);
    assert.deepEqual(sent, [['approve', { by: 'ada', digest }]]);
  });
});

describe('vote-statement', () => {
  const argv = ['vote-statement', 'patch', '--digest', digest.slice(7, 19), '--as', 'Zoë'];
  const text = `tidegate vote 1
rollout: "patch"
run: "run-1"
gate: "before-canary"
digest: "${digest}"
decision: "Approve"
by: "Zoë"
reason: "a\\u001b[31mb"
`;

  it('prints each letter that is signed, and nothing else', async () => {
    const { client } = waiting(atGate('Attested'));
    const ran = await run([...argv, '--reason', 'a\u001b[31mb'], { client });
    assert.deepEqual(ran, { code: 0, out: text, err: '' });
  });

  it('is for rejections too, and in JSON', async () => {
    const { client } = waiting(atGate('Attested'));
    const ran = await run([...argv, '--reject', '--output', 'json'], { client });
    const { statement, ...rest } = JSON.parse(ran.out) as Record<string, string>;
    assert.deepEqual(rest, { rollout: 'patch', gate: 'before-canary', digest });
    assert.match(statement ?? '', /\ndecision: "Reject"\nby: "Zoë"\nreason: ""\n$/);
  });
});
