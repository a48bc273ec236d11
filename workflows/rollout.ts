import {
  condition,
  isCancellation,
  patched,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type NodeOutcome,
  PLANNING_OPTIONS,
  type PlanningActivities,
  type RolloutOutcome,
  type RolloutOutcomeKind,
  rolloutNameOf,
  UNDO_OPTIONS,
  type WaveInput,
  type WaveOutcome,
} from './contract.ts';
import {
  isFailedNode,
  keyOf,
  laterWaves,
  leftAlone,
  slowestTurnMs,
  waveFailure,
} from './domain/lifecycle.ts';
import type { Plan, PlannedWave } from './domain/plan-types.ts';
import { describeFailure, failureType, failWorkflow } from './failures.ts';
import { RolloutDesk } from './rollout-desk.ts';
import { ClusterLeases } from './rollout-leases.ts';
import { RolloutState } from './rollout-state.ts';
import { runWaveOf } from './rollout-wave.ts';
import { stepsFor } from './steps.ts';

const SECOND = 1000;

const planning = proxyActivities<PlanningActivities>(PLANNING_OPTIONS);
/** The way back does not depend on how often its plan can be tried. */
const { planRollback } = proxyActivities<PlanningActivities>(UNDO_OPTIONS);

/**
 * Rolls a bundle through a fleet. `request` is a Rollout document, checked by the activity `plan`.
 * Returns what happened to every node; fails only for input that can't be planned. Cancelling
 * unwinds the nodes in work, gives the leases back and ends as Cancelled.
 */
export async function rolloutWorkflow(request: unknown): Promise<RolloutOutcome> {
  const rollout = new RolloutRun(nameOf(request));
  await rollout.plan(request);
  if (rollout.nothingToDo())
    return rollout.finish('Succeeded', ['every node is as wanted already']);
  const refused = await rollout.awaitApproval();
  if (refused) return rollout.finish(refused.outcome, [refused.reason]);
  let left: readonly string[] = [];
  let outcome: RolloutOutcome;
  try {
    outcome = await rollout.run();
  } catch (error) {
    if (isCancellation(error)) rollout.cancelled();
    throw error;
  } finally {
    left = await rollout.leases.giveBack();
  }
  return left.length === 0
    ? outcome
    : rollout.finish(outcome.outcome, [...outcome.reasons, ...left]);
}

class RolloutRun {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  readonly leases: ClusterLeases;
  private readonly startedAt = new Date(Date.now()).toISOString();
  /** By cluster: workloads that were unhealthy before any node was touched. */
  private readonly unhealthyBefore: Record<string, readonly string[]> = {};
  private noRoom = false;

  constructor(name: string) {
    this.state = new RolloutState(name);
    this.desk = new RolloutDesk(this.state);
    this.leases = new ClusterLeases(this.state, this.desk);
  }

  async plan(request: unknown): Promise<void> {
    this.state.setPlan(await planning.plan({ request }).catch(failWorkflow));
  }

  nothingToDo(): boolean {
    return this.state.plan.waves.length === 0;
  }

  /** Returns how the rollout ends here, or undefined once the plan is approved. */
  async awaitApproval(): Promise<{ outcome: 'Rejected' | 'Halted'; reason: string } | undefined> {
    const { approval } = this.state.plan.policy.spec;
    if (!approval.required) return undefined;
    const { desk, state } = this;
    desk.open();
    state.enter('AwaitingApproval', `approval of ${state.plan.digest}`);
    const decided = await condition(() => desk.decided(), approval.expirySeconds * SECOND, {
      summary: 'approval deadline',
    });
    desk.close();
    if (!decided) {
      const reason = `nobody approved within ${approval.expirySeconds} s`;
      return { outcome: 'Rejected', reason };
    }
    if (desk.rejection !== '') return { outcome: 'Rejected', reason: desk.rejection };
    return desk.interrupted() ? { outcome: 'Halted', reason: desk.interruption() } : undefined;
  }

  /** From the Leases on, which the caller gives back. */
  async run(): Promise<RolloutOutcome> {
    await this.desk.unpaused();
    const blocked = await this.leases.take();
    if (blocked !== '') return this.finish('Halted', [blocked]);
    await this.lookFirst();
    const failure = await this.forward();
    if (failure === '') return this.succeed();
    return this.goesBack() ? await this.back(failure) : this.finish('Halted', [failure]);
  }

  /** Shows that the workflow was cancelled; its nodes in work have been unwound. */
  cancelled(): void {
    this.state.enter('Halted');
  }

  /** Runs canary and waves; returns why it ended early, or an empty string. */
  private async forward(): Promise<string> {
    const failure = await this.runAll(this.state.plan.waves);
    if (failure !== '') return failure;
    const deferred = this.state.updated.filter((entry) => entry.outcome === 'Deferred').map(keyOf);
    const later = laterWaves(this.state.plan, deferred);
    this.state.expectWaves(later);
    return await this.runAll(later);
  }

