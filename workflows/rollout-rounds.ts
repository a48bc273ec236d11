/** What a rollout has measured of which nodes, and when their updates began. Kept no longer than a judgement needs it. */
import type { Analysis } from './domain/analysis-spec.ts';
import type { Comparison, Reading, Round } from './domain/analysis-types.ts';
import { indicatorsOf } from './domain/indicators.ts';
import { keyOf } from './domain/lifecycle.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { roundsFor, timeOf } from './domain/rounds.ts';
import { describeFailure, failureType } from './failures.ts';
import type { RolloutState } from './rollout-state.ts';
import { stepsFor } from './steps.ts';

export class RolloutRounds {
  private readonly state: RolloutState;
  private readonly analysis: Analysis;
  /** Oldest first. */
  private rounds: Round[] = [];
  /** By keyOf: RFC 3339, when the update began. */
  private readonly begun = new Map<string, string>();

  constructor(state: RolloutState, analysis: Analysis) {
    this.state = state;
    this.analysis = analysis;
  }

  /** keyOf of every node whose update has begun. */
  get touched(): ReadonlySet<string> {
    return new Set(this.begun.keys());
  }

  /** From now on what is measured of these nodes is of their update. */
  begin(nodes: readonly PlannedNode[]): void {
    const at = new Date(Date.now()).toISOString();
    for (const node of nodes) this.begun.set(keyOf(node), at);
  }

  /** Returns in how many rounds a node was measured before its update. */
  baselineOf(node: PlannedNode): number {
    return this.rounds.filter((round) => isBaselineOf(round, node, this.begun)).length;
  }

  /**
   * Measures once, with Temporal's time as the round's, as all others here are: a worker's clock may differ.
   * What fails is a round in which nothing has answered.
   */
  async measure(cluster: string, nodes: readonly PlannedNode[], about: string): Promise<Round> {
    const { plan } = this.state;
    const access = plan.clusters.find((entry) => entry.cluster === cluster);
    if (!access) throw new Error(`the plan has no access to cluster ${cluster}`);
    const { spec } = plan.policy;
    const at = new Date(Date.now()).toISOString();
    const asked = nodes.map(({ node, address }) => ({ node, address }));
    const rollout = this.state.name;
    const question = { access, rollout, nodes: asked, analysis: this.analysis };
    let readings: Round['readings'];
    try {
      const { measure } = stepsFor(cluster, spec, about);
      ({ readings } = await measure({ ...question, verification: spec.verification }));
    } catch (error) {
      if (failureType(error) === undefined) throw error;
      readings = this.unanswered(nodes, describeFailure(error));
    }
    const round = { cluster, at, readings: shortened(readings) };
    this.rounds.push(round);
    return round;
  }

  /** Returns what a judgement needs. */
  for(comparison: Comparison): readonly Round[] {
    return roundsFor(this.rounds, comparison, this.analysis.baselineRounds);
  }

  /** Returns when the updates of these nodes began, by name. */
  beginnings(nodes: readonly PlannedNode[]): Readonly<Record<string, string>> {
    const known = nodes.flatMap((node): [string, string][] => {
      const at = this.begun.get(keyOf(node));
      return at === undefined ? [] : [[node.node, at]];
    });
    return Object.fromEntries(known);
  }

  /** Forgets what is no node's baseline, now that a soak is over: of each node the last rounds before its update stay. */
  prune(): void {
    const { baselineRounds } = this.analysis;
    const left = new Map<string, number>();
    const kept = [...this.rounds].reverse().flatMap((round): Round[] => {
      const wanted = new Set<string>();
      for (const node of nodesIn(round)) {
        const named = { cluster: round.cluster, node };
        const key = keyOf(named);
        const count = left.get(key) ?? 0;
        if (count >= baselineRounds || !isBaselineOf(round, named, this.begun)) continue;
        left.set(key, count + 1);
        wanted.add(node);
      }
      return wanted.size > 0 ? [onlyOf(round, wanted)] : [];
    });
    this.rounds = kept.reverse();
  }

  private unanswered(nodes: readonly PlannedNode[], error: string): Round['readings'] {
    const readings = indicatorsOf(this.analysis).map(({ name, scope }): [string, Reading[]] => {
      const asked = scope === 'Fleet' ? [''] : nodes.map(({ node }) => node);
      return [name, asked.map((node) => ({ node, error }))];
    });
    return Object.fromEntries(readings);
  }
}

/** What keeps a thousand readings from answering is no longer than this in each of them. */
const LONGEST_WHY = 120;

function shortened(readings: Round['readings']): Round['readings'] {
  const lists = Object.entries(readings).map(([name, list]) => [name, list.map(inShort)] as const);
  return Object.fromEntries(lists);
}

function inShort(reading: Reading): Reading {
  if ('error' in reading) return { ...reading, error: cut(reading.error) };
  return 'noData' in reading ? { ...reading, noData: cut(reading.noData) } : reading;
}

function cut(why: string): string {
  return why.length > LONGEST_WHY ? `${why.slice(0, LONGEST_WHY)}…` : why;
}

function isBaselineOf(
  round: Round,
  node: { readonly cluster: string; readonly node: string },
  begun: ReadonlyMap<string, string>,
): boolean {
  const at = begun.get(keyOf(node));
  if (round.cluster !== node.cluster || !nodesIn(round).has(node.node)) return false;
  return at === undefined || timeOf(round.at) < timeOf(at);
}

function nodesIn({ readings }: Round): Set<string> {
  const nodes = Object.values(readings).flatMap((list) => list.map(({ node }) => node));
  return new Set(nodes.filter((node) => node !== ''));
}

/** The readings of the fleet, which bear no node's name, stay with the round. */
function onlyOf(round: Round, nodes: ReadonlySet<string>): Round {
  const readings = Object.entries(round.readings).map(
    ([name, list]) => [name, list.filter(({ node }) => node === '' || nodes.has(node))] as const,
  );
  return { ...round, readings: Object.fromEntries(readings) };
}
