/** Collects what a remote command prints, up to a limit. */
import type { Readable } from 'node:stream';
import type { CommandOptions, CommandResult } from './host-adapter.ts';

const LIMIT_BYTES = 64 * 1024;

/** The part of an SSH channel that is needed to follow a command. */
export interface CommandChannel extends Readable {
  readonly stderr: Readable;
}

/** Follows a command to its end; `lost` is called if the channel closes without a result. */
export function followChannel(
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
