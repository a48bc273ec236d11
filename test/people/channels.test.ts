/** One rollout whose gates are passed through one channel each; nowhere may who asked for it approve it. */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { installHostPackages } from '../../lab/host-packages.ts';
import { run, waitFor } from '../../lab/run.ts';
import { host } from '../../lab/settings.ts';
import { startWorker } from '../../lab/worker.ts';
import {
  type GateStatus,
  ROLLOUT_WORKFLOW,
  rolloutWorkflowId,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import { NEW } from '../lab/activity-kit.ts';
import { ALL_NODES, aroundFleet, assertNodes, bundleTo, rolloutTo } from '../lab/rollout-kit.ts';
import { type Channel, Chat, commandLine, form, signal } from './channels.ts';
import { TemporalUi } from './temporal-ui.ts';

const NAME = 'four-gates';
const ID = rolloutWorkflowId(NAME);
const REQUESTER = 'platform-oncall';
const BRIDGE = 'chat-bridge';
const OWN_VOTE = /platform-oncall requested this rollout, and the policy asks for somebody else/;
const ACCOUNTS: Readonly<Record<string, string>> = {
  [REQUESTER]: 'U0ONCALL',
  ada: 'U0ADA',
  grace: 'U0GRACE',
};

const POLICY = {
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'four-gates' },
  spec: {
    people: [
      { name: REQUESTER, roles: ['sre'] },
      { name: 'ada', roles: ['sre'] },
      { name: 'grace', roles: ['sre', 'security'] },
    ].map((person) => ({ ...person, chat: [`slack:${ACCOUNTS[person.name]}`] })),
    approval: {
      roles: ['sre'],
      signersFile: 'allowed_signers',
      bridges: [BRIDGE],
      gates: [
        { at: 'BeforeCanary', identity: 'Attested' },
        { at: 'AfterCanary', identity: 'Attested' },
        { at: 'BeforeWave', waves: ['wave-1'] },
        { at: 'BeforeWave', waves: ['wave-2'], roles: ['security'] },
      ],
    },
    verification: { timeoutSeconds: 60 },
  },
};

const fleet = aroundFleet({ batch: true });
const chat = new Chat(ACCOUNTS);
let ui: TemporalUi;
let folder = '';
const keyFile = (name: string) => join(folder, name);

/** Makes each a key of their own, and the file that says whose they are. */
async function makeSigners(): Promise<void> {
  const lines: string[] = [];
  for (const name of [REQUESTER, 'ada', BRIDGE]) {
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', keyFile(name)]);
    const [type, key] = (await readFile(`${keyFile(name)}.pub`, 'utf8')).split(' ');
    lines.push(`${name} ${type} ${key}`);
  }
  await writeFile(keyFile('allowed_signers'), `${lines.join('\n')}\n`);
}

/** Waits until the rollout waits at a gate. */
async function gateOpens(id: string): Promise<GateStatus> {
  let gate: GateStatus | undefined;
  await waitFor({
    what: `gate ${id}`,
    timeoutMs: 180_000,
    until: async () => {
      const { status, state, failure } = await fleet.client.status(NAME);
      if (state !== 'Running') throw new Error(failure?.message ?? JSON.stringify(status));
      gate = status?.gate;
      if (gate && gate.id !== id) throw new Error(`${NAME} waits at ${gate.id}, not at ${id}`);
      return gate !== undefined;
    },
  });
  return gate as GateStatus;
}

/** Who asked for the rollout is refused at the gate, in words; another person's approval opens it. */
async function passes(id: string, by: string, channel: Channel): Promise<void> {
  const { digest } = await gateOpens(id);
  const own = await channel({ rollout: NAME, by: REQUESTER, digest });
  assert.equal(own.taken, false, own.words);
  assert.match(own.words, OWN_VOTE);
  assert.equal((await gateOpens(id)).digest, digest);

  const other = await channel({ rollout: NAME, by, digest });
  assert.equal(other.taken, true, other.words);
  await waitFor({
    what: `gate ${id} to be passed`,
    timeoutMs: 60_000,
    until: async () => (await fleet.client.status(NAME)).status?.gate?.id !== id,
  });
}

