/** One node: inspect, lease, stage, cordon, drain, apply, reboot, verify, uncordon, release; or all undone. */
import { ActivityFailure } from '@temporalio/common';
import {
  CancellationScope,
  isCancellation,
  patched,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { Compensations } from './compensations.ts';
import type { DrainResult, InspectResult, NodeInput, NodeOutcome } from './contract.ts';
import type { NodeLease } from './domain/inventory.ts';
import { judgeInspection, judgeSecondLook } from './domain/lifecycle.ts';
import { describeFailure, doneBefore, failureType } from './failures.ts';
import { JobQuestion } from './job-question.ts';
import { NodeRun } from './node-run.ts';
import { type Steps, stepsFor } from './steps.ts';

/**
 * Takes one node from the plan's `from` to its `to`, or leaves it as it was found. Cancelling
 * unwinds. Whatever can't be undone leaves the node cordoned as `NeedsAttention`.
 */
export async function nodeWorkflow(input: NodeInput): Promise<NodeOutcome> {
  const saga = new NodeSaga(input);
  try {
    const ended = (await saga.prepare()) ?? (await saga.empty()) ?? (await saga.change());
    if (ended) return ended;
  } catch (error) {
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    return await saga.fail(error);
  }
  return await CancellationScope.nonCancellable(() => saga.handBack());
}

/** How often, and how far apart, a node is looked at that an ended run has left under way. */
const SETTLING_LOOKS = 7;
const SETTLING_MS = 5000;

function endedInItsMidst({ since, for: purpose }: NodeLease): string {
  return `the run of "${purpose}" was ended from outside in its midst (leased since ${since})`;
}

class NodeSaga {
  private readonly run: NodeRun;
  private readonly steps: Steps;
  private readonly undo = new Compensations();
  private readonly jobs: JobQuestion;
  private readonly ref;
  private readonly holder = workflowInfo().workflowId;
  private readonly transaction: string;
  private readonly input: NodeInput;
  private found: InspectResult | undefined;
  private cordonedBefore = false;
  private leased = false;
  private rebooting = false;

  constructor(input: NodeInput) {
    const { target, access, policy } = input;
    this.input = input;
    this.run = new NodeRun(input);
    this.jobs = new JobQuestion(input.rollout, target.node, this.run);
    this.steps = stepsFor(target.cluster, policy);
    this.ref = { access, cluster: target.cluster, node: target.node, address: target.address };
    const run = workflowInfo().runId.slice(0, 8);
    this.transaction = `${input.rollout}-${input.direction.toLowerCase()}-${run}`;
  }

  /** Everything that disturbs nothing; returns an outcome where there is nothing to change. */
  async prepare(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, holder } = this;
    const { target } = this.input;
    const { found, verdict, leftOver } = await run.step('Inspecting', () => this.firstLook());
    if (verdict.kind === 'AlreadyDone') {
      if (leftOver) return await this.finishForAnother(leftOver);
      return run.finish('AlreadyDone', []);
    }
    if (verdict.kind === 'Drifted') {
      const reasons = verdict.reasons.join('; ');
      if (leftOver) return await this.giveUp(`${endedInItsMidst(leftOver)}: ${reasons}`);
      return run.finish('Skipped', verdict.reasons);
    }
    this.found = found;
    run.learned.containersBefore = found.containers.length;
    undo.push({ name: 'release', run: () => steps.undo.release({ ...ref, holder }) });
    await run.step('Leasing', () => this.takeLease());

    const staged = { ...ref, packages: target.packages };
    undo.push({ name: 'unstage', run: () => steps.undo.unstage(staged) });
    await run.step('Staging', () => steps.change.stage(staged));
    return undefined;
  }

  /** Takes the workload away, as far as the bundle's class of disruption asks for it. */
  async empty(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, holder, cordonedBefore } = this;
    const { disruption } = this.input.target;
    if (disruption === 'None') return undefined;
    undo.push({
      name: 'uncordon',
      run: () => steps.undo.uncordon({ ...ref, holder, cordonedBefore }),
    });
    await run.step('Cordoning', () => steps.change.cordon({ ...ref, holder }));
    if (disruption === 'Restart') return undefined;
    try {
      this.learnDrained(await run.step('Draining', () => this.drain()));
    } catch (error) {
      this.learnDrained(doneBefore<DrainResult>(error));
      if (failureType(error) !== 'DrainBlocked') throw error;
      return await this.blocked(error);
    }
    return undefined;
  }

  /** Changes the node and proves it; returns an outcome where it is not as it was found any more. */
  async change(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, transaction, found } = this;
    const { target, policy } = this.input;
    const { packages, disruption } = target;
    if (found && patched('second-look')) {
      const now = await this.inspect(steps.change.inspect);
      const reasons = judgeSecondLook(target, found, now);
      if (reasons.length > 0) return await this.unwind('Skipped', reasons.join('; '));
      this.found = now;
    }
    run.learned.containersBefore = this.found?.containers.length ?? 0;
    undo.push({ name: 'revert', run: () => this.revert() });
    await run.step('Applying', () => steps.change.apply({ ...ref, packages, transaction }));
    if (disruption === 'Reboot') {
      this.rebooting = true;
      const { timeoutSeconds } = policy.reboot;
      const bootId = this.found?.host.bootId ?? '';
      await run.step('Rebooting', () => steps.reboot({ ...ref, bootId, timeoutSeconds }));
    }
    run.learned.proof = await run.step('Verifying', () => this.verify('To', steps.verify));
    return undefined;
  }

  /** Makes the node available again; from here on the update stands, whatever is cancelled. */
  async handBack(outcome: 'Updated' | 'AlreadyDone' = 'Updated'): Promise<NodeOutcome> {
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
    return run.finish(outcome, []);
  }

  /** Ends a run that a step's failure or a cancellation has cut short. */
  async fail(error: unknown): Promise<NodeOutcome> {
    const reason = isCancellation(error) ? 'cancelled' : describeFailure(error);
    // A node that is gone can't be put back: a person has to look at it.
    if (failureType(error) === 'NodeNotBack') return await this.giveUp(reason);
    if (!this.leased) return await this.unwind('Skipped', reason);
    const later = failureType(error) === 'JobsRunning';
    return await this.unwind(later ? 'Deferred' : 'RolledBack', reason);
  }

  /**
   * A lease of this node's workflow that stands there now is of a run that was terminated: whatever
   * it had going on the host may still be under way, and gets some time to come to its end.
   */
  private async firstLook() {
    const { target, policy } = this.input;
    for (let looks = 1; ; looks++) {
      const found = await this.inspect(this.steps.inspect);
      const verdict = judgeInspection(target, found, policy.maxClockSkewSeconds);
      const leftOver = found.lease?.holder === this.holder ? found.lease : undefined;
      if (!leftOver || verdict.kind !== 'Drifted' || looks >= SETTLING_LOOKS) {
        return { found, verdict, leftOver };
      }
      await sleep(SETTLING_MS, { summary: 'what an ended run left under way' });
    }
  }

  private async takeLease() {
    const { steps, ref, holder } = this;
    const { rollout, direction } = this.input;
    const lease = await steps.change.lease({ ...ref, holder, for: `${rollout} (${direction})` });
    this.leased = true;
    this.cordonedBefore = lease.cordonedBefore;
    return lease;
  }

  /** The run that updated the node was ended before it had proved that and handed the node back. */
  private async finishForAnother(leftOver: NodeLease): Promise<NodeOutcome> {
    const { run, steps } = this;
    await run.step('Leasing', () => this.takeLease());
    try {
      run.learned.proof = await run.step('Verifying', () => this.verify('To', steps.verify));
    } catch (error) {
      if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
      return await this.giveUp(`${endedInItsMidst(leftOver)}: ${describeFailure(error)}`);
    }
    return await CancellationScope.nonCancellable(() => this.handBack('AlreadyDone'));
  }

  private async inspect(inspect: Steps['inspect']): Promise<InspectResult> {
    const packages = this.input.target.packages.map((entry) => entry.name);
    return await inspect({ ...this.ref, packages });
  }

  /** Jobs may outlast their time: where the policy asks a person, what that person says is done. */
  private async drain() {
    const drain = { ...this.ref, policy: this.input.policy.drain };
    for (;;) {
      try {
        const jobChoice = this.jobs.answer;
        return await this.steps.drain.drain({ ...drain, ...(jobChoice ? { jobChoice } : {}) });
      } catch (error) {
        if (failureType(error) !== 'JobsUndecided') throw error;
        this.learnDrained(doneBefore<DrainResult>(error));
        await this.jobs.ask(describeFailure(error));
      }
    }
  }

  /** Each run of the drain tells what it did itself; pods that went are told whatever comes of it. */
  private learnDrained({ evicted = [], jobPodsEvicted = [], notes = [] }: Partial<DrainResult>) {
    const { learned } = this.run;
    learned.evicted = [...new Set([...learned.evicted, ...evicted])];
    learned.jobPodsLost = [...new Set([...learned.jobPodsLost, ...jobPodsEvicted])];
    this.run.note({ notes });
  }

  /** Pods were still there when the drain's time was up: the policy says what becomes of the node. */
  private async blocked(error: unknown): Promise<NodeOutcome> {
    const { steps, ref, holder } = this;
    const { atTimeout, maxQuarantined } = this.input.policy.drain;
    const reason = describeFailure(error);
    if (atTimeout !== 'Quarantine') {
      return await this.unwind(atTimeout === 'Skip' ? 'Skipped' : 'RolledBack', reason);
    }
    try {
      await CancellationScope.nonCancellable(() =>
        steps.lastResort.quarantine({ ...ref, holder, reason, limit: maxQuarantined }),
      );
    } catch (refusal) {
      if (failureType(refusal) !== 'QuarantineFull') throw refusal;
      return await this.unwind('RolledBack', `${reason}; ${describeFailure(refusal)}`);
    }
    return this.run.finish('NeedsAttention', [reason]);
  }

  /** Undoes in reverse order; where that fails, the node stays cordoned for a person. */
  private async unwind(
    outcome: 'Skipped' | 'Deferred' | 'RolledBack',
    reason: string,
  ): Promise<NodeOutcome> {
    try {
      await this.undo.unwind((undo) => this.run.enter('Unwinding', `${undo.name} (${reason})`));
    } catch (failure) {
      if (!(failure instanceof ActivityFailure)) throw failure;
      return await this.giveUp(`${reason}; the undo failed: ${describeFailure(failure)}`);
    }
    return this.run.finish(outcome, [reason]);
  }

  private async revert(): Promise<void> {
    const { steps, ref, transaction, run } = this;
    const { packages } = this.input.target;
    await steps.undo.revert({ ...ref, packages, transaction });
    if (this.rebooting) {
      const { bootId } = (await this.inspect(steps.undo.inspect)).host;
      const { timeoutSeconds } = this.input.policy.reboot;
      run.note(await steps.reboot({ ...ref, bootId, timeoutSeconds }));
    }
    run.learned.proof = await this.verify('From', steps.undoVerify);
  }

  private async verify(expect: 'From' | 'To', steps: Pick<Steps['verify'], 'verify'>) {
    const { target, policy } = this.input;
    const survives = target.disruption === 'None' || target.disruption === 'Restart';
    return await steps.verify({
      ...this.ref,
      packages: target.packages,
      expect,
      containersBefore: this.found?.containers ?? [],
      containersMustSurvive: survives,
      ...(target.disruption === 'Reboot' ? { mayRejoin: true } : {}),
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
