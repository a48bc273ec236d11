/** Where reports get the ledger's entries from: the ledger itself, or an export of it. */
import type { LedgerKind } from '../workflows/contract.ts';
import type { ReportEntry } from '../workflows/domain/report-entries.ts';
import { readText, STDIN } from './document-file.ts';
import { refused, TidegateError } from './errors.ts';
import type { Terminal } from './terminal.ts';

export interface LedgerSource {
  /** URL of the ledger. */
  readonly ledger?: string;
  /** File of an export, as JSON lines. */
  readonly from?: string;
}

export interface EntryWish {
  readonly rollout?: string;
  readonly kinds?: readonly LedgerKind[];
}

/** Returns the entries that are wanted; those of an export that are not are left out as well. */
export async function ledgerEntries(args: {
  readonly source: LedgerSource;
  readonly filter: EntryWish;
  readonly terminal: Terminal;
}): Promise<readonly ReportEntry[]> {
  const { source, filter, terminal } = args;
  const { from, ledger } = source;
  if (from === undefined) return await fromLedger(ledger, filter);
  if (ledger !== undefined)
    throw refused('Name the ledger with --ledger or --from, not with both.');
  const entries = parseLines(await readText(from, terminal), from);
  const { kinds } = filter;
  return kinds ? entries.filter(({ kind }) => kinds.includes(kind)) : entries;
}

/** The database's client is loaded only where a database is read. */
async function fromLedger(url: string | undefined, filter: EntryWish): Promise<ReportEntry[]> {
  const { openLedger, readEntries } = await import('../ledger/reader.ts');
  const entries: ReportEntry[] = [];
  try {
    const ledger = await openLedger(url, process.env);
    try {
      for await (const entry of readEntries(ledger, filter)) entries.push(entry);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'LedgerSettingError') throw refused(`The ledger can't be found: ${message}.`);
    throw new TidegateError(`The ledger can't be read: ${message}`, { cause: error });
  }
  return entries;
}

/** Lines that are no entries at all are passed on: the report says how many were left out. */
function parseLines(text: string, file: string): readonly ReportEntry[] {
  const source = file === STDIN ? 'standard input' : file;
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as ReportEntry];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw refused(
        `${source}:${index + 1}: is no JSON (${error.message}); an export has one entry a line`,
      );
    }
  });
}