  /** What is unhealthy already is not waited for later; a cluster that can't be read is asked again. */
  private async lookFirst(): Promise<void> {
    if (!patched('look-before-start')) return;
    const { clusters, policy } = this.state.plan;
    for (const access of clusters) {
      const { read } = stepsFor(access.cluster, policy.spec);
      const question = { rollout: this.state.name, waiting: [], inWork: [], expectedMs: 0 };
      try {
        const look = await read.lookBeforeStart({ access, ...question, policy: policy.spec });
        this.unhealthyBefore[access.cluster] = look.unhealthy;
      } catch (error) {
        if (failureType(error) === undefined) throw error;
      }
    }
  }

  private async runAll(waves: readonly PlannedWave[]): Promise<string> {
    const { plan } = this.state;
    for (const wave of waves) {
      await this.desk.unpaused();
      if (this.desk.interrupted()) return this.desk.interruption();
      this.state.enter(wave.canary ? 'Canary' : 'Wave');
      const budget = this.budgetFor(wave);
      const outcome = await this.runWave({ plan, wave, budget });
      this.record(outcome);
      this.noRoom = outcome.noRoom === true;
      const failure = this.judge({ wave, outcome, budget });
      const ended = this.desk.interrupted() ? 'Stopped' : 'Failed';
      this.state.updateWave(wave.name, { state: failure === '' ? 'Soaking' : ended });
      if (failure !== '') return failure;
      const sick = await this.soak(wave);
      const soaked = this.desk.interrupted() ? 'Stopped' : 'Failed';
      this.state.updateWave(wave.name, { state: sick === '' ? 'Done' : soaked });
      if (sick !== '') return sick;
    }
    return '';
  }

  /** A node that was left for later has its last word in the wave that comes last. */
  private record({ nodes }: WaveOutcome): void {
    const { updated } = this.state;
    for (const entry of nodes) {
      const earlier = updated.findIndex((known) => keyOf(known) === keyOf(entry));
      if (earlier >= 0) updated.splice(earlier, 1);
      updated.push(entry);
    }
  }

  /** Tells whether an early end means that updated nodes go back: not for what others have done. */
  private goesBack(): boolean {
    if (this.desk.interrupted()) return this.desk.wantsBack();
    if (this.noRoom) return false;
    return this.state.plan.strategy.onFailure === 'Rollback';
  }

  /** Takes every updated node back: the plan inverted, through the same waves and checks. */
  private async back(reason: string): Promise<RolloutOutcome> {
    const { state } = this;
    const done = state.updated.filter((entry) => entry.outcome === 'Updated');
    const nodes = done.map(keyOf);
    state.closeWaves();
    this.desk.beginBack();
    if (nodes.length > 0) {
      const plan = await planRollback({ plan: state.plan, nodes });
      state.expectWaves(plan.waves);
      for (const wave of plan.waves) {
        await this.desk.unpaused();
        if (this.desk.interrupted()) break;
        state.enter('RollingBack', '');
        const outcome = await this.runWave({
          plan,
          wave,
          budget: wave.nodes.length,
          wayBack: true,
        });
        state.rolledBack.push(...outcome.nodes);
        const ok = outcome.nodes.every((entry) => isBack(entry)) && !outcome.notStarted.length;
        state.updateWave(wave.name, { state: ok ? 'Done' : 'Failed' });
      }
    }
    const returned = state.rolledBack.filter(isBack).length;
    const complete = returned === nodes.length && this.needsAttention().length === 0;
    if (complete) return this.finish('RolledBack', [reason]);
    const stopped = this.desk.interrupted() ? [this.desk.interruption()] : [];
    const count = `rolled back ${returned} of ${nodes.length} nodes`;
    return this.finish('Halted', [reason, ...stopped, count]);
  }

  /** What was left alone is said, so that nobody takes it for updated. */
  private succeed(): RolloutOutcome {
    return this.finish('Succeeded', leftAlone(this.state.updated));
  }

  finish(outcome: RolloutOutcomeKind, reasons: readonly string[]): RolloutOutcome {
    const { state } = this;
    const touched = new Set(state.updated.map(keyOf));
    const planned = state.plan.waves.flatMap((wave) => wave.nodes.map(keyOf));
    return state.finish({
      rollout: state.name,
      outcome,
      reasons,
      digest: state.plan.digest,
      nodes: state.updated,
      untouched: planned.filter((entry) => !touched.has(entry)),
      rolledBack: state.rolledBack,
      needsAttention: this.needsAttention(),
      startedAt: this.startedAt,
      finishedAt: new Date(Date.now()).toISOString(),
    });
  }

