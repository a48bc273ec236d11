/** The way forward: canary and waves in their order, each judged, soaked and looked at again. */
import { condition, patched } from '@temporalio/workflow';
import type { WaveInput, WaveOutcome, WaveStatus } from './contract.ts';
import { keyOf, laterWaves, slowestTurnMs, waveFailure } from './domain/lifecycle.ts';
import { retryWaves, stillFailing } from './domain/node-commands.ts';
import type { Plan, PlannedNode, PlannedWave } from './domain/plan-types.ts';
import { describeFailure, failureType } from './failures.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutEvidence } from './rollout-evidence.ts';
import type { RolloutGates } from './rollout-gates.ts';
import { failedElsewhere, RolloutNodes } from './rollout-nodes.ts';
import type { RolloutState } from './rollout-state.ts';
import { runWaveOf, type WaveHandle } from './rollout-wave.ts';
import { stepsFor } from './steps.ts';
import { outcomeWithout } from './wave-nodes.ts';

const SECOND = 1000;

export class RolloutWaves {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly gates: RolloutGates;
  private readonly evidence: RolloutEvidence;
  /** By cluster: workloads that were unhealthy before any node was touched. */
  private readonly unhealthyBefore: Record<string, readonly string[]> = {};
  /** Whether the last wave has ended because others have left no room. */
  noRoom = false;
  private readonly nodes: RolloutNodes;
  /** Waves of the plan that have started, and those that have passed their soak. */
  private readonly begun = new Set<string>();
  private readonly passed = new Set<string>();
  /** Extra waves so far. */
  private retries = 0;

  constructor(parts: {
    readonly state: RolloutState;
    readonly desk: RolloutDesk;
    readonly gates: RolloutGates;
    readonly evidence: RolloutEvidence;
  }) {
    const { state, desk, gates, evidence } = parts;
    this.state = state;
    this.desk = desk;
    this.gates = gates;
    this.evidence = evidence;
    this.nodes = new RolloutNodes(state, desk);
  }

  /** Runs canary and waves; returns why it ended early, or an empty string. */
  async forward(): Promise<string> {
    const waves = this.state.plan.waves.filter(({ name }) => !this.passed.has(name));
    const failure = await this.runAll(waves);
    if (failure !== '') return failure;
    const deferred = this.state.updated.filter((entry) => entry.outcome === 'Deferred').map(keyOf);
    const later = laterWaves(this.state.plan, deferred);
    this.state.expectWaves(later.filter(({ name }) => !this.begun.has(name)));
    return await this.runAll(later);
  }

  /** What is unhealthy already is not waited for later; a cluster that can't be read is asked again. */
  async lookFirst(): Promise<void> {
    if (!patched('look-before-start')) return;
    const { clusters, policy } = this.state.plan;
    for (const access of clusters) {
      const { read } = stepsFor(access.cluster, policy.spec, `workloads of ${access.cluster}`);
      const question = { rollout: this.state.name, waiting: [], inWork: [], expectedMs: 0 };
      try {
        const look = await read.lookBeforeStart({ access, ...question, policy: policy.spec });
        this.unhealthyBefore[access.cluster] = look.unhealthy;
      } catch (error) {
        if (failureType(error) === undefined) throw error;
      }
    }
  }

  /** Tells whether people want nodes to be tried again: `tryAgain` does that. */
  retriesPending(): boolean {
    return this.nodes.pending();
  }

  /**
   * Where nodes have ended it early: tries again those that people want to, and goes on where that
   * has made everything good. Returns as `forward` does.
   */
  async tryAgain(): Promise<string> {
    this.desk.goForward();
    const { plan, updated } = this.state;
    const failure = (await this.runRetries()) || stillFailing(plan, updated, this.nodes.left);
    return failure || (await this.forward());
  }

  private async runAll(waves: readonly PlannedWave[]): Promise<string> {
    for (const wave of waves) {
      const refused = this.isLeftOut(wave) ? '' : await this.gates.before(wave);
      if (refused !== '') return refused;
      const failure = (await this.runOne(wave)) || (await this.runRetries());
      if (failure !== '') return failure;
      const halted = await this.gates.after(wave);
      if (halted !== '') return halted;
    }
    return '';
  }

