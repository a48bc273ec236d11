/** Votes that are signed on the command line, with the real ssh-keygen, and checked as a worker does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { verifyVote } from '../../activities/votes.ts';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { run, waitFor } from '../../lab/run.ts';
import type { Vote, VoteCheck, VoteProof } from '../../workflows/contract.ts';
import { voteStatement } from '../../workflows/domain/vote-statement.ts';
import { FakeKube, fakeDeps } from '../activities/fakes.ts';
import { gateOf, statusOf, run as tidegate, viewOf } from '../client/kit.ts';
import { amid, approvalOf, signersFolder } from './vote-kit.ts';

const { keyFile, path } = signersFolder();

describe('a vote that is signed on the command line', () => {
  const gate = gateOf({ rules: { ...gateOf().rules, identity: 'Attested' } });
  const view = viewOf({ status: statusOf({ phase: 'AwaitingApproval', gate }) });
  const argv = ['--digest', gate.digest, '--as', 'ada', '--reason', 'looked\nat "it"'];

  /** Runs the command, and checks what it sends as a workflow and a worker do. */
  async function voted(command: readonly string[], files: Record<string, string> = {}) {
    let check: VoteCheck | undefined;
    const take = (decision: 'Approve' | 'Reject') => async (_: string, vote: Vote) => {
      const { by, reason, proof } = vote;
      const { id, digest, run } = gate;
      const content = { rollout: 'patch', run, gate: id, digest, decision, by, reason };
      const statement = voteStatement(content);
      const { deps } = fakeDeps(new FakeKube());
      const question = { statement, by, proof: proof as VoteProof, approval: approvalOf() };
      check = await verifyVote({ ...deps, configFolder: path() }, question);
      return 'taken';
    };
    const client = {
      status: async () => view,
      approve: take('Approve'),
      reject: take('Reject'),
      close: async () => undefined,
    } as unknown as RolloutClient;
    const ran = await tidegate(command, { client, files });
    return { ...ran, check };
  }

  for (const decision of ['approve', 'reject']) {
    it(`counts, to ${decision}`, async () => {
      const { check, err } = await voted([
        ...[decision, 'patch', ...argv],
        ...['--sign-key', keyFile('ada')],
      ]);
      assert.equal(check?.kind, 'Attested', err);
    });
  }

  it('counts with the key that the environment names', async (test) => {
    process.env['TIDEGATE_SIGN_KEY'] = keyFile('ada');
    test.after(() => delete process.env['TIDEGATE_SIGN_KEY']);
    const { check, err } = await voted(['approve', 'patch', ...argv]);
    assert.equal(check?.kind, 'Attested', err);
  });

  it('counts where it was signed elsewhere', async () => {
    const text = keyFile('elsewhere');
    await writeFile(text, (await voted(['vote-statement', 'patch', ...argv])).out);
    await run([
      'ssh-keygen',
      '-q',
      '-Y',
      'sign',
      '-n',
      'tidegate-vote',
      '-f',
      keyFile('ada'),
      text,
    ]);
    const files = { 'vote.sig': await readFile(`${text}.sig`, 'utf8') };
    const { check } = await voted(['approve', 'patch', ...argv, '--signature', 'vote.sig'], files);
    assert.equal(check?.kind, 'Attested');
    const rejected = ['reject', 'patch', ...argv, '--signature', 'vote.sig'];
    assert.equal((await voted(rejected, files)).check?.kind, 'Refused');
  });

  it('counts with a public key whose private one is with ssh-agent', async (test) => {
    const { SSH_AUTH_SOCK } = process.env;
    const socket = keyFile('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    test.after(() => {
      agent.kill();
      if (SSH_AUTH_SOCK === undefined) delete process.env['SSH_AUTH_SOCK'];
      else process.env['SSH_AUTH_SOCK'] = SSH_AUTH_SOCK;
    });
    process.env['SSH_AUTH_SOCK'] = socket;
    await waitFor({ what: 'ssh-agent', timeoutMs: 5000, until: async () => existsSync(socket) });
    await run(['ssh-add', '-q', keyFile('ada')]);
    const file = keyFile('only-public.pub');
    await writeFile(file, await readFile(keyFile('ada.pub')));
    const { check, err } = await voted(['approve', 'patch', ...argv, '--sign-key', file]);
    assert.equal(check?.kind, 'Attested', err);
  });

  it('is not sent where the key does not sign, which is said', async () => {
    const { SSH_AUTH_SOCK } = process.env;
    delete process.env['SSH_AUTH_SOCK'];
    const lonely = keyFile('lonely.pub');
    await writeFile(lonely, await readFile(keyFile('ada.pub')));
    const files: [string, RegExp][] = [
      [keyFile('nobody'), /There is no key to be read at .*nobody/],
      [lonely, /ssh-agent did not sign with .*lonely.pub .*"ssh-add FILE" adds one/],
    ];
    for (const [file, message] of files) {
      const ran = await voted(['approve', 'patch', ...argv, '--sign-key', file]);
      assert.equal(ran.check, undefined);
      assert.match(ran.err, message);
    }
    if (SSH_AUTH_SOCK !== undefined) process.env['SSH_AUTH_SOCK'] = SSH_AUTH_SOCK;
  });

  it('is not sent where there is no ssh-keygen', async () => {
    await amid('/nonexistent', async () => {
      const key = ['--sign-key', keyFile('ada')];
      const { check, err, code } = await voted(['approve', 'patch', ...argv, ...key]);
      assert.deepEqual({ check, code }, { check: undefined, code: 1 });
      assert.match(err, /no ssh-keygen on this machine.*apt install openssh-client/);
    });
  });
});
