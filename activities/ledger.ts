/** Activities of the ledger: what is handed to it, written to it, and read from it. */
import type { RecordingActivities } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { failure, failureType, messageOf } from './failure.ts';

type LedgerActivities = Pick<RecordingActivities, 'record' | 'append' | 'anchor' | 'validationsOf'>;

/** Returns the activities of the ledger; where none is kept they do nothing. */
export function ledgerActivities({ ledger }: ActivityDeps): LedgerActivities {
  return {
    /**
     * *Effect*: the workflow `ledger/<rollout>` has the entries; it is started if it does not run.
     * *Idempotent because*: it keeps each id once, and so does the ledger.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: LedgerUnavailable, where Temporal does not take them.
     */
    record: async ({ rollout, entries }) => {
      await orUnavailable(async () => ledger?.submit(rollout, entries));
    },

    /**
     * *Effect*: records in the ledger, in the order of the entries.
     * *Idempotent because*: it is one transaction, and an id that is there already is left.
     * *Heartbeats*: no; each of its statements has a limit below the attempt's.
     * *Fails with*: LedgerUnavailable.
     */
    append: ({ entries }) =>
      orUnavailable(async () => (await ledger?.append(entries)) ?? { added: 0 }),

    /**
     * *Effect*: a line in the file of anchors, where one is due.
     * *Idempotent because*: a head that was signed is not due.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: LedgerUnavailable.
     */
    anchor: () => orUnavailable(async () => ledger?.anchor()),

    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; its statement has a limit.
     * *Fails with*: LedgerUnavailable.
     */
    validationsOf: ({ bundleDigest }) =>
      orUnavailable(async () => (await ledger?.validationsOf(bundleDigest)) ?? []),
  };
}

async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (failureType(error)) throw error;
    throw failure('LedgerUnavailable', messageOf(error));
  }
}
