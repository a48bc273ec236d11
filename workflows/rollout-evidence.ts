/** The evidence that a rollout gathers on its way forward: baselines, soaks that are measured, and what they come to. */
import { condition, patched, proxyActivities } from '@temporalio/workflow';
import { READ_OPTIONS, type RecordingActivities } from './contract.ts';
import type { Analysis } from './domain/analysis-spec.ts';
import type { Comparison, Judgement, RecordedJudgement, Round } from './domain/analysis-types.ts';
import { keyOf } from './domain/lifecycle.ts';
import { analysisOf, unanswered } from './domain/measuring.ts';
import type { PlannedNode, PlannedWave } from './domain/plan-types.ts';
import { chooseControls, choosePatched } from './domain/rounds.ts';
import { nodesMeasured } from './domain/soak-pace.ts';
import { describeFailure, failureType } from './failures.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutGates } from './rollout-gates.ts';
import { RolloutRounds } from './rollout-rounds.ts';
import type { RolloutState } from './rollout-state.ts';
import { Soak } from './soak.ts';

const SECOND = 1000;
const { judge } = proxyActivities<RecordingActivities>(READ_OPTIONS);

/** Who is told of what is measured and found, each once and in its order. */
export interface EvidenceHooks {
  readonly onRound?: (round: Round) => void;
  readonly onJudgement?: (judgement: RecordedJudgement) => void;
}

/** The nodes of a soak: those that run the new version, and those that do not yet. */
export interface Compared {
  readonly patched: readonly PlannedNode[];
  readonly control: readonly PlannedNode[];
}

export class RolloutEvidence {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly gates: RolloutGates;
  private readonly hooks: EvidenceHooks;
  private known: RolloutRounds | undefined;
  /** Whether a wave was not started because an indicator got no answer at all. */
  blind = false;

  constructor(parts: {
    readonly state: RolloutState;
    readonly desk: RolloutDesk;
    readonly gates: RolloutGates;
    readonly hooks?: EvidenceHooks;
  }) {
    this.state = parts.state;
    this.desk = parts.desk;
    this.gates = parts.gates;
    this.hooks = parts.hooks ?? {};
  }

  /** Tells whether this rollout measures at all: its policy says so, and it does not go back. */
  get wanted(): boolean {
    return analysisOf(this.state.plan) !== undefined;
  }

  /** Tells whether the soak of a wave is measured: it has updated nodes. */
  measures(wave: PlannedWave): boolean {
    return this.wanted && wave.nodes.some((node) => this.updated().has(keyOf(node)));
  }

  /** Measures what nodes of a wave are like before their update; returns why it is not started, or an empty string. */
  async before(wave: PlannedWave): Promise<string> {
    const { desk, state } = this;
    this.blind = false;
    const analysis = this.analysis();
    const { baselineRounds, intervalSeconds } = analysis;
    const max = nodesMeasured(analysis);
    const { plan } = state;
    const updated = new Set(this.knownBest(wave, max).map(keyOf));
    const own = choosePatched({ plan, wave, updated, max });
    const nodes = [...own, ...this.controlOf(wave)];
    const wanted = Math.max(
      ...nodes.map((node) => baselineRounds - this.rounds().baselineOf(node)),
    );
    const measured: Round[] = [];
    const told = () =>
      `the baseline of ${wave.name} (${measured.length} of ${wanted} rounds measured)`;
    if (wanted > 0) state.enter(wave.canary ? 'Canary' : 'Wave', told());
    while (measured.length < wanted) {
      const nextMs = Date.now() + intervalSeconds * SECOND;
      const ends = () => desk.interrupted();
      const round = await this.measure(nodes, { wave, about: 'baseline', ends });
      if (!round) return desk.interruption();
      measured.push(round);
      state.progress(told());
      const leftMs = measured.length < wanted ? nextMs - Date.now() : 0;
      const summary = `baseline of ${wave.name}`;
      if (leftMs > 0 && (await condition(ends, leftMs, { summary }))) return desk.interruption();
    }
    const missing = unanswered(measured, analysis);
    if (missing.length > 0) return this.blindFor(wave, missing);
    await desk.unpaused();
    return desk.interruption();
  }

  /** From now on these nodes are no others' control nodes. */
  begin(nodes: readonly PlannedNode[]): void {
    this.rounds().begin(nodes);
  }

  /**
   * Measures and judges a wave after its update; returns why the rollout does not go on, or an empty string.
   * It is judged when its time is up and not before: looking at each round until one looks bad would find a
   * Fail by chance, with whatever confidence each look is made.
   */
  async soak(wave: PlannedWave, checkHealth: () => Promise<string>): Promise<string> {
    const analysis = this.analysis();
    const compared = this.comparedAfter(wave);
    const soak = new Soak({ wave, analysis, state: this.state, desk: this.desk });
    const comparison = this.comparisonOf(wave, compared, soak.from);
    const ends = () => this.desk.endsWave() !== '';
    const nodes = [...compared.patched, ...compared.control];
    for (;;) {
      await soak.run(() => this.measure(nodes, { wave, about: 'soak', ends }));
      if (ends()) return this.desk.interruption();
      const sick = await checkHealth();
      if (sick !== '') return sick;
      const judgement = await this.judge({ wave, comparison, extensions: soak.extensions });
      const { verdict, reason } = judgement;
      if (verdict === 'Fail') return `${wave.name} failed by what was measured: ${reason}`;
      if (verdict === 'Pass') break;
      if (soak.extend(`${verdict}: ${reason}`)) continue;
      const refused = await this.gates.judged(judgement);
      if (refused !== '') return refused;
      break;
    }
    this.rounds().prune();
    return '';
  }

