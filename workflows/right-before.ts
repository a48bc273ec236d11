/** Looks once more right before a node is disturbed: its wave looked before it was staged. */
import { ActivityFailure } from '@temporalio/common';
import { isCancellation, patched, sleep } from '@temporalio/workflow';
import type { NodeInput } from './contract.ts';
import { restOfTurnMs } from './domain/freezes.ts';
import { TURN_MS } from './domain/lifecycle.ts';
import { describeFailure } from './failures.ts';
import type { NodeRun } from './node-run.ts';
import type { Steps } from './steps.ts';
import { WindowWatch } from './window-watch.ts';

const SECOND = 1000;
/** A look that is younger is believed. */
const FRESH_MS = 15 * SECOND;
const FIRST_PAUSE_MS = 2 * SECOND;
const LONGEST_PAUSE_MS = 60 * SECOND;

export class RightBefore {
  private readonly input: NodeInput;
  private readonly run: NodeRun;
  private readonly read: Steps['read'];
  /** When it was last known that nothing holds the node. */
  private freeAt = Date.now();

  constructor(input: NodeInput, run: NodeRun, steps: Steps) {
    this.input = input;
    this.run = run;
    this.read = steps.read;
  }

  /**
   * Waits while a CronJob is about to fire or another tool works on the node; returns why it is not
   * waited for any longer, or an empty string. Recovery of workloads counts where nobody but others
   * can have harmed them: the node is untouched, and nothing of the rollout is in work beside it.
   */
  async waitUntilFree(node: 'Untouched' | 'Cordoned'): Promise<string> {
    const { policy } = this.input;
    if (Date.now() - this.freeAt < FRESH_MS || !policy.holds) return '';
    if (!patched('holds-right-before')) return '';
    const begun = Date.now();
    const limitMs = policy.holds.timeoutSeconds * SECOND;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const reason = await this.look(node);
      if (reason === '') {
        this.run.wait('');
        return '';
      }
      const heldMs = Date.now() - begun;
      if (heldMs >= limitMs) {
        return `held back for more than ${policy.holds.timeoutSeconds} s: ${reason}`;
      }
      this.run.wait(reason);
      await sleep(Math.min(pauseMs, limitMs - heldMs), { summary: reason });
    }
  }

  /**
   * Returns why what is left of its window is too short for the rest of its turn, or an empty string.
   * Its wave has looked as well, but the node may have waited since.
   */
  async windowClosed(calendar: NonNullable<NodeInput['calendar']>): Promise<string> {
    const { policy, access, target, expectedMs } = this.input;
    const { closesAt, ...rest } = calendar;
    const openUntilMs = closesAt ? Date.parse(closesAt) : Number.POSITIVE_INFINITY;
    const region = access.region ?? '';
    const watch = new WindowWatch({ policy, region, openUntilMs, ...rest });
    const turnMs = expectedMs ?? TURN_MS[target.disruption];
    const closed = await watch.closed(restOfTurnMs(turnMs, this.run.elapsedMs()));
    return closed?.reason ?? '';
  }

  private async look(state: 'Untouched' | 'Cordoned'): Promise<string> {
    const { access, rollout, target, policy, expectedMs, unhealthyBefore } = this.input;
    const { node, disruption } = target;
    const judged = state === 'Untouched' && unhealthyBefore !== undefined;
    const holds = judged ? policy.holds : { ...policy.holds, recovery: 'Ignore' as const };
    try {
      const look = await this.read.lookBeforeStart({
        ...{ access, rollout, waiting: [{ node, disruption }], inWork: [] },
        policy: { ...policy, holds },
        expectedMs: expectedMs ?? TURN_MS[disruption],
        ...(judged ? { unhealthyBefore } : {}),
      });
      const hold = look.holds.find((entry) => entry.node === undefined || entry.node === node);
      if (!hold) this.freeAt = Date.now();
      return hold?.reason ?? '';
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      if (!patched('holds-unread')) throw error;
      // No fault of the update, and nothing to put back yet.
      return `the cluster can't be read: ${describeFailure(error)}`;
    }
  }
}
