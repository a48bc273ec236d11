/** Work that is never given up: tried again until it succeeds, with the reason where people look. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { FailureType } from './domain/failures.ts';
import { describeFailure, failureType } from './failures.ts';

const SECOND = 1000;
const FIRST_PAUSE_MS = 10 * SECOND;
const LONGEST_PAUSE_MS = 600 * SECOND;

export interface Insistence {
  /** Told of each failure, with when it is tried again. */
  readonly tell: (why: string) => void;
  /** Failures that are answers, and are rethrown. */
  readonly answers?: readonly FailureType[];
  /** From when on the next failure is rethrown; without it never. */
  readonly giveUpAfterMs?: number;
}

/**
 * Runs work until it succeeds, whatever it fails with and whoever cancels: a permission that was
 * taken away comes back once somebody has read what it says.
 */
export async function insist<T>(work: () => Promise<T>, insistence: Insistence): Promise<T> {
  const { tell, answers = [], giveUpAfterMs = Number.POSITIVE_INFINITY } = insistence;
  const begun = Date.now();
  return await CancellationScope.nonCancellable(async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        if (answers.some((type) => type === failureType(error))) throw error;
        if (Date.now() - begun + pauseMs > giveUpAfterMs) throw error;
        tell(`${describeFailure(error)} (tried again in ${pauseMs / SECOND} s)`);
      }
      await sleep(pauseMs, { summary: 'until it is tried again' });
    }
  });
}
