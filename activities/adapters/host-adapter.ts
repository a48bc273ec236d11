/** What activities need of a host; SSH is one way to have it. */
import type { Duplex } from 'node:stream';

/** The result of a command that ran to its end. */
export interface CommandResult {
  /** Exit code; undefined if the command was ended by a signal. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** True if output beyond the limit was dropped: what is there must not be parsed as whole. */
  readonly truncated: boolean;
}

export interface CommandOptions {
  readonly timeoutMs?: number;
  /** Limit for each of stdout and stderr; default 64 KiB. */
  readonly limitBytes?: number;
  /** Called with every whole line of stdout as it arrives. */
  readonly onLine?: (line: string) => void;
}

/** One host, reached through one connection that is made at the first command. */
export interface HostAdapter {
  /** Runs an argument list, quoted; nothing else ever reaches a shell line. */
  exec(
    argv: readonly string[],
    options?: CommandOptions & { readonly stdin?: string },
  ): Promise<CommandResult>;
  /** Runs a constant script, fed on stdin to `sh -s -- args`. */
  run(script: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Opens a stream to a port of the host's own loopback; whoever asks destroys it. */
  connect(port: number): Promise<Duplex>;
  close(): void;
}

/** Which host, and what ends the work on it. */
export interface HostTarget {
  readonly address: string;
  readonly node: string;
  readonly signal: AbortSignal;
}