describe('one rollout with four gates', () => {
  before(async () => {
    await installHostPackages(['chromium']);
    folder = await mkdtemp(join(tmpdir(), 'tidegate-people-'));
    await cp('examples', join(folder, 'documents'), { recursive: true });
    await makeSigners();
    await copyFile(keyFile('allowed_signers'), join(folder, 'documents', 'allowed_signers'));
    await startWorker({ env: { TIDEGATE_CONFIG: join(folder, 'documents') } });
    await chat.start({ keyFile: keyFile(BRIDGE), signer: BRIDGE });
    ui = await TemporalUi.open(host.temporalUiPort);
  });
  after(async () => {
    await ui?.close();
    await chat.stop();
    await rm(folder, { recursive: true, force: true });
    process.stdout.write(`pictures of Temporal's UI are in ${ui?.pictures}\n`);
  });

  it("is started with a form of Temporal's UI, whose page says what it waits for", async () => {
    const bundle = bundleTo(NEW, 'Restart');
    const document = rolloutTo({ name: NAME, bundle, spec: { policy: POLICY } });
    const input = JSON.stringify(document);
    await ui.startWorkflow({ id: ID, type: ROLLOUT_WORKFLOW, taskQueue: TASK_QUEUE, input });
    const { digest } = await gateOpens('before-canary');
    await ui.show(ID);
    const details = await ui.details();
    await ui.picture('details');
    assert.match(details, /^AwaitingApproval: waiting for approval of sha256:[0-9a-f]{12}…$/m);
    assert.match(
      details,
      /Gate before-canary: 0 of 1 approvals \(each signed; of sre; not the req/,
    );
    assert.ok(details.includes(digest));
    assert.equal(await ui.detailsCutOff(), false);
  });

  it('passes the first gate by a signed vote on the command line', async () => {
    await passes('before-canary', 'ada', commandLine(keyFile));
  });

  it('passes the second by a button in chat', async () => {
    await passes('after-canary', 'ada', chat.button);
  });

  it('passes the third by a signal', async () => {
    await passes('before-wave-1', 'ada', signal(fleet.client));
  });

  it('is paused and resumed at the gate by forms too, one a signal, one an update', async () => {
    await gateOpens('before-wave-2');
    await ui.show(ID);
    const paused = async () => (await fleet.client.status(NAME)).status?.paused;
    await ui.sendSignal('pause', { by: 'grace', reason: 'an incident' });
    const what = 'the rollout to be paused';
    const shown = async () => (await paused()) === 'paused by grace: an incident';
    await waitFor({ what, timeoutMs: 30_000, until: shown });
    const again = await ui.sendUpdate('pause', { by: 'ada' });
    assert.deepEqual(again, {
      kind: 'Refused',
      text: 'it is paused by grace: an incident already',
    });
    assert.equal((await ui.sendUpdate('resume', { by: 'grace' })).kind, 'Sent');
    assert.equal(await paused(), undefined);
  });

  it("passes the fourth by a form of Temporal's UI", async () => {
    await gateOpens('before-wave-2');
    assert.deepEqual(await ui.list('TidegateActor = "security"'), [ID]);
    await ui.picture('list');
    await ui.show(ID);
    const details = await ui.details();
    await ui.picture('details');
    assert.match(details, /Gate before-wave-2: 0 of 1 approvals \(names are believed; of security/);
    assert.match(details, /platform-oncall at before-wave-1: platform-oncall requested this/);
    assert.equal(await ui.detailsCutOff(), false);
    await passes('before-wave-2', 'grace', form(ui));
  });

  it('ends updated, and its record says who approved what and how that is known', async () => {
    const outcome = await fleet.client.waitFor(NAME);
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    await assertNodes(ALL_NODES, NEW);
    const { status } = await fleet.client.status(NAME);
    const votes = status?.votes.map(({ by, gate, identity, signedBy = '' }) => {
      return [by, gate, identity, signedBy.split(' ')[0]];
    });
    assert.deepEqual(votes, [
      ['ada', 'before-canary', 'Attested', 'ada'],
      ['ada', 'after-canary', 'Attested', BRIDGE],
      ['ada', 'before-wave-1', 'Asserted', ''],
      ['grace', 'before-wave-2', 'Asserted', ''],
    ]);
    await ui.show(ID);
    assert.match(await ui.details(), /^Succeeded$/m);
    await ui.picture('details');
  });

  it('shows what each of its waves and nodes did', async () => {
    const found = await ui.list(`TidegateRollout = "${NAME}"`);
    assert.equal(found.length, 9, found.join());
    await ui.show(`${ID}/wave/wave-1`);
    assert.match(await ui.details(), /^wave-1 of four-gates$[\s\S]*east-\d Updated/m);
    await ui.picture('wave');
    await ui.show(found.find((id) => id.startsWith('node/')) ?? '');
    await ui.picture('node');
    assert.match(await ui.details(), /^Updated east\/east-\d$[\s\S]*containerd .* → .*deb12u3/m);
    await ui.picture('node-details');
  });
});
