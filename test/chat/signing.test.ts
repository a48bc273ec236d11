/** Votes that the bridge signs for people whom the chat service has authenticated, by the real ssh-keygen. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Vote } from '../../workflows/contract.ts';
import { VOTE_NAMESPACE, voteStatement } from '../../workflows/domain/vote-statement.ts';
import { ADA } from './fake-rollouts.ts';
import { type Bed, until, withBridge } from './kit.ts';

const PRINCIPAL = 'chat-bridge';
let folder = '';
const file = (name: string) => join(folder, name);
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-chat-'));
  const args = ['-q', '-t', 'ed25519', '-N', '', '-f', file('key')];
  await promisify(execFile)('ssh-keygen', args);
  const [type, key] = (await readFile(file('key.pub'), 'utf8')).split(' ');
  const line = `${PRINCIPAL} namespaces="${VOTE_NAMESPACE}" ${type} ${key}\n`;
  await writeFile(file('allowed_signers'), line);
});
after(() => rm(folder, { recursive: true, force: true }));

/** Returns whether ssh-keygen finds the bridge's signature under the statement. */
async function isSigned(statement: string, signature: string): Promise<boolean> {
  await writeFile(file('signature'), signature);
  const words = ['-Y', 'verify', '-n', VOTE_NAMESPACE, '-I', PRINCIPAL];
  const files = ['-f', file('allowed_signers'), '-s', file('signature')];
  const checking = promisify(execFile)('ssh-keygen', [...words, ...files]);
  checking.child.stdin?.end(statement);
  return await checking.then(
    () => true,
    () => false,
  );
}

/** Lets ada approve with a reason; returns what was sent to the rollout. */
async function approved(bed: Bed): Promise<Vote> {
  const { slack, rollouts } = bed;
  const [message] = slack.top();
  assert.ok(message);
  const sent = await slack.press(message, 'Approve', ADA);
  const view = await until('the dialog', () => slack.viewOf(sent));
  await slack.submit(view, 'checked');
  return (await until('a vote', () => rollouts.sent[0])).argument as Vote;
}

async function withKey(spec: object, body: (bed: Bed) => Promise<void>): Promise<void> {
  const flags = { signKey: file('key'), signer: PRINCIPAL };
  await withBridge(body, { flags, before: ({ rollouts }) => void rollouts.add('patch', { spec }) });
}

describe('a bridge with a key', () => {
  it('signs exactly what was voted, where the policy asks for it', async () => {
    const approval = { identity: 'Attested', signersFile: 'allowed_signers', bridges: [PRINCIPAL] };
    await withKey({ approval }, async (bed) => {
      const { by, reason, proof, digest = '', gate = '' } = await approved(bed);
      assert.equal(proof?.signer, PRINCIPAL);
      const content = { rollout: 'patch', run: 'run-patch', gate, digest, by, reason };
      const said = voteStatement({ ...content, decision: 'Approve' });
      assert.equal(await isSigned(said, proof?.signature ?? ''), true);
      const forged = voteStatement({ ...content, decision: 'Approve', by: 'grace' });
      assert.equal(await isSigned(forged, proof?.signature ?? ''), false);
    });
  });

  it('does not sign where names are believed and it vouches for nobody', async () => {
    await withKey({}, async (bed) => {
      assert.equal((await approved(bed)).proof, undefined);
    });
  });

  it('says so where it cannot sign, and sends no vote', async () => {
    const spec = { approval: { identity: 'Attested', signersFile: 's', bridges: [PRINCIPAL] } };
    const flags = { signKey: file('nowhere'), signer: PRINCIPAL };
    await withBridge(
      async ({ slack, rollouts }) => {
        const [message] = slack.top();
        assert.ok(message);
        const view = await slack
          .press(message, 'Approve', ADA)
          .then((sent) => until('the dialog', () => slack.viewOf(sent)));
        await slack.submit(view, 'checked');
        const told = await until('an answer', () => slack.ephemerals[0]);
        assert.match(told.text, /There is no key to be read at/);
        assert.deepEqual(rollouts.sent, []);
      },
      { flags, before: ({ rollouts }) => void rollouts.add('patch', { spec }) },
    );
  });
});
