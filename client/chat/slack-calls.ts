/** Calls of Slack's Web API: one at a time as Slack says, none of them twice, errors in words. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { App, webApi } from '@slack/bolt';
import { ChatError } from './chat-service.ts';

type WebClient = InstanceType<typeof webApi.WebClient>;

/** How long a call may take, and how long Slack's "later" is waited for. */
const TIMEOUT_MS = 10_000;
const MAX_WAITS = 5;
const NAMES_MS = 60_000;

/**
 * The library's own retries are off: a post whose answer is lost was made, and would be made again.
 * Only what Slack has refused as too often is called again here.
 */
export const CLIENT_OPTIONS = {
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
  timeout: TIMEOUT_MS,
} as const satisfies webApi.WebClientOptions;

interface CallError {
  readonly code?: string;
  readonly message: string;
  readonly retryAfter?: number;
  readonly data?: { readonly error?: string };
}

export class SlackCalls {
  readonly client: WebClient;
  private botId: string | undefined;
  private channels: { readonly byName: Map<string, string>; readonly readMs: number } | undefined;

  constructor(client: App['client']) {
    this.client = client;
  }

  /** Makes a call; throws ChatError. */
  async call<T>(what: string, run: (client: WebClient) => Promise<T>): Promise<T> {
    for (let waits = 0; ; waits++) {
      try {
        return await run(this.client);
      } catch (error) {
        const { retryAfter } = error as CallError;
        if (retryAfter === undefined || waits >= MAX_WAITS) throw explain(what, error as CallError);
        await sleep(retryAfter * 1000);
      }
    }
  }

  /** Makes a call in a channel, which is joined where that is needed and can be done. */
  async inChannel<T>(
    name: string,
    what: string,
    run: (client: WebClient, channel: string) => Promise<T>,
  ): Promise<T> {
    const channel = await this.channelId(name);
    try {
      return await this.call(what, (client) => run(client, channel));
    } catch (error) {
      if (!(error instanceof ChatError) || !/: not_in_channel/.test(error.message)) throw error;
      await this.call(`joining ${name}`, (client) => client.conversations.join({ channel }));
      return await this.call(what, (client) => run(client, channel));
    }
  }

  /** Returns the id under which Slack knows this bridge's messages. */
  async ownId(): Promise<string | undefined> {
    if (this.botId === undefined) {
      const me = await this.call('auth.test', (client) => client.auth.test());
      this.botId = me.bot_id;
    }
    return this.botId;
  }

  /** Reading history takes a channel's id, which people don't write into policies. */
  private async channelId(name: string): Promise<string> {
    if (!name.startsWith('#')) return name;
    const { channels } = this;
    const known = channels?.byName.get(name);
    if (known) return known;
    if (channels && Date.now() - channels.readMs < NAMES_MS) throw unknownChannel(name);
    const byName = await this.readNames();
    this.channels = { byName, readMs: Date.now() };
    const found = byName.get(name);
    if (!found) throw unknownChannel(name);
    return found;
  }

  private async readNames(): Promise<Map<string, string>> {
    const byName = new Map<string, string>();
    let cursor = '';
    do {
      const page = await this.call('conversations.list', (client) =>
        client.conversations.list({
          types: 'public_channel,private_channel',
          exclude_archived: true,
          limit: 1000,
          ...(cursor ? { cursor } : {}),
        }),
      );
      for (const { id, name } of page.channels ?? []) if (id && name) byName.set(`#${name}`, id);
      cursor = page.response_metadata?.next_cursor ?? '';
    } while (cursor);
    return byName;
  }
}

function unknownChannel(name: string): ChatError {
  return new ChatError(
    `Slack shows the app no channel ${name}: create it; a private one sees the app once it is invited there ("/invite @Tidegate").`,
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  invalid_auth: 'SLACK_BOT_TOKEN is not valid; copy it anew from the app\'s "Install App" page',
  account_inactive: 'the app was removed from the workspace; install it again',
  token_revoked: 'SLACK_BOT_TOKEN was revoked; install the app again',
  missing_scope: 'the app lacks a scope; compare it with deploy/slack-manifest.yaml',
  not_in_channel: 'invite the app: /invite @Tidegate',
  channel_not_found: 'invite the app, if it is a private channel: /invite @Tidegate',
  is_archived: 'name another channel in the policy',
};

/** A refusal is Slack's word; anything else leaves open whether the call was done. */
function explain(what: string, error: CallError): ChatError {
  const refused = error.data?.error;
  if (refused !== undefined) {
    const advice = ADVICE[refused];
    const message = `Slack refuses ${what}: ${refused}${advice ? ` (${advice})` : ''}`;
    return new ChatError(message, { cause: error });
  }
  return new ChatError(`Slack did not answer ${what}: ${error.message}`, {
    ...{ silent: true, cause: error },
  });
}

/** Tells whether Slack refuses the token itself, which no waiting cures. */
export function isTokenRefused(error: unknown): boolean {
  return (
    error instanceof ChatError &&
    /: (invalid_auth|not_authed|account_inactive|token_revoked|token_expired)/.test(error.message)
  );
}
