/** Slack's real library in Socket Mode, against a stand-in. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readChatConfig } from '../../client/chat/config.ts';
import { startChat } from '../../client/chat/run.ts';
import { ADA, FakeRollouts } from './fake-rollouts.ts';
import { log, until } from './kit.ts';
import { BOT_TOKEN, SlackStandIn } from './slack-stand-in.ts';
import { APP_TOKEN, SocketStandIn } from './socket-stand-in.ts';

async function withSocket(
  appToken: string,
  body: (bed: {
    slack: SlackStandIn;
    socket: SocketStandIn;
    rollouts: FakeRollouts;
    start: () => ReturnType<typeof startChat>;
  }) => Promise<void>,
): Promise<void> {
  const [slack, socket, rollouts] = [new SlackStandIn(), new SocketStandIn(), new FakeRollouts()];
  await slack.start();
  await socket.start();
  slack.socketUrl = socket.url;
  rollouts.add('patch');
  const env = { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_APP_TOKEN: appToken };
  const address = { SLACK_API_URL: `${slack.url}/api/` };
  const config = readChatConfig({ ...env, ...address }, { port: '0', pollSeconds: '3600' });
  try {
    await body({
      slack,
      socket,
      rollouts,
      start: () => startChat(config, { rollouts, log, now: Date.now }),
    });
  } finally {
    await socket.stop();
    await slack.stop();
  }
}

it('a gate is approved by a button, a dialog and the slash command over one connection', async () => {
  await withSocket(APP_TOKEN, async ({ slack, socket, rollouts, start }) => {
    const chat = await start();
    try {
      await chat.round();
      const [message] = slack.top();
      assert.ok(message);
      const pressed = slack.pressed(message, 'Approve', ADA);
      const press = socket.send('interactive', pressed.payload);
      const view = await until('the dialog', () => slack.viewOf(pressed));
      const submit = socket.send('interactive', slack.submitted(view, 'fine').payload);
      await until('an answer', () => slack.ephemerals.some(({ text }) => /approved/.test(text)));
      const typed = socket.send('slash_commands', slack.typed('pause patch', ADA).form);
      await until('an answer', () => slack.responses.some(({ text }) => /pause taken/.test(text)));
      for (const id of [press, submit, typed]) assert.ok(socket.acknowledged.has(id));
      assert.deepEqual(
        rollouts.sent.map((sent) => [sent.message, sent.argument.by]),
        [
          ['approve', 'ada'],
          ['pause', 'ada'],
        ],
      );
      const outside = await fetch(`http://127.0.0.1:${chat.port}/slack/events`, { method: 'POST' });
      assert.equal(outside.status, 404);
    } finally {
      await chat.stop();
    }
    assert.equal(socket.connections, 1);
  });
});

it('an app token that Slack refuses ends the start', async () => {
  await withSocket('xapp-wrong', async ({ start }) => {
    await assert.rejects(start(), /Slack gives no connection for SLACK_APP_TOKEN: .*invalid_auth/);
  });
});
