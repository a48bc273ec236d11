/** Where the command line reads and writes; tests put strings in its place. */
import { readFile } from 'node:fs/promises';
import type { Look } from './render/look.ts';

/** Everything that the command line reads, writes and asks of its process. */
export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void;
  /** Messages, so that results stay clean in pipes. */
  readonly err: (text: string) => void;
  readonly look: Look;
  readonly errLook: Look;
  readonly readStdin: () => Promise<Uint8Array>;
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly now: () => number;
}

/** Returns the terminal of this process. */
export function processTerminal(): Terminal {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    look: lookOf(process.stdout),
    errLook: lookOf(process.stderr),
    readStdin: async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    },
    readFile: (path) => readFile(path),
    now: () => Date.now(),
  };
}

/** Colours only on a terminal, and not where NO_COLOR is set (no-color.org) or TERM is dumb. */
function lookOf(stream: NodeJS.WriteStream): Look {
  const tty = stream.isTTY === true;
  const plain = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
  // A terminal of unknown size says 0.
  const size = { width: stream.columns || 80, height: stream.rows || 24 };
  return { aligned: tty, colour: tty && !plain, ...size };
}
