/** A stand-in for Slack's Socket Mode: just enough of WebSocket (RFC 6455) to send text and read answers. */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export const APP_TOKEN = 'xapp-stand-in';
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export class SocketStandIn {
  /** How many were made. */
  connections = 0;
  /** What was acknowledged, by envelope. */
  readonly acknowledged = new Map<string, unknown>();
  private socket: Socket | undefined;
  private readonly server = createServer();

  async start(): Promise<void> {
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      const key = `${request.headers['sec-websocket-key']}${MAGIC}`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
      ];
      socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
      this.connections += 1;
      this.socket = socket;
      socket.on('error', () => undefined);
      let rest = Buffer.alloc(0);
      socket.on('data', (data) => {
        rest = this.read(Buffer.concat([rest, data]), socket);
      });
      this.write({ type: 'hello', num_connections: 1 });
    });
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Sends what a person does; returns the id under which it is acknowledged. */
  send(type: 'interactive' | 'slash_commands', payload: object): string {
    const envelope_id = randomUUID();
    this.write({ type, envelope_id, payload, accepts_response_payload: true });
    return envelope_id;
  }

  async stop(): Promise<void> {
    this.socket?.destroy();
    await new Promise<void>((closed) => this.server.close(() => closed()));
  }

  private write(content: object): void {
    const text = Buffer.from(JSON.stringify(content));
    const length = Buffer.alloc(4);
    length.writeUInt8(0x81, 0);
    length.writeUInt8(Math.min(text.length, 126), 1);
    length.writeUInt16BE(text.length, 2);
    this.socket?.write(Buffer.concat([text.length < 126 ? length.subarray(0, 2) : length, text]));
  }

  /** Reads whole frames, which clients mask; returns what is left over. */
  private read(data: Buffer, socket: Socket): Buffer<ArrayBuffer> {
    let left = Buffer.from(data);
    while (left.length >= 2) {
      const [opcode, short] = [left.readUInt8(0) & 0x0f, left.readUInt8(1) & 0x7f];
      const at = short === 126 ? 4 : 2;
      if (left.length < at + 4) break;
      const length = short === 126 ? left.readUInt16BE(2) : short;
      if (left.length < at + 4 + length) break;
      const mask = left.subarray(at, at + 4);
      const text = left.subarray(at + 4, at + 4 + length);
      const plain = Buffer.from(text.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
      if (opcode === 1) this.take(plain.toString('utf8'));
      if (opcode === 8) socket.end(Buffer.from([0x88, 2, 0x03, 0xe8]));
      if (opcode === 9) socket.write(Buffer.concat([Buffer.from([0x8a, length]), plain]));
      left = left.subarray(at + 4 + length);
    }
    return left;
  }

  private take(text: string): void {
    const { envelope_id, payload } = JSON.parse(text) as {
      envelope_id?: string;
      payload?: unknown;
    };
    if (envelope_id) this.acknowledged.set(envelope_id, payload);
  }
}
