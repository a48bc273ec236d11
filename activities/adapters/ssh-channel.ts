/** Runs a command on a connection and collects what it prints, up to a limit. */
import type { Duplex, Readable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { failure, messageOf } from '../failure.ts';
import type { CommandOptions, CommandResult, HostTarget } from './host-adapter.ts';

const COMMAND_TIMEOUT_MS = 60_000;

const LIMIT_BYTES = 64 * 1024;

/** Returns how messages name a host. */
export function where(target: HostTarget): string {
  return `${target.node} (${target.address})`;
}

/** Runs a command line on an open connection; a connection that breaks fails with HostUnreachable. */
export async function execOn(
  client: Client,
  line: string,
  options: CommandOptions & { readonly stdin?: string },
  target: HostTarget,
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? COMMAND_TIMEOUT_MS;
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const unreachable = (why: string) =>
    reject(target.signal.reason ?? failure('HostUnreachable', `${where(target)}: ${why}`));
  const lost = () => unreachable('the SSH connection was lost.');
  const timer = setTimeout(() => {
    unreachable(`a command did not end in ${timeoutMs} ms.`);
    client.destroy();
  }, timeoutMs);
  client.once('close', lost);
  try {
    begin(client, line, (error, channel) => {
      if (!channel) return unreachable(messageOf(error));
      followChannel(channel, options, resolve, lost);
      channel.end(options.stdin ?? '');
    });
    return await promise;
  } finally {
    clearTimeout(timer);
    client.off('close', lost);
  }
}

const FORWARD_TIMEOUT_MS = 10_000;

/** Opens a stream to a port of the host's loopback. sshd may be told to forward nothing: then that is the error. */
export async function forwardOn(client: Client, port: number, target: HostTarget): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const refuse = (why: string) => reject(target.signal.reason ?? new Error(why));
  const lost = () => refuse(`${where(target)}: the SSH connection was lost.`);
  const timer = setTimeout(
    () => refuse(`${where(target)}: port ${port} was not reached in ${FORWARD_TIMEOUT_MS} ms.`),
    FORWARD_TIMEOUT_MS,
  );
  client.once('close', lost);
  try {
    client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, (error, channel) => {
      if (!error) return resolve(channel);
      refuse(
        `${where(target)}: sshd opens no way to 127.0.0.1:${port}: ${messageOf(error)}. Something has to listen there, and sshd has to allow it (AllowTcpForwarding, PermitOpen).`,
      );
    });
  } catch {
    // Thrown at once where the connection has ended since it was last used.
    lost();
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    client.off('close', lost);
  }
}

/** Begins a command; ssh2 throws at once where the connection has ended since the last one. */
function begin(
  client: Client,
  line: string,
  begun: (error: unknown, channel: ClientChannel | undefined) => void,
): void {
  try {
    client.exec(line, (error, channel) => begun(error, error ? undefined : channel));
  } catch (error) {
    begun(error, undefined);
  }
}

/** The part of an SSH channel that is needed to follow a command. */
interface CommandChannel extends Readable {
  readonly stderr: Readable;
}

/** Follows a command to its end; `lost` is called if the channel closes without a result. */
function followChannel(
  channel: CommandChannel,
  options: CommandOptions,
  settle: (result: CommandResult) => void,
  lost: () => void,
): void {
  const limit = options.limitBytes ?? LIMIT_BYTES;
  const stdout = new LimitedText(limit, options.onLine);
  const stderr = new LimitedText(limit);
  let exit: { code: number | undefined } | undefined;
  channel.on('data', (chunk: Buffer) => stdout.add(chunk));
  channel.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
  channel.on('exit', (code: number | null) => {
    exit = { code: code ?? undefined };
  });
  channel.on('close', () => {
    if (!exit) return lost();
    settle({
      code: exit.code,
      stdout: stdout.end(),
      stderr: stderr.end(),
      truncated: stdout.truncated || stderr.truncated,
    });
  });
  channel.on('error', lost);
}

class LimitedText {
  truncated = false;
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  readonly #onLine: ((line: string) => void) | undefined;
  #size = 0;
  #rest = '';

  constructor(limit: number, onLine?: (line: string) => void) {
    this.#limit = limit;
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, Math.max(0, this.#limit - this.#size));
    if (kept.length < chunk.length) this.truncated = true;
    this.#size += kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
    if (!this.#onLine) return;
    const lines = `${this.#rest}${chunk.toString('utf8')}`.split('\n');
    this.#rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) this.#onLine(line);
  }

  end(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
