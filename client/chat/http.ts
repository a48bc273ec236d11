/** The one HTTP port of chat: health, webhooks, and what Slack sends. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refused } from '../errors.ts';
import type { WebhookService } from './webhook.ts';

const BODY_LIMIT = 64 * 1024;
const WEBHOOK = /^\/webhook\/([a-z0-9-]+)$/;

export interface HttpParts {
  readonly port: number;
  /** What there is to say about the health of this process. */
  readonly health: () => object;
  readonly webhooks?: WebhookService;
  readonly slack?: {
    readonly path: string;
    readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
  };
}

export class ChatHttp {
  private readonly parts: HttpParts;
  private readonly server: Server;

  constructor(parts: HttpParts) {
    this.parts = parts;
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => {
        answer(response, 500, { ok: false, message: String(error) });
      });
    });
  }

  /** Returns the port; it is another one than asked for only where 0 was. */
  async start(): Promise<number> {
    const { port } = this.parts;
    await new Promise<void>((listening, failed) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const used = error.code === 'EADDRINUSE' ? 'is in use' : `can't be had (${error.message})`;
        failed(refused(`Port ${port} ${used}. Name another one with --port.`));
      });
      this.server.listen(port, listening);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise<void>((closed) => {
      this.server.close(() => closed());
      this.server.closeIdleConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const { slack, health } = this.parts;
    const webhook = WEBHOOK.exec(pathname)?.[1];
    if (pathname === '/healthz') return answer(response, 200, { ok: true, ...health() });
    if (request.method === 'POST' && slack && pathname === slack.path) {
      return slack.listener(request, response);
    }
    if (request.method === 'POST' && webhook) return await this.webhook(webhook, request, response);
    answer(response, 404, { ok: false, message: 'there is nothing here' });
  }

  private async webhook(
    name: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { webhooks } = this.parts;
    const body = await readBody(request);
    if (body === undefined) {
      response.setHeader('Connection', 'close');
      return answer(response, 413, { ok: false, message: `at most ${BODY_LIMIT} bytes are taken` });
    }
    const header = (key: string) => {
      const value = request.headers[key];
      return typeof value === 'string' ? value : undefined;
    };
    const signed = {
      ...{ timestamp: header('tidegate-timestamp'), signature: header('tidegate-signature') },
      ...{ delivery: header('tidegate-delivery'), body },
    };
    const said = (await webhooks?.receive(name, signed)) ?? {
      ...{ status: 404, body: { ok: false, message: `there is no webhook ${name}` } },
    };
    answer(response, said.status, said.body);
  }
}

/** Returns undefined for a body that is too long; the rest of it is not read. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_LIMIT) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
