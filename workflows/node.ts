/** One node: inspect, lease, stage, cordon, drain, apply, reboot, verify, uncordon, release; or all undone. */
import { ActivityFailure } from '@temporalio/common';
import { isCancellation, patched, sleep, workflowInfo } from '@temporalio/workflow';
import { beside } from './beside.ts';
import { Compensations } from './compensations.ts';
import type { DrainResult, InspectResult, NodeInput, NodeOutcome } from './contract.ts';
import { type Baseline, judgeBaseline, onWayBack, withoutProbes } from './domain/baseline.ts';
import type { NodeLease } from './domain/inventory.ts';
import { judgeInspection, judgeSecondLook } from './domain/lifecycle.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { describeFailure, doneBefore, failureType } from './failures.ts';
import { JobQuestion } from './job-question.ts';
import { untilHandedOver } from './ledger-notes.ts';
import { NodeEndings } from './node-endings.ts';
import { NodeRun } from './node-run.ts';
import { NodeSilence } from './node-silence.ts';
import { RightBefore } from './right-before.ts';
import { type Steps, stepsFor } from './steps.ts';

/**
 * Takes one node from the plan's `from` to its `to`, or leaves it as it was found. Cancelling
 * unwinds. Whatever can't be undone leaves the node cordoned as `NeedsAttention`.
 */
export async function nodeWorkflow(input: NodeInput): Promise<NodeOutcome> {
  const saga = new NodeSaga(input);
  return await untilHandedOver(
    () => runOf(saga),
    () => saga.jobs.ledger,
  );
}

async function runOf(saga: NodeSaga): Promise<NodeOutcome> {
  try {
    const ended = (await saga.prepare()) ?? (await saga.empty()) ?? (await saga.change());
    if (ended) return ended;
  } catch (error) {
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    return await saga.fail(error);
  }
  return await saga.handBack();
}

/** For how long, and how far apart, a node is looked at that an ended run has left under way. */
const SETTLING_MS = 30_000;
/** The same while a transaction still runs there: dpkg's lock may be waited for, and downloads made. */
const TRANSACTION_MS = 600_000;
const LOOK_AGAIN_MS = 5000;
const LONGEST_SUMMARY = 200;

function endedInItsMidst({ since, for: purpose }: NodeLease): string {
  return `the run of "${purpose}" was ended from outside in its midst (leased since ${since})`;
}

/** What Temporal shows beside the name of each step. */
function summaryOf({ packages }: PlannedNode): string {
  return packages
    .map(({ name, to }) => `${name} ${to.version}`)
    .join(', ')
    .slice(0, LONGEST_SUMMARY);
}

class NodeSaga {
  private readonly run: NodeRun;
  private readonly steps: Steps;
  private readonly undo = new Compensations();
  private readonly endings: NodeEndings;
  private readonly before: RightBefore;
  private readonly silence: NodeSilence;
  readonly jobs: JobQuestion;
  private readonly ref;
  private readonly holder = workflowInfo().workflowId;
  private readonly transaction: string;
  private readonly input: NodeInput;
  private found: InspectResult | undefined;
  /** The lease of a run that was ended in its midst, until it is known that it has changed nothing. */
  private leftOver: NodeLease | undefined;
  /** What of the verification did not pass before anything was disturbed; absent until it is known. */
  private baseline: Baseline | undefined;
  private cordonedBefore = false;
  private leased = false;
  private changed = false;
  private rebooting = false;

  constructor(input: NodeInput) {
    const { target, access, policy } = input;
    const { holder, undo } = this;
    this.input = input;
    this.run = new NodeRun(input);
    this.jobs = new JobQuestion(input.rollout, target, this.run);
    this.steps = stepsFor(target.cluster, policy, summaryOf(target));
    const { cluster, node, address } = target;
    this.ref = { access, cluster, node, address, rollout: input.rollout };
    this.silence = new NodeSilence(input, this.run);
    const { run, steps, ref, silence } = this;
    this.endings = new NodeEndings({ input, run, steps, undo, ref, holder, silence });
    this.before = new RightBefore(input, run, steps);
    const runId = workflowInfo().runId.slice(0, 8);
    this.transaction = `${input.rollout}-${input.direction.toLowerCase()}-${runId}`;
  }

  /** Everything that disturbs nothing; returns an outcome where there is nothing to change. */
  async prepare(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, holder } = this;
    const { found, verdict } = await run.step('Inspecting', () => this.firstLook());
    if (verdict.kind === 'AlreadyDone') {
      return this.leftOver
        ? await this.finishForAnother(this.leftOver)
        : run.finish('AlreadyDone', []);
    }
    if (verdict.kind === 'Drifted') {
      if (!this.leftOver) return run.finish('Skipped', verdict.reasons);
      const reasons = verdict.reasons.join('; ');
      return await this.endings.giveUp(`${endedInItsMidst(this.leftOver)}: ${reasons}`);
    }
    this.found = found;
    run.learned.containersBefore = found.containers.length;
    undo.push({ name: 'release', run: () => steps.undo.release({ ...ref, holder }) });
    await run.step('Leasing', () => this.takeLease());
    // A cordon that an ended run has left is ours to take off, whatever comes next.
    if (this.leftOver && patched('cordon-left-behind')) this.willUncordon();
    this.leftOver = undefined;

