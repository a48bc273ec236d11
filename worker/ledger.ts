/** The worker's ledger: opened at its first use, so that a database that is down holds up nothing. */
import type { NativeConnection } from '@temporalio/worker';
import { ledgerPort } from '../activities/adapters/ledger.ts';
import { systemClock } from '../activities/context.ts';
import type { ActivityDeps, Log } from '../activities/deps.ts';
import { embeddedSource } from '../ledger/embedded.ts';
import { ledgerAt } from '../ledger/store.ts';
import type { WorkerConfig } from './config.ts';

export interface WorkerLedger {
  /** What activities get of it; nothing where none is kept. */
  readonly deps: Pick<ActivityDeps, 'ledger'>;
  readonly close: () => Promise<void>;
}

/** Returns the ledger that the settings name. */
export function workerLedger(
  connection: NativeConnection,
  { ledger: place, anchors, namespace }: WorkerConfig,
  log: Log,
): WorkerLedger {
  if (place.kind === 'Off') return { deps: {}, close: async () => undefined };
  const ledger = ledgerAt(place.kind === 'Url' ? place.url : embeddedSource(place.folder));
  const settings = { namespace, ledger, anchors, clock: systemClock, log };
  return {
    deps: { ledger: ledgerPort(connection, settings) },
    close: () => ledger.close(),
  };
}
