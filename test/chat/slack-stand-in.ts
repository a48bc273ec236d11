/**
 * A stand-in for Slack: its Web API over HTTP as far as the bridge uses it, and the signed requests
 * that Slack sends when people press, type and submit. It can refuse, fail, and lose an answer.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { APP_TOKEN } from './socket-stand-in.ts';

export const BOT_TOKEN = 'xoxb-stand-in';
export const SIGNING_SECRET = 'stand-in-signing-secret';
const BOT_ID = 'B0TIDEGATE';

export interface Message {
  readonly ts: string;
  readonly channel: string;
  readonly bot_id: string;
  readonly thread_ts?: string;
  text: string;
  blocks: Block[];
  metadata?: { event_type: string; event_payload: Record<string, unknown> };
  edits: number;
}
interface Block {
  readonly type: string;
  readonly block_id?: string;
  readonly text?: { readonly text: string };
  readonly elements?: readonly { action_id: string; value: string; text: { text: string } }[];
}
interface View {
  id: string;
  readonly user: string;
  private_metadata?: string;
  callback_id?: string;
  blocks: Block[];
  readonly trigger: string;
}

/** What a method does once instead of its work: LoseAnswer does the work and drops the connection; Late takes a while. */
export type Mishap = { readonly rateLimit: number } | 'Fail' | 'LoseAnswer' | 'Drop' | 'Late';
type Args = Record<string, string>;

export class SlackStandIn {
  readonly messages: Message[] = [];
  readonly ephemerals: { channel: string; user: string; text: string }[] = [];
  readonly responses: { text: string; response_type?: string }[] = [];
  readonly views: View[] = [];
  readonly calls: string[] = [];
  /** Ids by name; those that the bot is no member of are joined first. */
  readonly channels = new Map([
    ['platform', { id: 'C0PLATFORM', member: true }],
    ['owners', { id: 'C0OWNERS', member: false }],
  ]);
  /** Where the bridge listens. */
  bridge = '';
  /** Where the bridge connects to, in Socket Mode. */
  socketUrl = '';
  private readonly mishaps = new Map<string, Mishap[]>();
  private readonly triggers = new Map<string, string>();
  private readonly server: Server = createServer((request, response) => {
    void this.handle(request, response);
  });
  private lastTs = 0;

