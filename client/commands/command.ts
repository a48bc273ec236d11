/** What the commands share: their context, and how they end. */
import type { Command } from 'commander';
import type { ConnectOptions } from '../connection.ts';
import { printable } from '../render/look.ts';
import type { RolloutClient } from '../rollout-client.ts';
import type { Terminal } from '../terminal.ts';

/** Options that every command takes. */
export interface GlobalOptions extends ConnectOptions {
  readonly output: 'text' | 'json';
}

/** What a command is given to work with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Connects on demand: commands that need no Temporal never load its client. */
  readonly connect: (options: ConnectOptions) => Promise<RolloutClient>;
  /** Sets the code that the process ends with. */
  readonly exitWith: (code: number) => void;
}

/** Returns the options that every command takes. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** Runs with a connection that is closed afterwards. */
export async function withClient<T>(
  context: CommandContext,
  command: Command,
  run: (client: RolloutClient) => Promise<T>,
): Promise<T> {
  const client = await context.connect(globalOptions(command));
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

/** Writes a result: as JSON where that is asked for, else as the given text. */
export function print(
  context: CommandContext,
  command: Command,
  result: { readonly json: unknown; readonly text: () => string },
): void {
  const { out } = context.terminal;
  if (globalOptions(command).output === 'json') {
    out(`${JSON.stringify(result.json, null, 2)}\n`);
    return;
  }
  const text = printable(result.text());
  if (text !== '') out(`${text}\n`);
}

/** Adds examples below a command's help. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((e) => `  ${e}`).join('\n')}`);
}

const PATIENCE_MS = 5000;

/** Waits for something slow, and says so once it takes longer than people expect. */
export async function patiently<T>(context: CommandContext, work: Promise<T>): Promise<T> {
  const { err } = context.terminal;
  const timer = setTimeout(() => err('Reading the fleet; this takes a while.\n'), PATIENCE_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