  /** What is to be tried again comes before the next wave, and may be asked for meanwhile as well. */
  private async runRetries(): Promise<string> {
    const { state, nodes } = this;
    while (nodes.pending()) {
      const waves = retryWaves(state.plan, nodes.takePending(), this.retries + 1);
      this.retries += waves.length;
      state.expectWaves(waves);
      for (const wave of waves) {
        const failure = await this.runOne(wave);
        if (failure !== '') return failure;
      }
    }
    return '';
  }

  private async runOne(wave: PlannedWave): Promise<string> {
    const { state, desk } = this;
    await desk.unpaused();
    if (desk.interrupted()) return desk.interruption();
    const failure = await this.runThrough(wave);
    state.noteWave(wave.name, state.plan.direction, failure);
    return failure;
  }

  /** Runs one wave, judges it and looks at it after its soak. */
  private async runThrough(wave: PlannedWave): Promise<string> {
    const { state } = this;
    const rest = this.restOf(wave);
    const unmeasured = this.evidence.wanted ? await this.measureBefore(rest) : '';
    if (unmeasured !== '') return unmeasured;
    const failure = rest.nodes.length > 0 ? await this.update(rest) : '';
    state.updateWave(wave.name, {
      nodes: wave.nodes.map((target) => this.shown(target)),
      state: failure === '' ? 'Soaking' : this.howEnded(),
    });
    if (failure !== '') return this.withStop(failure);
    const sick = this.isLeftOut(wave) ? '' : await this.soak(wave);
    state.updateWave(wave.name, { state: sick === '' ? 'Done' : this.howEnded() });
    if (sick === '') this.passed.add(wave.name);
    return sick === '' ? '' : this.withStop(sick);
  }

  /** Returns why a wave is not started, or an empty string; nodes that people leave out are not measured. */
  private async measureBefore(rest: PlannedWave): Promise<string> {
    const skipped = this.nodes.leftOutOf(rest);
    const nodes = rest.nodes.filter(({ node }) => skipped[node] === undefined);
    if (nodes.length === 0) return '';
    const why = await this.evidence.before({ ...rest, nodes });
    if (why === '') this.evidence.begin(nodes);
    return why;
  }

  private async update(wave: PlannedWave): Promise<string> {
    const { plan } = this.state;
    this.state.enter(wave.canary ? 'Canary' : 'Wave');
    if (!this.isLeftOut(wave)) this.state.notices.start(wave);
    const budget = this.budgetFor(wave);
    this.begun.add(wave.name);
    const outcome = this.isLeftOut(wave)
      ? nothingDone(wave, this.nodes.leftOutOf(wave))
      : await this.runWave({ plan, wave, budget });
    this.record(outcome);
    this.state.noteNodes(outcome, plan.direction);
    this.nodes.ended();
    this.noRoom = outcome.noRoom === true;
    const failure = this.judge({ wave, outcome, budget });
    if (failure === '') this.state.notices.wave(outcome);
    return failure;
  }

  /** What is left of a wave that has ended early; all of one that has not begun. */
  private restOf(wave: PlannedWave): PlannedWave {
    if (!this.begun.has(wave.name) || !this.state.plan.waves.includes(wave)) return wave;
    const ended = new Set(this.state.updated.map(keyOf));
    return { ...wave, nodes: wave.nodes.filter((target) => !ended.has(keyOf(target))) };
  }

  /** Tells whether people leave out all of a wave. */
  private isLeftOut(wave: PlannedWave): boolean {
    const skipped = this.nodes.leftOutOf(wave);
    return wave.nodes.every(({ node }) => skipped[node] !== undefined);
  }

  private howEnded(): 'Stopped' | 'Failed' {
    return this.desk.endsWave() === '' ? 'Failed' : 'Stopped';
  }

  /** A wave that was to be the last one may fail as well. */
  private withStop(failure: string): string {
    const { desk } = this;
    const said = desk.interruption();
    return desk.interrupted() && failure !== said ? `${said}; ${failure}` : failure;
  }

