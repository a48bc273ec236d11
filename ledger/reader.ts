/** Reads the ledger: for its own commands, for reports, and for whoever looks back. */
import type { LedgerKind } from '../workflows/ledger-contract.ts';
import type { StoredEntry } from './chain.ts';
import { embeddedSource, hasEmbedded } from './embedded.ts';
import { LedgerSettingError } from './errors.ts';
import { ledgerPlace } from './settings.ts';
import { type Ledger, ledgerAt } from './store.ts';

export type { StoredEntry } from './chain.ts';
export { LedgerSettingError, LedgerUnavailableError } from './errors.ts';
export type { Ledger } from './store.ts';

/** Which records are read; all of them without any field. */
export interface EntryFilter {
  readonly rollout?: string;
  /** RFC 3339: what happened (`at`) then or later. */
  readonly since?: string;
  readonly kinds?: readonly LedgerKind[];
}

/**
 * Returns a ledger to read from; close it. Without a URL it is that of TIDEGATE_LEDGER, or else the
 * embedded one of TIDEGATE_DATA, whose database runs until then if it did not before. Fails with
 * LedgerSettingError where the settings name none that is there.
 */
export async function openLedger(
  url: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ledger> {
  const place = ledgerPlace(url, env);
  switch (place.kind) {
    case 'Off':
      throw new LedgerSettingError('TIDEGATE_LEDGER is "off": name the ledger with its URL');
    case 'Url':
      return ledgerAt(place.url);
    case 'Embedded':
      if (await hasEmbedded(place.folder)) return ledgerAt(embeddedSource(place.folder));
      throw new LedgerSettingError(
        `there is no ledger in ${place.folder} yet: the worker that runs there makes it, or name another with its URL or TIDEGATE_DATA`,
      );
  }
}

/** Reads records in the order of the chain, some hundreds at a time, as far as they are taken. */
export async function* readEntries(
  ledger: Ledger,
  filter: EntryFilter = {},
): AsyncIterable<StoredEntry> {
  let after = 0;
  for (;;) {
    const page = await ledger.page({ ...filter, after });
    for (const entry of page) yield entry;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
