/** A bridge over the real library, a stand-in of Slack on one side and rollouts on the other. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { readChatConfig } from '../../client/chat/config.ts';
import type { Rollouts } from '../../client/chat/rollouts.ts';
import { type RunningChat, startChat } from '../../client/chat/run.ts';
import { FakeRollouts } from './fake-rollouts.ts';
import { BOT_TOKEN, SIGNING_SECRET, SlackStandIn } from './slack-stand-in.ts';

export const log = pino({ level: process.env['TIDEGATE_LOG_LEVEL'] ?? 'silent' });

export interface Bed {
  readonly slack: SlackStandIn;
  readonly rollouts: FakeRollouts;
  readonly chat: RunningChat;
  /** Stops the bridge and starts another one, which knows nothing. */
  restart(): Promise<void>;
}

/** Starts a bridge on a port of its own; rounds come only when asked for. */
export async function startBridge(
  slack: SlackStandIn,
  rollouts: Rollouts,
  options: { readonly env?: Record<string, string>; readonly flags?: object } = {},
): Promise<RunningChat> {
  const env = {
    SLACK_BOT_TOKEN: BOT_TOKEN,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: `${slack.url}/api/`,
    ...options.env,
  };
  const config = readChatConfig(env, { port: '0', pollSeconds: '3600', ...options.flags });
  return await startChat(config, { rollouts, log, now: Date.now });
}

/** Runs a test with a stand-in, rollouts and a bridge that has made its first round. */
export async function withBridge(
  body: (bed: Bed) => Promise<void>,
  options: {
    readonly env?: Record<string, string>;
    readonly flags?: object;
    readonly before?: (parts: Pick<Bed, 'slack' | 'rollouts'>) => void;
  } = {},
): Promise<void> {
  const slack = new SlackStandIn();
  const rollouts = new FakeRollouts();
  await slack.start();
  options.before?.({ slack, rollouts });
  const start = async () => {
    const chat = await startBridge(slack, rollouts, options);
    slack.bridge = `http://127.0.0.1:${chat.port}`;
    await chat.round();
    return chat;
  };
  const bed = {
    ...{ slack, rollouts },
    chat: await start(),
    restart: async () => {
      await bed.chat.stop();
      bed.chat = await start();
    },
  };
  try {
    await body(bed);
  } finally {
    await bed.chat.stop();
    await slack.stop();
  }
}

/** Long beside what is waited for: test files run side by side on few cores. */
export const PATIENCE_MS = 30_000;

/** Waits until something is so; asserts that it comes. */
export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const begun = Date.now(); Date.now() - begun < PATIENCE_MS; ) {
    const found = look();
    if (found) return found;
    await delay(10);
  }
  return assert.fail(`never: ${what}`);
}
