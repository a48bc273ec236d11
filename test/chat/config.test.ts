/** What `tidegate chat` needs to start, and what it says where that is missing. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { parse } from 'yaml';
import { readChatConfig } from '../../client/chat/config.ts';
import { startChat } from '../../client/chat/run.ts';
import { FakeRollouts } from './fake-rollouts.ts';
import { log, startBridge } from './kit.ts';
import { SlackStandIn } from './slack-stand-in.ts';

const slack = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's' };
const hook = {
  TIDEGATE_WEBHOOK_OPS_BOT_URL: 'https://example.com/hook',
  TIDEGATE_WEBHOOK_OPS_BOT_SECRET: 'sixteen characters',
};

const refusals: readonly (readonly [string, Record<string, string>, object, RegExp])[] = [
  ['nothing at all', {}, {}, /neither Slack nor a webhook is set up/],
  ['no way for Slack to answer', { SLACK_BOT_TOKEN: 'xoxb-1' }, {}, /SLACK_APP_TOKEN \(for Socket/],
  ['no bot token', { SLACK_APP_TOKEN: 'xapp-1' }, {}, /SLACK_BOT_TOKEN is not set/],
  ['two ways', { ...slack, SLACK_APP_TOKEN: 'xapp-1' }, {}, /are both set; one is to be/],
  [
    'tokens swapped',
    { SLACK_BOT_TOKEN: 'xapp-1', SLACK_APP_TOKEN: 'xoxb-1' },
    {},
    /must begin with xoxb-/,
  ],
  [
    'a webhook without a secret',
    { TIDEGATE_WEBHOOK_CI_URL: 'http://x' },
    {},
    /CI_SECRET must have/,
  ],
  [
    'a webhook without an address',
    { TIDEGATE_WEBHOOK_CI_SECRET: 'x'.repeat(20) },
    {},
    /CI_URL must be/,
  ],
  [
    'a key and no principal',
    slack,
    { signKey: 'k' },
    /--sign-key FILE and --signer PRINCIPAL together/,
  ],
  [
    'a channel of no service',
    slack,
    { channel: ['#ops'] },
    /--channel #ops must begin with slack:/,
  ],
  ['a port that is none', slack, { port: 'http' }, /--port must be a number/],
];
for (const [name, env, flags, message] of refusals) {
  test(`${name} is refused`, () => {
    assert.throws(() => readChatConfig(env, flags), {
      name: 'TidegateError',
      exitCode: 3,
      message,
    });
  });
}

test('flags come before the environment', () => {
  const env = { ...slack, ...hook, TIDEGATE_CHAT_KEY: 'a', TIDEGATE_CHAT_SIGNER: 'b' };
  const config = readChatConfig(env, { signKey: 'c', channel: ['webhook:ops-bot'] });
  assert.deepEqual(config.signing, { keyFile: 'c', signer: 'b' });
  assert.deepEqual(
    config.webhooks.map(({ name }) => name),
    ['ops-bot'],
  );
  assert.deepEqual([config.port, config.pollMs], [3000, 10_000]);
});

test('a token that Slack refuses ends the start, with where to get another one', async () => {
  const standIn = new SlackStandIn();
  await standIn.start();
  try {
    const env = { SLACK_BOT_TOKEN: 'xoxb-wrong' };
    const starting = startBridge(standIn, new FakeRollouts(), { env });
    await assert.rejects(starting, /Slack refuses auth\.test: invalid_auth \(SLACK_BOT_TOKEN is/);
  } finally {
    await standIn.stop();
  }
});

test('a Slack that is away does not keep chat from starting, and health is answered', async () => {
  const env = { ...slack, SLACK_API_URL: 'http://127.0.0.1:1/api/' };
  const config = readChatConfig(env, { port: '0', pollSeconds: '3600' });
  const chat = await startChat(config, { rollouts: new FakeRollouts(), log, now: Date.now });
  try {
    await chat.round();
    const health = await fetch(`http://127.0.0.1:${chat.port}/healthz`);
    assert.equal(health.status, 200);
    const { ok, temporalSeenAt } = (await health.json()) as Record<string, unknown>;
    assert.equal(ok, true);
    assert.equal(typeof temporalSeenAt, 'string');
    const elsewhere = await fetch(`http://127.0.0.1:${chat.port}/admin`);
    assert.equal(elsewhere.status, 404);
    const used = { ...config, port: chat.port };
    const second = startChat(used, { rollouts: new FakeRollouts(), log, now: Date.now });
    await assert.rejects(second, /Port \d+ is in use/);
  } finally {
    await chat.stop();
  }
});

test('the manifest asks for the scopes that the page explains, and no other one', async () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const manifest = parse(await read('deploy/slack-manifest.yaml'));
  const { scopes } = manifest.oauth_config;
  const page = await read('docs/chat.md');
  const rows = page.split('\n').filter((line) => /^\| `[a-z]+(:[a-z]+)?`/.test(line));
  const names = rows.flatMap(
    (row) => row.split('|')[1]?.match(/[a-z]+:[a-z]+|\bcommands\b/g) ?? [],
  );
  assert.deepEqual([...names].sort(), [...scopes.bot].sort());
  assert.equal(manifest.features.slash_commands[0].command, '/tidegate');
  assert.equal(manifest.settings.socket_mode_enabled, true);
  assert.equal(manifest.settings.interactivity.is_enabled, true);
});