  /** Those that were others' control nodes need no more rounds; where they are too few, all of the wave. */
  private knownBest({ nodes }: PlannedWave, max: number): readonly PlannedNode[] {
    if (!patched('known-nodes-first')) return nodes;
    const { baselineRounds } = this.analysis();
    const known = nodes.filter((node) => this.rounds().baselineOf(node) >= baselineRounds);
    return known.length >= Math.min(max, nodes.length) ? known : nodes;
  }

  private blindFor(wave: PlannedWave, missing: readonly string[]): string {
    this.blind = true;
    const stay = this.rounds().touched.size > 0 ? '; updated nodes stay as they are' : '';
    return `${wave.name} was not started, since what its policy wants measured gets no answer: ${missing.join('; ')}${stay}`;
  }

  /** Nothing where people have ended it meanwhile. */
  private async measure(
    nodes: readonly PlannedNode[],
    of: { readonly wave: PlannedWave; readonly about: string; readonly ends: () => boolean },
  ): Promise<Round | undefined> {
    const { cluster, name } = of.wave;
    const about = `${of.about} of ${name}`;
    const measure = () => this.rounds().measure(cluster, nodes, about);
    const round = await this.desk.unlessEnded(measure, of.ends);
    if (round) this.hooks.onRound?.(round);
    return round;
  }

  /** What can't be judged is an Error, as what can't be measured is. */
  private async judge(of: {
    readonly wave: PlannedWave;
    readonly comparison: Comparison;
    readonly extensions: number;
  }): Promise<RecordedJudgement> {
    const { wave, comparison, extensions } = of;
    const rounds = this.rounds().for(comparison);
    let judgement: Judgement;
    try {
      judgement = await judge({ analysis: this.analysis(), rounds, comparison });
    } catch (error) {
      if (failureType(error) === undefined) throw error;
      judgement = {
        ...{ verdict: 'Error', reason: `it could not be judged: ${describeFailure(error)}` },
        ...{ method: 'none', comparison, indicators: [] },
        soakTo: rounds.at(-1)?.at ?? comparison.soakFrom,
      };
    }
    const at = new Date(Date.now()).toISOString();
    const recorded = { ...judgement, wave: wave.name, at, extensions };
    this.state.showJudgement(recorded);
    this.hooks.onJudgement?.(recorded);
    return recorded;
  }

  /**
   * Nodes without a baseline are measured only where a wave has no others, and those of earlier waves only
   * beside control nodes: alone they are compared with a past that may be hours away.
   */
  private comparedAfter(wave: PlannedWave): Compared {
    const { plan } = this.state;
    const max = nodesMeasured(this.analysis());
    const control = this.controlOf(wave);
    const own = new Set(wave.nodes.map(keyOf));
    const updated = new Set(
      [...this.updated()].filter((key) => control.length > 0 || own.has(key)),
    );
    const nodes = plan.waves.concat(wave).flatMap((entry) => entry.nodes);
    const known = nodes.filter((node) => this.rounds().baselineOf(node) > 0).map(keyOf);
    const measured = new Set(known.filter((key) => updated.has(key)));
    const some = wave.nodes.some((node) => measured.has(keyOf(node)));
    const patched = choosePatched({ plan, wave, updated: some ? measured : updated, max });
    return { patched, control };
  }

  private comparisonOf(
    { cluster }: PlannedWave,
    { patched, control }: Compared,
    soakFrom: string,
  ): Comparison {
    return {
      cluster,
      patched: patched.map(({ node }) => node),
      control: control.map(({ node }) => node),
      patchedAt: this.rounds().beginnings(patched),
      soakFrom,
    };
  }

  /** Of the last wave there are none: it is compared with its own past. */
  private controlOf(wave: PlannedWave): readonly PlannedNode[] {
    const { plan } = this.state;
    const { cluster } = wave;
    const max = nodesMeasured(this.analysis());
    return chooseControls({ plan, cluster, touched: this.rounds().touched, wave, max });
  }

  private updated(): ReadonlySet<string> {
    const { updated } = this.state;
    return new Set(updated.filter(({ outcome }) => outcome === 'Updated').map(keyOf));
  }

  private rounds(): RolloutRounds {
    this.known ??= new RolloutRounds(this.state, this.analysis());
    return this.known;
  }

  private analysis(): Analysis {
    const analysis = analysisOf(this.state.plan);
    if (!analysis) throw new Error('the policy says nothing of measuring');
    return analysis;
  }
}
