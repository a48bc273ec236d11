/** A fake ledger: keeps what `record` was given, and fails or hangs where a test says so. */
import { ApplicationFailure } from '@temporalio/common';
import type { LedgerEntry, LedgerKind, RecordingActivities } from '../../workflows/contract.ts';

export class FakeRecords {
  /** What arrived, in order; what arrived twice is in here twice. */
  readonly entries: LedgerEntry[] = [];
  /** Number of calls that were answered. */
  batches = 0;
  /** Number of calls that failed. */
  failures = 0;
  /** Whether nobody takes entries now, asked at each call. */
  isDown: () => boolean = () => false;

  of(kind: LedgerKind): LedgerEntry[] {
    return this.entries.filter((entry) => entry.kind === kind);
  }

  activities(): Omit<RecordingActivities, 'judge'> {
    return {
      record: async ({ entries }) => {
        if (this.isDown()) {
          this.failures += 1;
          throw ApplicationFailure.retryable('nobody takes entries now', 'TemporalUnavailable');
        }
        this.batches += 1;
        this.entries.push(...entries);
      },
      append: async ({ entries }) => ({ added: entries.length }),
      anchor: async () => undefined,
      validationsOf: async () => [],
    };
  }
}
