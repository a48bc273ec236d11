/** The way forward: canary and waves in their order, each judged, soaked and looked at again. */
import { condition, patched } from '@temporalio/workflow';
import type { WaveInput, WaveOutcome } from './contract.ts';
import { isFailedNode, keyOf, laterWaves, slowestTurnMs, waveFailure } from './domain/lifecycle.ts';
import type { Plan, PlannedWave } from './domain/plan-types.ts';
import { describeFailure, failureType } from './failures.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutGates } from './rollout-gates.ts';
import type { RolloutState } from './rollout-state.ts';
import { runWaveOf } from './rollout-wave.ts';
import { stepsFor } from './steps.ts';

const SECOND = 1000;

export class RolloutWaves {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly gates: RolloutGates;
  /** By cluster: workloads that were unhealthy before any node was touched. */
  private readonly unhealthyBefore: Record<string, readonly string[]> = {};
  /** Whether the last wave has ended because others have left no room. */
  noRoom = false;

  constructor(state: RolloutState, desk: RolloutDesk, gates: RolloutGates) {
    this.state = state;
    this.desk = desk;
    this.gates = gates;
  }

  /** Runs canary and waves; returns why it ended early, or an empty string. */
  async forward(): Promise<string> {
    const failure = await this.runAll(this.state.plan.waves);
    if (failure !== '') return failure;
    const deferred = this.state.updated.filter((entry) => entry.outcome === 'Deferred').map(keyOf);
    const later = laterWaves(this.state.plan, deferred);
    this.state.expectWaves(later);
    return await this.runAll(later);
  }

  /** What is unhealthy already is not waited for later; a cluster that can't be read is asked again. */
  async lookFirst(): Promise<void> {
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
      const refused = await this.gates.before(wave);
      if (refused !== '') return refused;
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
      const halted = await this.gates.after(wave);
      if (halted !== '') return halted;
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

  /** Runs one wave of a plan, and shows what became of its nodes. */
  async runWave(args: {
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
}