    undo.push({ name: 'unstage', run: () => this.unstage() });
    const unfit = await run.step('Staging', () => this.stage(found));
    return unfit.length > 0 ? await this.endings.unwind('Skipped', unfit.join('; ')) : undefined;
  }

  /** Neither staging nor the baseline disturbs anything; returns why the node is left alone. */
  private async stage({ containers }: InspectResult): Promise<readonly string[]> {
    const { run, steps, ref } = this;
    const { target, policy } = this.input;
    const stage = () => steps.change.stage({ ...ref, packages: target.packages });
    if (!patched('baseline')) {
      run.note(await stage());
      return [];
    }
    this.undo.push({ name: 'probe', run: () => this.clearProbe() });
    // A way back is in a hurry, and does not wait for a probe that the update may have broken.
    const { probeImage, ...withoutProbe } = policy.verification;
    const forward = this.input.direction === 'Forward';
    const verification = forward ? policy.verification : withoutProbe;
    const [staged, baseline] = await beside(stage, () =>
      steps.verify.baseline({ ...ref, containersBefore: containers, verification }),
    );
    run.note(staged);
    this.baseline = forward ? baseline : onWayBack(baseline);
    run.learned.alreadyFailing = this.baseline.alreadyFailing;
    return forward ? judgeBaseline(baseline) : [];
  }

  /** Takes the workload away, as far as the bundle's class of disruption asks for it. */
  async empty(): Promise<NodeOutcome | undefined> {
    const { run, steps, ref, holder } = this;
    const { disruption } = this.input.target;
    const held = disruption === 'None' ? '' : await this.before.waitUntilFree('Untouched');
    if (held !== '') return await this.endings.unwind('Skipped', held);
    const late = this.input.calendar ? await this.before.windowClosed(this.input.calendar) : '';
    if (late !== '') return await this.endings.tooLate(late);
    await this.silence.begin();
    if (disruption === 'None') return undefined;
    this.willUncordon();
    await run.step('Cordoning', () => steps.change.cordon({ ...ref, holder }));
    return disruption === 'Restart' ? undefined : await this.emptied();
  }

  private willUncordon(): void {
    this.undo.push({ name: 'uncordon', run: () => this.takeOffCordon() });
  }

  /** A node that another holder has leased meanwhile is its matter: it stays as it is. */
  private async takeOffCordon(): Promise<void> {
    try {
      await this.endings.uncordon(this.cordonedBefore);
    } catch (error) {
      if (failureType(error) !== 'LeaseHeld' || !patched('cordon-of-others')) throw error;
      this.run.note({ notes: [`its cordon was left as it is: ${describeFailure(error)}`] });
    }
  }

  /** Returns an outcome where pods can't be made to leave. */
  private async emptied(): Promise<NodeOutcome | undefined> {
    try {
      const drained = await this.run.step('Draining', () => this.drain());
      if (typeof drained === 'string') {
        return await this.endings.unwind(this.changed ? 'RolledBack' : 'Skipped', drained);
      }
      this.learnDrained(drained);
    } catch (error) {
      this.learnDrained(doneBefore<DrainResult>(error));
      if (failureType(error) !== 'DrainBlocked') throw error;
      if (this.changed) return await this.endings.unwind('RolledBack', describeFailure(error));
      return await this.endings.blocked(error);
    }
    return undefined;
  }

  /** Changes the node and proves it; returns an outcome where it is not as it was found any more. */
  async change(): Promise<NodeOutcome | undefined> {
    const { run, steps, undo, ref, transaction, found } = this;
    const { target } = this.input;
    const { packages, disruption } = target;
    if (found && patched('second-look')) {
      const now = await this.inspect(steps.change.inspect);
      const reasons = judgeSecondLook(target, found, now, this.holderOfCordon());
      // Who uncordons a node does not want it cordoned again; one that rejoined nobody uncordoned.
      if (!now.unschedulable && now.uid === found.uid) this.cordonedBefore = false;
      if (reasons.length > 0) return await this.endings.unwind('Skipped', reasons.join('; '));
      this.found = now;
    }
    run.learned.containersBefore = this.found?.containers.length ?? 0;
    undo.push({ name: 'revert', run: () => this.revert() });
    this.changed = true;
    await run.step('Applying', () => steps.change.apply({ ...ref, packages, transaction }));
    if (disruption === 'Reboot') {
      // Pods that tolerate the cordon may have come while packages were installed: they go as well.
      const blocked = patched('drain-before-reboot') ? await this.emptied() : undefined;
      if (blocked) return blocked;
      await run.step('Rebooting', () => this.reboot());
    }
    run.learned.proof = await run.step('Verifying', () => this.verify('To', steps.verify));
    return undefined;
  }

  private async reboot() {
    this.rebooting = true;
    const { timeoutSeconds } = this.input.policy.reboot;
    const bootId = this.found?.host.bootId ?? '';
    return await this.steps.reboot({ ...this.ref, bootId, timeoutSeconds });
  }

  async handBack(outcome: 'Updated' | 'AlreadyDone' = 'Updated'): Promise<NodeOutcome> {
    return await this.endings.handBack(outcome, this.cordonedBefore);
  }

  /** Ends a run that a step's failure or a cancellation has cut short. */
  async fail(error: unknown): Promise<NodeOutcome> {
    const reason = isCancellation(error) ? 'cancelled' : describeFailure(error);
    if (this.leftOver) {
      return await this.endings.giveUp(`${endedInItsMidst(this.leftOver)}: ${reason}`);
    }
    const type = failureType(error);
    // A node that is gone can't be put back: where it was changed, a person has to look for it.
    if (type === 'NodeNotBack') return await this.endings.giveUp(reason);
    if (type === 'NodeGone' && !this.changed) return await this.endings.gone(reason);
    if (!this.leased) return await this.endings.unwind('Skipped', reason);
    return await this.endings.unwind(type === 'JobsRunning' ? 'Deferred' : 'RolledBack', reason);
  }

  /**
   * A lease of this node's workflow that stands there now is of a run that was terminated: whatever
   * it had going on the host may still be under way, and gets some time to come to its end.
   */
  private async firstLook() {
    const { target, policy } = this.input;
    const begun = Date.now();
    for (;;) {
      const found = await this.inspect(this.steps.inspect);
      const verdict = judgeInspection(target, found, policy.maxClockSkewSeconds);
      this.leftOver = found.lease?.holder === this.holder ? found.lease : undefined;
      const busy = (found.runningTransactions?.length ?? 0) > 0;
      const settling = this.leftOver !== undefined && verdict.kind === 'Drifted';
      const limitMs = busy ? TRANSACTION_MS : SETTLING_MS;
      if ((!busy && !settling) || Date.now() - begun >= limitMs) return { found, verdict };
      await sleep(LOOK_AGAIN_MS, { summary: 'what an ended run left under way' });
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
      return await this.endings.giveUp(`${endedInItsMidst(leftOver)}: ${describeFailure(error)}`);
    }
    return await this.handBack('AlreadyDone');
  }

  /** Who must still have the node cordoned and leased when it is changed; nobody where it never was. */
  private holderOfCordon(): string | undefined {
    if (this.input.target.disruption === 'None' || !patched('second-look-at-cordon'))
      return undefined;
    return this.holder;
  }

  /** Staged packages that stay on the node harm nobody: that is no reason to leave it to a person. */
  private async unstage(): Promise<void> {
    const { steps, ref, run } = this;
    try {
      await steps.unstage({ ...ref, packages: this.input.target.packages });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || !patched('unstage-is-no-condition')) throw error;
      const left = `staged packages were left in /var/cache/tidegate: ${describeFailure(error)}`;
      run.note({ notes: [left] });
    }
  }

  /** A baseline that was cut short may have left its probe, which ends by itself: no reason for a person. */
  private async clearProbe(): Promise<void> {
    if (this.baseline) return;
    try {
      await this.steps.clearProbe(this.ref);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      this.run.note({ notes: [`a probe pod may be left: ${describeFailure(error)}`] });
    }
  }

  private async inspect(inspect: Steps['inspect']): Promise<InspectResult> {
    const packages = this.input.target.packages.map((entry) => entry.name);
    const found = await inspect({ ...this.ref, packages });
    return { ...found, containers: withoutProbes(found.containers) };
  }

  /**
   * Jobs may outlast their time: where the policy asks a person, what that person says is done.
   * Returns why the node is left alone where something else holds it by then.
   */
  private async drain(): Promise<DrainResult | string> {
    const drain = { ...this.ref, policy: this.input.policy.drain };
    for (;;) {
      try {
        const jobChoice = this.jobs.answer;
        return await this.steps.drain.drain({ ...drain, ...(jobChoice ? { jobChoice } : {}) });
      } catch (error) {
        if (failureType(error) !== 'JobsUndecided') throw error;
        this.learnDrained(doneBefore<DrainResult>(error));
        await this.jobs.ask(describeFailure(error));
        const held = await this.before.waitUntilFree('Cordoned');
        if (held !== '') return held;
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

  private async revert(): Promise<void> {
    const { steps, ref, transaction, run } = this;
    const { packages } = this.input.target;
    await steps.undo.revert({ ...ref, packages, transaction });
    if (this.rebooting) {
      const { bootId } = (await this.inspect(steps.undo.inspect)).host;
      const { timeoutSeconds } = this.input.policy.reboot;
      run.note(await steps.reboot({ ...ref, bootId, timeoutSeconds }));
    }
    const proof = await this.verify('From', steps.undoVerify);
    run.learned.proof = proof;
    run.note(proof);
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
      ...(this.baseline ? { baseline: this.baseline } : {}),
      verification: policy.verification,
    });
  }
}
