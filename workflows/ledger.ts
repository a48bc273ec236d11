/** Writes what a rollout leaves behind into the ledger, and waits for the database as long as it takes. */
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  log,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ofRollout } from './attributes.ts';
import {
  ENTRIES_SIGNAL,
  LEDGER_WORKFLOW,
  type LedgerEntry,
  ledgerWorkflowId,
  type RecordingActivities,
} from './contract.ts';
import { APPEND_LIMITS, CARRY_LIMITS, entriesIn, inBatches } from './domain/ledger-intake.ts';

/** What a run is given: whose records it writes, and those that another run has passed on. */
export interface LedgerInput {
  readonly rollout: string;
  readonly pending?: readonly LedgerEntry[];
}

/** Tried without end; the store's own limits for a statement must be below what an attempt has. */
const { append } = proxyActivities<RecordingActivities>({
  startToCloseTimeout: '30s',
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});
const { anchor } = proxyActivities<RecordingActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '60s',
  retry: { maximumAttempts: 2 },
});

/** Entries come in bursts: the next one may as well find this run. */
const LINGER_MS = 10_000;
/** Half a millisecond of the worker's time each: a busy one has to go through all of them within five seconds. */
const MAX_SIGNALS = 500;

/**
 * Lives as long as there is something to write. No cancellation ends it before, since nothing of what
 * it was given may be lost; Temporal refuses its end where a signal has come meanwhile.
 */
export async function ledgerWorkflow(input: LedgerInput): Promise<void> {
  await CancellationScope.nonCancellable(() => new Keeper(input).run());
}

class Keeper {
  private readonly rollout: string;
  /** By id, in the order of arrival. */
  private readonly pending = new Map<string, LedgerEntry>();
  private since = 0;
  private signals = 0;
  private written = 0;
  private refused = 0;

  constructor({ rollout, pending = [] }: LedgerInput) {
    this.rollout = rollout;
    this.take(pending);
    setHandler(
      defineSignal<[unknown]>(ENTRIES_SIGNAL),
      (signal) => {
        this.signals += 1;
        const { entries, refused } = entriesIn(signal);
        if (refused > 0) log.warn('entries that can not be kept were left out', { refused });
        this.refused += refused;
        this.take(entries);
      },
      { description: 'Writes records: {"entries": [...]}; each id once' },
    );
    upsertSearchAttributes([ofRollout(rollout)]);
  }

  async run(): Promise<void> {
    const grown = condition(() => this.hasGrown()).then(() => 'Grown' as const);
    for (;;) {
      while (this.pending.size > 0 && !this.hasGrown()) await this.writeUnless(grown);
      if (this.hasGrown()) return await this.goOnAnew();
      if (await condition(() => this.pending.size > 0 || this.hasGrown(), LINGER_MS)) continue;
      await Promise.race([this.anchored(), condition(() => this.pending.size > 0)]);
      if (this.pending.size === 0) return;
    }
  }

  private take(entries: readonly LedgerEntry[]): void {
    if (this.pending.size === 0) this.since = Date.now();
    for (const entry of entries) if (!this.pending.has(entry.id)) this.pending.set(entry.id, entry);
    this.tell();
  }

  private hasGrown(): boolean {
    return this.signals >= MAX_SIGNALS || workflowInfo().continueAsNewSuggested;
  }

  /** Writes one batch; gives up waiting for it, not the batch, once the history has grown. */
  private async writeUnless(grown: Promise<'Grown'>): Promise<void> {
    const [batch = []] = inBatches(this.pending.values(), APPEND_LIMITS);
    const attempt = new CancellationScope();
    const writing = attempt.run(() => append({ entries: batch }));
    if ((await Promise.race([writing, grown])) === 'Grown') {
      attempt.cancel();
      // It may have been written all the same; the next run's repeat adds nothing then.
      await writing.catch(rethrowUnlessCancelled);
      return;
    }
    for (const { id } of batch) this.pending.delete(id);
    this.written += batch.length;
    if (this.pending.size > 0) this.since = Date.now();
    this.tell();
  }

  private async anchored(): Promise<void> {
    try {
      await anchor({ rollout: this.rollout });
    } catch (error) {
      // A later one covers these records as well.
      log.warn('the head of the ledger was not signed', { error: String(error) });
    }
  }

  /** What does not fit into one payload is given to workflows of its own. */
  private async goOnAnew(): Promise<void> {
    const { runId } = workflowInfo();
    for (let part = 1; ; part += 1) {
      const [batch = [], ...more] = inBatches(this.pending.values(), CARRY_LIMITS);
      if (more.length === 0) break;
      await startChild(LEDGER_WORKFLOW, {
        workflowId: `${ledgerWorkflowId(this.rollout)}/${runId}/${part}`,
        args: [{ rollout: this.rollout, pending: batch } satisfies LedgerInput],
        parentClosePolicy: ParentClosePolicy.ABANDON,
      });
      for (const { id } of batch) this.pending.delete(id);
    }
    const pending = [...this.pending.values()];
    await continueAsNew<typeof ledgerWorkflow>({ rollout: this.rollout, pending });
  }

  private tell(): void {
    const refused = this.refused > 0 ? ` ${this.refused} could not be kept, see the log.` : '';
    const waiting = this.pending.size;
    setCurrentDetails(
      waiting === 0
        ? `Nothing waits; this run has written ${this.written} records.${refused}`
        : `${waiting} records wait since ${new Date(this.since).toISOString()} to be written.${refused}`,
    );
  }
}

function rethrowUnlessCancelled(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