  private shown(target: PlannedNode): WaveStatus['nodes'][number] {
    const { node } = target;
    const ended = this.state.updated.find((entry) => keyOf(entry) === keyOf(target));
    if (!ended) return { node, phase: 'Pending' };
    const reason = ended.reasons.join('; ');
    return { node, phase: ended.outcome, ...(reason ? { reason } : {}) };
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
    const { desk, nodes, state } = this;
    const tell = (why: string) => state.wait(why);
    const skipped = wayBack ? {} : nodes.leftOutOf(wave);
    const region = access.region ?? '';
    const calendar = wayBack ? {} : desk.windows.forWave(wave.name, region);
    const started = (handle: WaveHandle) => {
      if (!wayBack) nodes.began(wave, handle);
      desk.windows.began(handle, calendar.calendar);
    };
    const cancelled = (unwound: WaveOutcome) => state.noteNodes(unwound, plan.direction);
    const outcome = await runWaveOf(
      { desk, tell, started, cancelled },
      {
        ...{ rollout: this.state.name, direction: plan.direction, wave, access, failureBudget },
        policy: plan.policy.spec,
        ...this.learned(wave.cluster),
        ...(wayBack ? { wayBack } : {}),
        ...calendar,
        ...(Object.keys(skipped).length > 0 ? { skipped } : {}),
      },
    );
    desk.windows.ended(region, outcome);
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
    if (this.desk.endsWave() !== '') return this.desk.interruption();
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
    const skipped = this.nodes.leftOutOf(wave);
    const outcomes = outcome.nodes.filter(({ node }) => skipped[node] === undefined);
    const question = { canary: wave.canary, outcomes, failureBudget };
    const [now, before] = [false, true].map((everyWaveUpdates) =>
      waveFailure({ ...question, everyWaveUpdates }),
    );
    return now === before || patched('failed-within-budget') ? (now ?? '') : (before ?? '');
  }

  /** What earlier waves left of the failure budget. */
  private budgetFor(wave: PlannedWave): number {
    if (wave.canary) return 0;
    const spent = failedElsewhere(this.state.updated, wave);
    return Math.max(0, this.state.plan.strategy.failureBudget - spent);
  }

  /** Waits and looks again; returns what is wrong with the wave's nodes, or an empty string. */
  private async soak(wave: PlannedWave): Promise<string> {
    const { desk, state, evidence } = this;
    if (evidence.measures(wave)) return await evidence.soak(wave, () => this.checkHealth(wave));
    if (wave.soakSeconds > 0) {
      const until = new Date(Date.now() + wave.soakSeconds * SECOND).toISOString();
      state.enter('Soaking', `the soak of ${wave.name} to end at ${until}`);
      const summary = `soak of ${wave.name}`;
      const ended = () => desk.endsWave() !== '';
      await condition(ended, wave.soakSeconds * SECOND, { summary });
      if (ended()) return desk.interruption();
    }
    return await this.checkHealth(wave);
  }

  private async checkHealth(wave: PlannedWave): Promise<string> {
    const { desk, state } = this;
    const access = state.plan.clusters.find((entry) => entry.cluster === wave.cluster);
    const updated = new Set(
      state.updated.filter((entry) => entry.outcome === 'Updated').map(keyOf),
    );
    const nodes = wave.nodes.filter((entry) => updated.has(keyOf(entry)));
    if (!access || nodes.length === 0) return '';
    const { spec: policy } = state.plan.policy;
    const { timeoutSeconds } = policy.verification;
    try {
      const { health } = stepsFor(wave.cluster, policy, `${wave.name} after its soak`);
      const question = { access, rollout: state.name, nodes, timeoutSeconds };
      const alreadyFailing = state.alreadyFailing(wave.cluster);
      const problems = await desk.unlessEnded(
        () => health.checkHealth({ ...question, alreadyFailing }),
        () => desk.endsWave() !== '',
      );
      if (!problems) return desk.interruption();
      return problems.length > 0 ? `${wave.name} is not healthy: ${problems.join('; ')}` : '';
    } catch (error) {
      if (failureType(error) === undefined) throw error;
      return `${wave.name} could not be checked: ${describeFailure(error)}`;
    }
  }
}

/** What comes of a wave that people leave out as a whole. */
function nothingDone(wave: PlannedWave, skipped: Readonly<Record<string, string>>): WaveOutcome {
  const nodes = wave.nodes.map((target) =>
    outcomeWithout(target, 'Skipped', skipped[target.node] ?? ''),
  );
  return { wave: wave.name, nodes, notStarted: [] };
}
