/** A signed webhook as a chat service: what is to be told is sent as JSON, to whatever receives it. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChatError,
  type ChatService,
  type Handlers,
  type Place,
  type Post,
  type Posted,
} from './chat-service.ts';
import { type WebhookAnswer, WebhookInbound, type WebhookRequest } from './webhook-inbound.ts';
import { signatureOf } from './webhook-signature.ts';

const TIMEOUT_MS = 10_000;
const WAITS_MS = [300, 1000];

/** Where one webhook leads. */
export interface WebhookTarget {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
}

/**
 * A receiver can't be asked what it has got. What this process has sent is remembered; another one
 * sends it again, with the same Tidegate-Delivery, by which the receiver knows it.
 */
export class WebhookService implements ChatService {
  readonly name = 'webhook';
  private readonly targets: ReadonlyMap<string, WebhookTarget>;
  private readonly inbound: ReadonlyMap<string, WebhookInbound>;
  private readonly now: () => number;
  private readonly sent = new Map<string, Map<string, Posted & { readonly atMs: number }>>();
  private handlers: Handlers | undefined;

  constructor(targets: readonly WebhookTarget[], now: () => number) {
    this.now = now;
    this.targets = new Map(targets.map((target) => [target.name, target]));
    this.inbound = new Map(
      targets.map(({ name, secret }) => [name, new WebhookInbound({ name, secret, now })]),
    );
  }

  async start(handlers: Handlers): Promise<void> {
    this.handlers = handlers;
  }

  async stop(): Promise<void> {
    this.handlers = undefined;
  }

  /** Takes a request that came to /webhook/NAME. */
  async receive(name: string, request: WebhookRequest): Promise<WebhookAnswer> {
    const inbound = this.inbound.get(name);
    const message = inbound ? 'this bridge is stopping' : `there is no webhook ${name}`;
    if (inbound && this.handlers) return await inbound.receive(request, this.handlers);
    return { status: inbound ? 503 : 404, body: { ok: false, message } };
  }

  async posted(place: Place): Promise<readonly Posted[]> {
    const sent = this.sentTo(place);
    for (const [key, { atMs }] of sent) if (atMs < place.sinceMs) sent.delete(key);
    return [...sent.values()];
  }

  async post(place: Place, { tag, message }: Post): Promise<void> {
    const thread = place.under ? { thread: place.under.tag.key } : {};
    await this.send(place, { ...tag, ...thread, message });
    this.keep(place, { id: tag.key, tag });
  }

  async update(place: Place, _: Posted, post: Post): Promise<void> {
    await this.post(place, post);
  }

  async close(place: Place, { id, tag }: Posted, state: readonly string[]): Promise<void> {
    const { open: _, ...rest } = tag;
    const closed = { ...rest, revision: 'closed' };
    await this.send(place, { ...closed, closed: { state } });
    this.keep(place, { id, tag: closed });
  }

  private async send(
    place: Place,
    content: { readonly key: string; readonly revision: string; readonly [field: string]: unknown },
  ): Promise<void> {
    const name = place.channel.slice(place.channel.indexOf(':') + 1);
    const target = this.targets.get(name);
    if (!target)
      throw new ChatError(`There is no webhook ${name}: its URL and secret are not set.`);
    const body = JSON.stringify(content);
    const delivery = encodeURI(`${content.key}#${content.revision}`);
    for (let attempt = 0; ; attempt++) {
      const failure = await this.once(target, body, delivery);
      if (!failure) return;
      const wait = WAITS_MS[attempt];
      if (!failure.silent || wait === undefined) throw failure;
      await sleep(wait);
    }
  }

  private async once(
    { name, url, secret }: WebhookTarget,
    body: string,
    delivery: string,
  ): Promise<ChatError | undefined> {
    const timestamp = String(Math.floor(this.now() / 1000));
    try {
      const response = await fetch(url, {
        ...{ method: 'POST', body, redirect: 'error' },
        headers: {
          'Content-Type': 'application/json',
          'Tidegate-Timestamp': timestamp,
          'Tidegate-Delivery': delivery,
          'Tidegate-Signature': signatureOf(secret, timestamp, body),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (response.ok) return undefined;
      const silent = response.status >= 500 || response.status === 429;
      return new ChatError(`Webhook ${name} answers ${response.status}`, { silent });
    } catch (cause) {
      return new ChatError(`Webhook ${name} does not answer: ${reasonOf(cause)}`, {
        ...{ silent: true, cause },
      });
    }
  }

  private sentTo({ channel, under }: Place) {
    const id = `${channel} ${under?.tag.key ?? ''}`;
    const sent = this.sent.get(id) ?? new Map<string, Posted & { readonly atMs: number }>();
    this.sent.set(id, sent);
    return sent;
  }

  private keep(place: Place, posted: Posted): void {
    this.sentTo(place).set(posted.tag.key, { ...posted, atMs: this.now() });
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message ?? message ?? String(error);
}
