/** Slack as a chat service, over Bolt: Socket Mode with an app token, or HTTP with a signing secret. */
import { setTimeout as sleep } from 'node:timers/promises';
import { App, HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import {
  ChatError,
  type ChatService,
  type Handlers,
  type Place,
  type Post,
  type Posted,
} from './chat-service.ts';
import { boltLogger } from './log.ts';
import { closedBlocks, messageBlocks } from './slack-blocks.ts';
import { CLIENT_OPTIONS, isTokenRefused, SlackCalls } from './slack-calls.ts';
import { listen } from './slack-events.ts';
import { metadataOf, type SlackPosted, SlackPosts, slackChannel } from './slack-posts.ts';

/** How long the start waits for Slack's connection. */
const CONNECT_MS = 5000;
/** How long a stop waits for the end of the connection, and for what was acknowledged. */
const GOODBYE_MS = 2000;
const FINISH_MS = 15_000;

/** Where Slack sends what people do. */
export const SLACK_PATH = '/slack/events';

export interface SlackConfig {
  readonly botToken: string;
  /** Socket Mode. */
  readonly appToken?: string;
  /** HTTP. */
  readonly signingSecret?: string;
  /** Another address than Slack's own. */
  readonly apiUrl?: string;
}

export class SlackService implements ChatService {
  readonly name = 'slack';
  /** Takes Slack's requests; absent in Socket Mode. */
  readonly requests: HTTPReceiver | undefined;
  private readonly app: App;
  private readonly socket: SocketModeReceiver | undefined;
  private readonly calls: SlackCalls;
  private readonly posts: SlackPosts;
  private readonly log: Logger;
  /** Work that has been acknowledged and is not done yet. */
  private readonly inWork = new Set<Promise<unknown>>();

  constructor(config: SlackConfig, log: Logger) {
    this.log = log;
    const { botToken, apiUrl } = config;
    const clientOptions = { ...CLIENT_OPTIONS, ...(apiUrl ? { slackApiUrl: apiUrl } : {}) };
    const logger = boltLogger(log);
    this.requests = config.signingSecret
      ? new HTTPReceiver({ signingSecret: config.signingSecret, endpoints: SLACK_PATH, logger })
      : undefined;
    this.socket = this.requests
      ? undefined
      : new SocketModeReceiver({
          appToken: config.appToken ?? '',
          logger,
          // With the library's own retries: a connection is asked for until there is one.
          installerOptions: { clientOptions: apiUrl ? { slackApiUrl: apiUrl } : {} },
        });
    const receiver = this.requests ?? this.socket;
    if (!receiver) throw new Error('there is neither a way for Slack to call nor one to be called');
    this.app = new App({
      ...{ receiver, clientOptions, logger },
      token: botToken,
      // The token is checked at the start, and Slack may be away for a while.
      tokenVerificationEnabled: false,
      ignoreSelf: false,
    });
    this.calls = new SlackCalls(this.app.client);
    this.posts = new SlackPosts(this.calls);
  }

  /** Refuses a wrong token; a Slack that is away is waited for. */
  async start(handlers: Handlers): Promise<void> {
    listen(this.app, {
      handlers,
      calls: this.calls,
      log: this.log,
      later: (work) => this.later(work),
    });
    try {
      await this.calls.ownId();
    } catch (error) {
      if (isTokenRefused(error)) throw error;
      this.log.warn({ error: String(error) }, 'Slack not reached; every round tries again');
    }
    if (this.socket) await this.connect();
  }

  /** A wrong app token is refused; a Slack that is away is dialled until it is back. */
  private async connect(): Promise<void> {
    const connected = this.app.start().then(
      () => this.log.info({}, 'connected to Slack'),
      (error: unknown) => {
        this.log.error({ error: String(error) }, 'not connected to Slack');
        throw new ChatError(`Slack gives no connection for SLACK_APP_TOKEN: ${String(error)}`);
      },
    );
    const late = sleep(CONNECT_MS, 'late', { ref: false });
    if ((await Promise.race([connected, late])) !== 'late') return;
    this.log.warn({}, 'no connection to Slack yet');
    connected.catch(() => undefined);
  }

  /** Finishes what people have begun; the connection goes last, since answers need it. */
  async stop(): Promise<void> {
    await this.finished();
    // Bolt's own stop does not wait for the end of the connection.
    if (this.socket) await Promise.race([this.socket.client.disconnect(), patience(GOODBYE_MS)]);
    await this.finished();
  }

  private async finished(): Promise<void> {
    await Promise.race([Promise.allSettled([...this.inWork]), patience(FINISH_MS)]);
  }

  async posted(place: Place, fresh: boolean): Promise<readonly Posted[]> {
    return await this.posts.find(place, fresh);
  }

  async post(place: Place, { tag, message }: Post): Promise<void> {
    const { blocks, text } = messageBlocks(message);
    const { under } = place;
    const sent = await this.calls.inChannel(
      slackChannel(place),
      'chat.postMessage',
      (client, channel) =>
        client.chat.postMessage({
          ...{ channel, blocks, text, metadata: metadataOf(tag) },
          ...{ unfurl_links: false, unfurl_media: false },
          ...(under ? { thread_ts: under.id } : {}),
        }),
    );
    if (!sent.ts)
      throw new ChatError('Slack names no message that it has posted', { silent: true });
    this.posts.keep(place, { id: sent.ts, tag, blocks });
  }

  async update(place: Place, { id }: Posted, { tag, message }: Post): Promise<void> {
    const { blocks, text } = messageBlocks(message);
    await this.write(place, { id, tag, blocks }, text);
  }

  async close(place: Place, posted: Posted, state: readonly string[]): Promise<void> {
    const { open: _, ...tag } = posted.tag;
    const blocks = closedBlocks((posted as SlackPosted).blocks, state);
    const closed = { id: posted.id, tag: { ...tag, revision: 'closed' }, blocks };
    await this.write(place, closed, state.join(' '));
  }

  private async write(place: Place, posted: SlackPosted, text: string): Promise<void> {
    const { id: ts, tag, blocks } = posted;
    await this.calls.inChannel(slackChannel(place), 'chat.update', (client, channel) =>
      client.chat.update({
        ...{ channel, ts, text },
        blocks: [...blocks],
        metadata: metadataOf(tag),
      }),
    );
    this.posts.keep(place, posted);
  }

  private later(work: Promise<unknown>): void {
    const settled = work.catch((error: unknown) => {
      this.log.warn({ error: String(error) }, 'an answer was not told');
    });
    this.inWork.add(settled);
    void settled.finally(() => this.inWork.delete(settled));
  }
}

function patience(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
