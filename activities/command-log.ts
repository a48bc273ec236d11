/** What an attempt of an activity does to hosts and clusters, collected beside it: its own code knows nothing of it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { CommandRecord } from '../workflows/contract.ts';
import type { CommandResult } from './adapters/host-adapter.ts';

const LONGEST_COMMAND = 400;
const LONGEST_WORDS = 60;
/** Of commands and of changes each; what lies between the first and the last ones is counted only. */
const KEPT_FIRST = 20;
const KEPT_LAST = 60;

const current = new AsyncLocalStorage<CommandLog>();

/** Runs work and everything that it calls with a log. */
export function withCommandLog<T>(log: CommandLog, work: () => Promise<T>): Promise<T> {
  return current.run(log, work);
}

/** Collects commands and changes; the same in a row is one with a number, since polling repeats itself. */
export class CommandLog {
  readonly #commands = new Collected<CommandRecord>();
  readonly #changes = new Collected<string>();

  get commands(): readonly CommandRecord[] {
    return this.#commands.items.map(({ item, times }) => (times === 1 ? item : { ...item, times }));
  }

  get changes(): readonly string[] {
    return this.#changes.items.map(({ item, times }) =>
      times === 1 ? item : `${item} (${times} times)`,
    );
  }

  /** How many are not listed. */
  get leftOut(): number {
    return this.#commands.leftOut + this.#changes.leftOut;
  }

  command(record: CommandRecord): void {
    const { node, command, exitCode, outputSha256 } = record;
    this.#commands.add([node, command, exitCode, outputSha256].join('\n'), record);
  }

  change(what: string): void {
    this.#changes.add(what, what);
  }
}

class Collected<T> {
  readonly items: { readonly key: string; item: T; times: number }[] = [];
  leftOut = 0;

  add(key: string, item: T): void {
    const last = this.items.at(-1);
    if (last?.key === key) {
      last.item = item;
      last.times += 1;
      return;
    }
    this.items.push({ key, item, times: 1 });
    if (this.items.length <= KEPT_FIRST + KEPT_LAST) return;
    for (const { times } of this.items.splice(KEPT_FIRST, 1)) this.leftOut += times;
  }
}

/** A command as an adapter runs it. */
export interface LoggedCommand {
  readonly node: string;
  readonly line: string;
  /** The script, where the command reads one. */
  readonly stdin?: string | undefined;
}

/** Runs a command on a host; where an attempt keeps a log it is in there, however it ends. */
export async function loggedCommand(
  command: LoggedCommand,
  run: () => Promise<CommandResult>,
): Promise<CommandResult> {
  const log = current.getStore();
  if (!log) return await run();
  const begun = performance.now();
  let result: CommandResult | undefined;
  try {
    result = await run();
    return result;
  } finally {
    const durationMs = Math.round(performance.now() - begun);
    log.command(recordOf(command, result, durationMs));
  }
}

/** Keeps that a call of the Kubernetes API has changed something; without a log it does nothing. */
export function logChange(what: string): void {
  current.getStore()?.change(what);
}

function recordOf(
  { node, line, stdin }: LoggedCommand,
  result: CommandResult | undefined,
  durationMs: number,
): CommandRecord {
  const { code, stdout = '', stderr = '' } = result ?? {};
  const output = Buffer.from(stdout + stderr);
  return {
    node,
    command: `${shortened(line, LONGEST_COMMAND)}${stdin ? ` < ${scriptName(stdin)}` : ''}`,
    ...(code === undefined ? {} : { exitCode: code }),
    durationMs,
    outputSha256: sha256(output),
    outputBytes: output.length,
  };
}

/** Scripts are constants of a release: their first words are for people, the digest is the proof. */
function scriptName(script: string): string {
  const words = script.trim().split('\n', 1)[0] ?? '';
  return `"${shortened(words, LONGEST_WORDS)}" (sha256:${sha256(script)})`;
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function shortened(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