  async start(): Promise<void> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((closed) => this.server.close(() => closed()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next calls of a method meet this. */
  next(method: string, ...mishaps: readonly Mishap[]): void {
    this.mishaps.set(method, [...(this.mishaps.get(method) ?? []), ...mishaps]);
  }

  /** Messages of the channel itself, oldest first. */
  top(channel = 'C0PLATFORM'): Message[] {
    return this.messages.filter((m) => m.channel === channel && m.thread_ts === undefined);
  }

  thread(parent: Message): Message[] {
    return this.messages.filter((m) => m.thread_ts === parent.ts);
  }

  /** Everything that a message shows, a line each. */
  shown(message: { readonly blocks: readonly Block[] }): string {
    return message.blocks.map(({ text }) => text?.text ?? '').join('\n');
  }

  buttons(message: Message): string[] {
    return message.blocks.flatMap(({ elements }) => elements?.map((e) => e.text.text) ?? []);
  }

  // --- what people do ---------------------------------------------------------------------------

  /** Presses a button of a message; a dialog may open. */
  async press(message: Message, label: string, user: string, how: Sending = {}): Promise<Sent> {
    const { payload, trigger } = this.pressed(message, label, user, how);
    const { status } = await this.send({ payload: JSON.stringify(payload) }, how);
    return { status, trigger };
  }

  viewOf({ trigger }: Pick<Sent, 'trigger'>): View | undefined {
    return this.views.find((view) => view.trigger === trigger);
  }

  /** Submits a dialog with a reason; returns what Slack is answered. */
  async submit(view: View, reason: string, how: Sending = {}): Promise<Sent & { body: string }> {
    const { payload, trigger } = this.submitted(view, reason, how);
    const response = await this.send({ payload: JSON.stringify(payload) }, how);
    return { status: response.status, body: await response.text(), trigger };
  }

  /** Types `/tidegate` and the rest of the line. */
  async type(text: string, user: string, how: Sending = {}): Promise<number> {
    return (await this.send(this.typed(text, user, how).form, how)).status;
  }

  // --- and what Slack makes of it ---------------------------------------------------------------

  pressed(message: Message, label: string, user: string, how: Sending = {}) {
    const button = message.blocks
      .flatMap(({ elements }) => elements ?? [])
      .find(({ text }) => text.text === label);
    if (!button) throw new Error(`no button ${label}`);
    const trigger = how.trigger ?? randomUUID();
    this.triggers.set(trigger, user);
    const payload = {
      type: 'block_actions',
      user: { id: user },
      trigger_id: trigger,
      team: { id: 'T0' },
      channel: { id: message.channel },
      container: { type: 'message', message_ts: message.ts, channel_id: message.channel },
      message,
      response_url: `${this.url}/respond/${trigger}`,
      actions: [{ ...button, type: 'button', action_ts: '1' }],
    };
    return { payload, trigger };
  }

  submitted(view: View, reason: string, how: Sending = {}) {
    const trigger = how.trigger ?? randomUUID();
    const payload = {
      type: 'view_submission',
      user: { id: view.user },
      team: { id: 'T0' },
      trigger_id: trigger,
      view: {
        ...{ id: view.id, type: 'modal', callback_id: view.callback_id, hash: '1' },
        private_metadata: view.private_metadata,
        state: {
          values: { reason: { text: { type: 'plain_text_input', value: reason || null } } },
        },
      },
    };
    return { payload, trigger };
  }

  typed(text: string, user: string, how: Sending = {}) {
    const trigger = how.trigger ?? randomUUID();
    const form = {
      ...{ command: '/tidegate', text, user_id: user, team_id: 'T0', channel_id: 'C0PLATFORM' },
      ...{ trigger_id: trigger, response_url: `${this.url}/respond/${trigger}` },
    };
    return { form, trigger };
  }

  /** Signs as Slack does. */
  private async send(form: Record<string, string>, how: Sending): Promise<Response> {
    const body = new URLSearchParams(form).toString();
    const timestamp = String(how.timestamp ?? Math.floor(Date.now() / 1000));
    const secret = how.secret ?? SIGNING_SECRET;
    const mac = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
    return await fetch(`${this.bridge}/slack/events`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${mac}`,
        ...(how.retry ? { 'x-slack-retry-num': String(how.retry) } : {}),
      },
    });
  }

  // --- the Web API ------------------------------------------------------------------------------

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    if (request.url?.startsWith('/respond/')) {
      this.responses.push(JSON.parse(body));
      response.end('ok');
      return;
    }
    const method = request.url?.replace('/api/', '') ?? '';
    this.calls.push(method);
    const mishap = this.mishaps.get(method)?.shift();
    if (mishap === 'Drop') return void request.socket.destroy();
    if (mishap === 'Late') await delay(80);
    if (mishap === 'Fail') return void response.writeHead(500).end('no');
    if (typeof mishap === 'object') {
      response.writeHead(429, { 'retry-after': String(mishap.rateLimit) }).end('');
      return;
    }
    const token = method === 'apps.connections.open' ? APP_TOKEN : BOT_TOKEN;
    const authorized = request.headers.authorization === `Bearer ${token}`;
    const args = Object.fromEntries(new URLSearchParams(body)) as Args;
    const answer = authorized ? this.answer(method, args) : { ok: false, error: 'invalid_auth' };
    if (mishap === 'LoseAnswer') return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  private answer(method: string, args: Args): object {
    switch (method) {
      case 'auth.test':
        return { ok: true, bot_id: BOT_ID, user_id: 'U0TIDEGATE', team_id: 'T0' };
      case 'apps.connections.open':
        return { ok: true, url: this.socketUrl };
      case 'conversations.list':
        return {
          ok: true,
          channels: [...this.channels].map(([name, { id }]) => ({ id, name })),
          response_metadata: { next_cursor: '' },
        };
      case 'conversations.join':
        for (const entry of this.channels.values())
          if (entry.id === args['channel']) entry.member = true;
        return { ok: true };
      case 'views.open':
      case 'views.update':
        return this.view(args);
      default:
        return this.isMember(args) ? this.inChannel(method, args) : notMember;
    }
  }

  private isMember({ channel }: Args): boolean {
    return [...this.channels.values()].some(({ id, member }) => id === channel && member);
  }

  private inChannel(method: string, args: Args): object {
    const { channel = '', ts = '' } = args;
    switch (method) {
      case 'chat.postMessage':
        return this.postMessage(args);
      case 'chat.update': {
        const message = this.messages.find((m) => m.channel === channel && m.ts === ts);
        if (!message) return { ok: false, error: 'message_not_found' };
        Object.assign(message, contentOf(args), { edits: message.edits + 1 });
        return { ok: true, ts, channel };
      }
      case 'chat.delete': {
        const index = this.messages.findIndex((m) => m.channel === channel && m.ts === ts);
        if (index < 0) return { ok: false, error: 'message_not_found' };
        this.messages.splice(index, 1);
        return { ok: true };
      }
      case 'chat.postEphemeral':
        this.ephemerals.push({ channel, user: args['user'] ?? '', text: args['text'] ?? '' });
        return { ok: true };
      case 'conversations.history':
        return this.page(this.top(channel).reverse(), args);
      case 'conversations.replies':
        return this.page(
          this.messages.filter((m) => m.ts === ts || m.thread_ts === ts),
          args,
        );
      default:
        return { ok: false, error: 'unknown_method' };
    }
  }

  private postMessage(args: Args): object {
    this.lastTs = Math.max(this.lastTs + 1, Date.now() * 1000);
    const ts = `${Math.floor(this.lastTs / 1e6)}.${String(this.lastTs % 1e6).padStart(6, '0')}`;
    const { channel = '', thread_ts } = args;
    const message = {
      ...{ ts, channel, bot_id: BOT_ID, edits: 0 },
      ...(thread_ts ? { thread_ts } : {}),
      ...contentOf(args),
    };
    this.messages.push(message);
    return { ok: true, ts, channel };
  }

  /** Pages are short here, so that reading on is tried; metadata comes only where it is asked for. */
  private page(messages: readonly Message[], args: Args): object {
    const oldest = Number(args['oldest'] ?? 0);
    const found = messages.filter(({ ts }) => Number(ts) >= oldest);
    const start = Number(args['cursor'] ?? 0);
    const end = start + 3;
    const bare = ({ metadata: _, ...message }: Message) => message;
    const shown = args['include_all_metadata'] === 'true' ? found : found.map(bare);
    return {
      ok: true,
      messages: shown.slice(start, end),
      response_metadata: { next_cursor: end < found.length ? String(end) : '' },
    };
  }

  private view(args: Args): object {
    const view = JSON.parse(args['view'] ?? '{}') as View;
    const known = this.views.find(({ id }) => id === args['view_id']);
    if (known) {
      Object.assign(known, view);
      return { ok: true, view: { id: known.id } };
    }
    const trigger = args['trigger_id'] ?? '';
    const user = this.triggers.get(trigger);
    if (user === undefined) return { ok: false, error: 'invalid_trigger_id' };
    const id = `V${this.views.length}`;
    this.views.push({ ...view, id, user, trigger });
    return { ok: true, view: { id } };
  }
}

export interface Sending {
  readonly secret?: string;
  /** In seconds. */
  readonly timestamp?: number;
  /** The same one again is what Slack sends when it tries again. */
  readonly trigger?: string;
  readonly retry?: number;
}
export interface Sent {
  readonly status: number;
  readonly trigger: string;
}

const notMember = { ok: false, error: 'not_in_channel' };

function contentOf(args: Args): Pick<Message, 'text' | 'blocks' | 'metadata'> {
  const metadata = args['metadata'];
  return {
    text: args['text'] ?? '',
    blocks: JSON.parse(args['blocks'] ?? '[]'),
    ...(metadata ? { metadata: JSON.parse(metadata) } : {}),
  };
}
