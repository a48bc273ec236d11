/** Reads what the constant scripts print: lines of tab-separated fields, closed by "end". */
import type { CommandOptions, HostAdapter } from './adapters/host-adapter.ts';
import { fail } from './failure.ts';

/** One line: its first field, and the others. */
export interface HostRecord {
  readonly kind: string;
  readonly fields: readonly string[];
}

/** Returns the record of a line. */
export function parseRecord(line: string): HostRecord {
  const [kind = '', ...fields] = line.split('\t');
  return { kind, fields };
}

/**
 * Runs a script and returns its records. Output that is cut, or that lacks the closing "end", fails
 * with HostCommandFailed: half an answer is none.
 */
export async function runRecords(
  host: HostAdapter,
  node: string,
  command: {
    readonly what: string;
    readonly script: string;
    readonly args: readonly string[];
    readonly options?: CommandOptions;
  },
): Promise<readonly HostRecord[]> {
  const result = await host.run(command.script, command.args, command.options);
  const lines = result.stdout.trimEnd().split('\n');
  if (result.code === 0 && !result.truncated && lines.at(-1) === 'end') {
    return lines.slice(0, -1).map(parseRecord);
  }
  const said = `${result.stderr.trim()} ${result.stdout.slice(-500).trim()}`.trim().slice(0, 2000);
  const how = result.truncated
    ? 'printed more than is read'
    : `ended with ${result.code ?? 'a signal'}`;
  return fail('HostCommandFailed', `${node}: ${command.what} ${how}: ${said || 'no output'}`);
}

/** Returns the fields of all records of a kind. */
export function fieldsOf(
  records: readonly HostRecord[],
  kind: string,
): readonly (readonly string[])[] {
  return records.filter((record) => record.kind === kind).map((record) => record.fields);
}