  private async runWave(args: {
    plan: Plan;
    wave: PlannedWave;
    budget: number;
    wayBack?: true;
  }): Promise<WaveOutcome> {
    const { plan, wave, budget: failureBudget, wayBack } = args;
    const access = plan.clusters.find((entry) => entry.cluster === wave.cluster);
    if (!access) throw new Error(`the plan has no access to cluster ${wave.cluster}`);
    this.state.updateWave(wave.name, { state: 'Running' });
    const tell = (why: string) => this.state.wait(why);
    const outcome = await runWaveOf(
      { desk: this.desk, tell },
      {
        ...{ rollout: this.state.name, direction: plan.direction, wave, access, failureBudget },
        policy: plan.policy.spec,
        ...this.learned(wave.cluster),
        ...(wayBack ? { wayBack } : {}),
      },
    );
    const phases = outcome.nodes.map(({ node, outcome: phase, reasons }) => {
      return { node, phase, ...(reasons.length ? { reason: reasons.join('; ') } : {}) };
    });
    const left = outcome.notStarted.map((node) => ({ node, phase: 'Pending' as const }));
    this.state.updateWave(wave.name, { nodes: [...phases, ...left] });
    return outcome;
  }

  /** What waves learn from those before them. */
  private learned(cluster: string): Pick<WaveInput, 'unhealthyBefore' | 'expectedMs'> {
    const unhealthyBefore = this.unhealthyBefore[cluster];
    const expectedMs = slowestTurnMs(this.state.updated);
    return {
      ...(unhealthyBefore ? { unhealthyBefore } : {}),
      ...(expectedMs ? { expectedMs } : {}),
    };
  }

  private judge(args: { wave: PlannedWave; outcome: WaveOutcome; budget: number }): string {
    const { wave, outcome, budget } = args;
    if (this.desk.interrupted()) return this.desk.interruption();
    const failure = this.failureOf({ wave, outcome, budget });
    if (failure === '') return outcome.notStarted.length > 0 ? (outcome.reason ?? 'stopped') : '';
    // Nodes that were gone past do not hide what has kept the others.
    const ended = outcome.noRoom && outcome.reason ? [outcome.reason] : [];
    const details = outcome.nodes.flatMap((entry) =>
      entry.reasons.map((reason) => `${entry.node}: ${reason}`),
    );
    return [`${wave.name} failed: ${failure}`, ...ended, ...details].join('; ');
  }

  /** Where the rule of before says something else, a rollout that began under it keeps it. */
  private failureOf(args: { wave: PlannedWave; outcome: WaveOutcome; budget: number }): string {
    const { wave, outcome, budget: failureBudget } = args;
    const question = { canary: wave.canary, outcomes: outcome.nodes, failureBudget };
    const [now, before] = [false, true].map((everyWaveUpdates) =>
      waveFailure({ ...question, everyWaveUpdates }),
    );
    return now === before || patched('failed-within-budget') ? (now ?? '') : (before ?? '');
  }

  /** What earlier waves left of the failure budget. */
  private budgetFor(wave: PlannedWave): number {
    if (wave.canary) return 0;
    const spent = this.state.updated.filter((entry) => isFailedNode(entry.outcome)).length;
    return Math.max(0, this.state.plan.strategy.failureBudget - spent);
  }

  /** Waits and looks again; returns what is wrong with the wave's nodes, or an empty string. */
  private async soak(wave: PlannedWave): Promise<string> {
    const { desk, state } = this;
    if (wave.soakSeconds > 0) {
      const until = new Date(Date.now() + wave.soakSeconds * SECOND).toISOString();
      state.enter('Soaking', `the soak of ${wave.name} to end at ${until}`);
      const summary = `soak of ${wave.name}`;
      await condition(() => desk.interrupted(), wave.soakSeconds * SECOND, { summary });
      if (desk.interrupted()) return desk.interruption();
    }
    const access = state.plan.clusters.find((entry) => entry.cluster === wave.cluster);
    const updated = new Set(
      state.updated.filter((entry) => entry.outcome === 'Updated').map(keyOf),
    );
    const nodes = wave.nodes.filter((entry) => updated.has(keyOf(entry)));
    if (!access || nodes.length === 0) return '';
    const { spec: policy } = state.plan.policy;
    const { timeoutSeconds } = policy.verification;
    try {
      const { health } = stepsFor(wave.cluster, policy);
      const problems = await health.checkHealth({
        ...{ access, nodes, timeoutSeconds },
        alreadyFailing: state.alreadyFailing(wave.cluster),
      });
      return problems.length > 0 ? `${wave.name} is not healthy: ${problems.join('; ')}` : '';
    } catch (error) {
      if (failureType(error) === undefined) throw error;
      return `${wave.name} could not be checked: ${describeFailure(error)}`;
    }
  }

  private needsAttention(): string[] {
    return [...this.state.updated, ...this.state.rolledBack]
      .filter((entry) => entry.outcome === 'NeedsAttention')
      .map(keyOf);
  }
}

/** In an inverted plan "Updated" means that the node runs what it ran before the rollout. */
function isBack(entry: NodeOutcome): boolean {
  return entry.outcome === 'Updated' || entry.outcome === 'AlreadyDone';
}

/** The document's own name, or that of the workflow's id: validation comes with the plan. */
function nameOf(request: unknown): string {
  const metadata = (request as { metadata?: { name?: unknown } } | null)?.metadata;
  if (typeof metadata?.name === 'string') return metadata.name;
  const { workflowId } = workflowInfo();
  return rolloutNameOf(workflowId) ?? workflowId;
}
