/** One node: inspect, lease, stage, cordon, drain, apply, verify, uncordon, release; or all undone. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import { Compensations } from './compensations.ts';
import type { InspectResult, NodeInput, NodeOutcome } from './contract.ts';
import { judgeInspection } from './domain/lifecycle.ts';
import { describeFailure, failureType } from './failures.ts';
import { NodeRun } from './node-run.ts';
import { type Steps, stepsFor } from './steps.ts';

/**
 * Takes one node from the plan's `from` to its `to`, or leaves it as it was found. Cancelling
 * unwinds. Whatever can't be undone leaves the node cordoned as `NeedsAttention`.
 */
export async function nodeWorkflow(input: NodeInput): Promise<NodeOutcome> {
  const saga = new NodeSaga(input);
  try {
    const ended = await saga.prepare();
    if (ended) return ended;
    await saga.change();
  } catch (error) {
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    return await saga.unwind(error);
  }
  return await CancellationScope.nonCancellable(() => saga.handBack());
}

class NodeSaga {
  private readonly run: NodeRun;
  private readonly steps: Steps;
  private readonly undo = new Compensations();
  private readonly ref;
  private readonly holder = workflowInfo().workflowId;
  private readonly transaction: string;
  private readonly input: NodeInput;
  private found: InspectResult | undefined;
  private cordonedBefore = false;
  private leased = false;

  constructor(input: NodeInput) {
    const { target, access, policy } = input;
    this.input = input;
    this.run = new NodeRun(input);
    this.steps = stepsFor(target.cluster, policy);
    this.ref = { access, cluster: target.cluster, node: target.node, address: target.address };
    const run = workflowInfo().runId.slice(0, 8);
    this.transaction = `${input.rollout}-${input.direction.toLowerCase()}-${run}`;
  }

  /** Everything that disturbs nothing; returns an outcome where there is nothing to change. */
  async prepare(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, holder } = this;
    const { target, rollout, direction } = this.input;
    const packages = target.packages.map((entry) => entry.name);
    const found = await run.step('Inspecting', () => steps.read.inspect({ ...ref, packages }));
    const verdict = judgeInspection(target, found);
    if (verdict.kind === 'AlreadyDone') return run.finish('AlreadyDone', []);
    if (verdict.kind === 'Drifted') return run.finish('Skipped', verdict.reasons);
    this.found = found;
    run.learned.containersBefore = found.containers.length;

    undo.push({ name: 'release', run: () => steps.undo.release({ ...ref, holder }) });
    const purpose = `${rollout} (${direction})`;
    const lease = await run.step('Leasing', () =>
      steps.change.lease({ ...ref, holder, for: purpose }),
    );
    this.leased = true;
    this.cordonedBefore = lease.cordonedBefore;

    const staged = { ...ref, packages: target.packages };
    undo.push({ name: 'unstage', run: () => steps.undo.unstage(staged) });
    await run.step('Staging', () => steps.change.stage(staged));
    return undefined;
  }

  /** Everything that disturbs the node, as far as the bundle's class of disruption asks for it. */
  async change(): Promise<void> {
    const { run, steps, undo, ref, holder, transaction, cordonedBefore } = this;
    const { target, policy } = this.input;
    const { packages, disruption } = target;
    if (disruption !== 'None') {
      undo.push({
        name: 'uncordon',
        run: () => steps.undo.uncordon({ ...ref, holder, cordonedBefore }),
      });
      await run.step('Cordoning', () => steps.change.cordon({ ...ref, holder }));
    }
    if (disruption === 'Drain' || disruption === 'Reboot') {
      const drained = await run.step('Draining', () =>
        steps.drain.drain({ ...ref, policy: policy.drain }),
      );
      run.learned.evicted = drained.evicted;
      run.learned.jobPodsLost = drained.jobPodsEvicted;
    }
    undo.push({ name: 'revert', run: () => this.revert() });
    await run.step('Applying', () => steps.change.apply({ ...ref, packages, transaction }));
    run.learned.proof = await run.step('Verifying', () => this.verify('To', steps.verify));
  }

  /** Makes the node available again; from here on the update stands, whatever is cancelled. */
  async handBack(): Promise<NodeOutcome> {
    const { run, steps, ref, holder, cordonedBefore } = this;
    try {
      if (this.input.target.disruption !== 'None') {
        await run.step('Uncordoning', () =>
          steps.undo.uncordon({ ...ref, holder, cordonedBefore }),
        );
      }
      await run.step('Releasing', () => steps.undo.release({ ...ref, holder }));
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return await this.giveUp(`updated, but not handed back: ${describeFailure(error)}`);
    }
    return run.finish('Updated', []);
  }

  /** Undoes in reverse order; where that fails, the node stays cordoned for a person. */
  async unwind(error: unknown): Promise<NodeOutcome> {
    const reason = isCancellation(error) ? 'cancelled' : describeFailure(error);
    try {
      await this.undo.unwind((undo) => this.run.enter('Unwinding', `${undo.name} (${reason})`));
    } catch (failure) {
      if (!(failure instanceof ActivityFailure)) throw failure;
      return await this.giveUp(`${reason}; the undo failed: ${describeFailure(failure)}`);
    }
    if (!this.leased) return this.run.finish('Skipped', [reason]);
    return this.run.finish(failureType(error) === 'JobsRunning' ? 'Deferred' : 'RolledBack', [
      reason,
    ]);
  }

  private async revert(): Promise<void> {
    const { steps, ref, transaction } = this;
    const { packages } = this.input.target;
    await steps.undo.revert({ ...ref, packages, transaction });
    this.run.learned.proof = await this.verify('From', steps.undo);
  }

  private async verify(expect: 'From' | 'To', steps: Steps['verify']) {
    const { target, policy } = this.input;
    return await steps.verify({
      ...this.ref,
      packages: target.packages,
      expect,
      containersBefore: this.found?.containers ?? [],
      containersMustSurvive: target.disruption === 'None' || target.disruption === 'Restart',
      verification: policy.verification,
    });
  }

  private async giveUp(reason: string): Promise<NodeOutcome> {
    const { steps, ref, holder, run } = this;
    await CancellationScope.nonCancellable(() =>
      steps.lastResort.quarantine({ ...ref, holder, reason }),
    );
    return run.finish('NeedsAttention', [reason]);
  }
}
