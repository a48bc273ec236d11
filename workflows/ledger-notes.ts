/** What a workflow has to say to the ledger: noted as it happens, handed over beside its work. */
import { ActivityFailure, TemporalFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  log,
  patched,
  proxyActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  Command,
  LedgerBodies,
  LedgerEntry,
  LedgerKind,
  RecordingActivities,
} from './contract.ts';
import type { RecordedJudgement, Round } from './domain/analysis-types.ts';
import { commandEntry, nextBatch } from './domain/ledger-entries.ts';
import { describeFailure } from './failures.ts';
import type { Message } from './messages.ts';

const SECOND = 1000;
/** Handing over needs Temporal alone and is quick; it is tried until it works. */
const { record } = proxyActivities<RecordingActivities>({
  startToCloseTimeout: 15 * SECOND,
  retry: { initialInterval: SECOND, backoffCoefficient: 2, maximumInterval: 30 * SECOND },
  summary: 'entries of the ledger',
});
/** After a refusal that Temporal does not try again by itself: somebody has to mend a worker. */
const AFTER_REFUSAL_MS = 60 * SECOND;
/** So many entries that can wait are handed over even if nothing else comes. */
const MOST_WAITING = 10;

interface About {
  readonly subject?: string;
  readonly actor?: string;
  /** Set where it may go with the next entry: what comes every half minute would fill the history. */
  readonly canWait?: true;
}

/**
 * Keeps entries until they are handed to the ledger's own workflow, in batches of what has come up
 * meanwhile, one at a time. What waits here is part of the workflow and so survives its worker.
 * Nothing waits for it but the workflow's end.
 */
export class LedgerNotes {
  /** A run of before keeps nothing. */
  private readonly keeps = patched('ledger');
  private readonly rollout: string;
  private readonly waiting: LedgerEntry[] = [];
  private made = 0;
  /** Whether something waits that is not to wait for more. */
  private due = false;

  constructor(rollout: string) {
    this.rollout = rollout;
    if (this.keeps) void CancellationScope.nonCancellable(() => this.handOver());
  }

  /** Notes what has happened now. Its id counts within the run, so a replay gives the same one. */
  note<K extends LedgerKind>(kind: K, body: LedgerBodies[K], about: About = {}): void {
    if (!this.keeps) return;
    const { workflowId, runId } = workflowInfo();
    const { subject, actor, canWait } = about;
    this.made += 1;
    this.waiting.push({
      id: `${workflowId}/${runId}/${this.made}`,
      at: new Date(Date.now()).toISOString(),
      rollout: this.rollout,
      kind,
      ...(subject === undefined ? {} : { subject }),
      ...(actor === undefined ? {} : { actor }),
      body,
    });
    if (!canWait || this.waiting.length >= MOST_WAITING) this.due = true;
  }

  /**
   * Returns what keeps a person's command and its answer. An update that its validator refuses never
   * happened for Temporal: it leaves no event, and so no entry. A signal does, refused or not.
   */
  ofCommand<T extends Command>(
    name: string,
    about: Pick<About, 'subject'> = {},
  ): Required<Pick<Message<T>, 'took' | 'refused'>> {
    const keep = (said: T, answer: string) => {
      const { actor, body } = commandEntry(name, said, answer);
      this.note('Command', body, { ...about, actor });
    };
    return {
      took: keep,
      refused: (said, reasons) => keep(said, `refused: ${reasons.join('; ')}`),
    };
  }

  /** Returns what keeps rounds of measurements and what they come to. */
  ofEvidence() {
    return {
      onRound: (round: Round) =>
        this.note('Measured', round, { subject: round.cluster, canWait: true }),
      onJudgement: (judgement: RecordedJudgement) =>
        this.note('Verdict', judgement, { subject: judgement.wave }),
    };
  }

  /** Returns once everything is handed over, even if the workflow is cancelled. */
  async handedOver(): Promise<void> {
    if (this.waiting.length === 0) return;
    this.due = true;
    await CancellationScope.nonCancellable(() => condition(() => this.waiting.length === 0));
  }

  private async handOver(): Promise<void> {
    for (;;) {
      await condition(() => this.due);
      const entries = nextBatch(this.waiting);
      await this.give(entries);
      this.waiting.splice(0, entries.length);
      this.due = this.waiting.length > 0;
    }
  }

  private async give(entries: readonly LedgerEntry[]): Promise<void> {
    for (;;) {
      try {
        return await record({ rollout: this.rollout, entries });
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
        log.warn('the ledger does not take entries', { why: describeFailure(error) });
        await sleep(AFTER_REFUSAL_MS, { summary: 'until the ledger is asked again' });
      }
    }
  }
}

/**
 * Runs the whole of a workflow, which does not end before its entries are handed over; `failed` notes
 * how it ends without a result. An error that is no failure of Temporal's is a bug: it stops the task
 * at once, which is tried again with mended code and must have left nothing behind.
 */
export async function untilHandedOver<T>(
  work: () => Promise<T>,
  ledger: () => LedgerNotes | undefined,
  failed?: (failure: TemporalFailure) => void,
): Promise<T> {
  const result = await work().catch(async (error: unknown) => {
    if (!(error instanceof TemporalFailure)) throw error;
    failed?.(error);
    await ledger()?.handedOver();
    throw error;
  });
  await ledger()?.handedOver();
  return result;
}
