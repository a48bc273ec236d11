/** How a node's turn ends: handed back, undone step by step, or left to a person. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope } from '@temporalio/workflow';
import type { Compensations } from './compensations.ts';
import type { NodeInput, NodeOutcome, NodeOutcomeKind, NodeRef } from './contract.ts';
import { describeFailure, failureType } from './failures.ts';
import { insist } from './last-resort.ts';
import type { NodeRun } from './node-run.ts';
import type { NodeSilence } from './node-silence.ts';
import type { Steps } from './steps.ts';

export interface EndingParts {
  readonly input: NodeInput;
  readonly run: NodeRun;
  readonly steps: Steps;
  readonly undo: Compensations;
  readonly ref: NodeRef;
  readonly holder: string;
  readonly silence: NodeSilence;
}

export class NodeEndings {
  private readonly parts: EndingParts;

  constructor(parts: EndingParts) {
    this.parts = parts;
  }

  /** Makes the node available again; from here on the update stands, whatever is cancelled. */
  async handBack(
    outcome: 'Updated' | 'AlreadyDone',
    cordonedBefore: boolean,
  ): Promise<NodeOutcome> {
    const { input, run, steps, ref, holder } = this.parts;
    try {
      await CancellationScope.nonCancellable(async () => {
        if (input.target.disruption !== 'None') {
          await run.step('Uncordoning', () => this.uncordon(cordonedBefore));
        }
        await run.step('Releasing', () => steps.undo.release({ ...ref, holder }));
      });
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return await this.giveUp(`updated, but not handed back: ${describeFailure(error)}`);
    }
    return await this.finish(outcome, []);
  }

  /** Restores schedulability as it was found; a Node object that is gone needs none. */
  async uncordon(cordonedBefore: boolean): Promise<void> {
    const { steps, ref, holder, run } = this.parts;
    try {
      await steps.undo.uncordon({ ...ref, holder, cordonedBefore });
    } catch (error) {
      if (failureType(error) !== 'NodeGone') throw error;
      run.note({ notes: ['its Node object is gone: there was nothing to uncordon'] });
    }
  }

  /** Undoes in reverse order; where that fails, the node stays cordoned for a person. */
  async unwind(
    outcome: 'Skipped' | 'Deferred' | 'RolledBack',
    reason: string,
  ): Promise<NodeOutcome> {
    const { run, undo } = this.parts;
    try {
      await undo.unwind(({ name }) => run.enter('Unwinding', `${name} (${reason})`));
    } catch (failure) {
      if (!(failure instanceof ActivityFailure)) throw failure;
      return await this.giveUp(`${reason}; the undo failed: ${describeFailure(failure)}`);
    }
    return await this.finish(outcome, [reason]);
  }

  /** Its window has closed before it was disturbed: it has its turn in a later one. */
  async tooLate(reason: string): Promise<NodeOutcome> {
    const ended = await this.unwind('Deferred', reason);
    return ended.outcome === 'Deferred' ? { ...ended, windowClosed: true } : ended;
  }

  /** A Node object that is gone can't be put back, and needs it no more. */
  async gone(reason: string): Promise<NodeOutcome> {
    const why = 'nothing was changed on it, and nothing is left of it to put back';
    return await this.finish('Skipped', [`${reason} ${why}.`]);
  }

  /** Pods were still there when the drain's time was up: the policy says what becomes of the node. */
  async blocked(error: unknown): Promise<NodeOutcome> {
    const { atTimeout, maxQuarantined } = this.parts.input.policy.drain;
    const reason = describeFailure(error);
    if (atTimeout !== 'Quarantine') {
      return await this.unwind(atTimeout === 'Skip' ? 'Skipped' : 'RolledBack', reason);
    }
    try {
      await this.quarantine(reason, maxQuarantined);
    } catch (refusal) {
      if (failureType(refusal) !== 'QuarantineFull') throw refusal;
      return await this.unwind('RolledBack', `${reason}; ${describeFailure(refusal)}`);
    }
    return await this.finish('NeedsAttention', [reason]);
  }

  async giveUp(reason: string): Promise<NodeOutcome> {
    await this.quarantine(reason);
    return await this.finish('NeedsAttention', [reason]);
  }

  /** Tried until it succeeds: a node that is left half-way and does not say so is not an option. */
  private async quarantine(reason: string, limit?: number): Promise<void> {
    const { steps, ref, holder, run, silence } = this.parts;
    // A person is needed, and is told so by the node's alerts as well.
    await silence.end();
    const question = { ...ref, holder, reason, ...(limit === undefined ? {} : { limit }) };
    await insist(() => steps.lastResort.quarantine(question), {
      tell: (why) => run.enter('Unwinding', `quarantine: ${why} (${reason})`),
      answers: limit === undefined ? [] : ['QuarantineFull'],
    });
  }

  /** The node is not in work any more: its alerts are heard again. */
  private async finish(outcome: NodeOutcomeKind, reasons: readonly string[]): Promise<NodeOutcome> {
    await this.parts.silence.end();
    return this.parts.run.finish(outcome, reasons);
  }
}
