/** Something that receives a webhook as docs/chat.md says: checks signatures, knows deliveries again. */
import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatMessage, Tag } from '../../client/chat/chat-service.ts';

export const SECRET = 'a secret of the webhook';

/** What the bridge sends. */
export interface Delivered extends Tag {
  readonly delivery: string;
  readonly thread?: string;
  readonly message?: ChatMessage;
  readonly closed?: { readonly state: readonly string[] };
}

export class WebhookStandIn {
  /** Deliveries that were new, in order. */
  readonly taken: Delivered[] = [];
  /** How many came again. */
  repeated = 0;
  readonly badlySigned: string[] = [];
  /** Status codes that are answered to the next requests, after they were taken. */
  readonly answers: number[] = [];
  /** Where the bridge listens. */
  bridge = '';
  private readonly server = createServer((request, response) => {
    void this.handle(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((closed) => this.server.close(() => closed()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** Sends what somebody asks for, signed unless told otherwise. */
  async ask(content: unknown, how: Asking = {}): Promise<{ status: number; body: unknown }> {
    const body = typeof content === 'string' ? content : JSON.stringify(content);
    const timestamp = String(how.timestamp ?? Math.floor(Date.now() / 1000));
    const signature = how.signature ?? sign(how.secret ?? SECRET, timestamp, body);
    const response = await fetch(`${this.bridge}/webhook/${how.name ?? 'ci'}`, {
      method: 'POST',
      body: how.sentBody ?? body,
      headers: {
        'tidegate-timestamp': timestamp,
        'tidegate-signature': signature,
        'tidegate-delivery': how.delivery ?? randomUUID(),
      },
    });
    return { status: response.status, body: await response.json() };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const header = (name: string) => String(request.headers[name]);
    const delivery = header('tidegate-delivery');
    const expected = sign(SECRET, header('tidegate-timestamp'), body);
    if (header('tidegate-signature') !== expected) this.badlySigned.push(delivery);
    const known = this.taken.some((entry) => entry.delivery === delivery);
    if (known) this.repeated += 1;
    else this.taken.push({ ...(JSON.parse(body) as Delivered), delivery });
    response.writeHead(this.answers.shift() ?? 200).end();
  }
}

export interface Asking {
  readonly secret?: string;
  readonly timestamp?: number;
  readonly signature?: string;
  readonly delivery?: string;
  readonly name?: string;
  /** What is sent in place of what was signed. */
  readonly sentBody?: string;
}

export function sign(secret: string, timestamp: string, body: string): string {
  const mac = createHmac('sha256', secret).update(`v1:${timestamp}:${body}`);
  return `v1=${mac.digest('hex')}`;
}
