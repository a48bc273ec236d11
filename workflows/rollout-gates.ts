/** The gates of a rollout: what is shown at each, and what becomes of the rollout there. */
import { proxyActivities } from '@temporalio/workflow';
import { type PeopleActivities, READ_OPTIONS, type RolloutOutcomeKind } from './contract.ts';
import type { RecordedJudgement } from './domain/analysis-types.ts';
import type { Ballot } from './domain/approval.ts';
import { nodeEvidence, planEvidence } from './domain/evidence.ts';
import {
  FIRST_GATE,
  type GateNeeds,
  gateAt,
  gateId,
  judgementGateId,
  judgementNeeds,
  REVIEW,
  reviewOf,
  standardApproval,
} from './domain/gates.ts';
import { judgementEvidence, wholeJudgement } from './domain/judgement-words.ts';
import { keyOf } from './domain/lifecycle.ts';
import type { PlannedNode, PlannedWave, PlanResult } from './domain/plan-types.ts';
import { describeFailure, failureType } from './failures.ts';
import { type GateAnswer, type GateSheet, Gates } from './gates.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';
import { stepsFor } from './steps.ts';

const { sealGate } = proxyActivities<PeopleActivities>(READ_OPTIONS);

interface LaterGate {
  readonly id: string;
  readonly needs: GateNeeds;
  readonly about: string;
  readonly first?: readonly string[];
  readonly barred?: Ballot['barred'];
  readonly interrupted?: () => boolean;
  readonly wakes?: () => boolean;
}

export class RolloutGates {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly gates: Gates;
  /** Whether people have said at a gate that it does not go on. */
  refused = false;

  constructor(state: RolloutState, desk: RolloutDesk) {
    this.state = state;
    this.desk = desk;
    this.gates = new Gates(state, desk);
  }

  /** Returns how the rollout ends before its first node, or undefined where it begins. */
  async first(
    replan: () => Promise<PlanResult | undefined>,
  ): Promise<{ outcome: RolloutOutcomeKind; reason: string } | undefined> {
    const { state, desk } = this;
    const needs = gateAt(state.plan, 'BeforeCanary');
    if (!needs || this.isStandard()) return undefined;
    const answer = await this.gates.pass({
      id: FIRST_GATE,
      needs,
      waitsFor: ({ digest }) => `approval of ${digest}`,
      look: async () => this.planSheet(),
      lookAgain: async (why) => {
        const planned = why === 'Asked' ? await replan() : undefined;
        if (planned) state.setPlan(planned);
        return this.planSheet();
      },
    });
    switch (answer.kind) {
      case 'Rejected':
      case 'Expired':
        return { outcome: 'Rejected', reason: answer.reason };
      case 'Interrupted':
        return { outcome: 'Halted', reason: desk.interruption() };
      case 'Passed':
      case 'Woken':
        return undefined;
    }
  }

  /** Returns why the rollout does not go on to a wave, or an empty string. */
  async before(wave: PlannedWave): Promise<string> {
    return await this.between('BeforeWave', wave, `to go on with ${wave.name}`);
  }

  /** Returns why the rollout does not go on after a wave, or an empty string. */
  async after(wave: PlannedWave): Promise<string> {
    if (!wave.canary) return '';
    return await this.between('AfterCanary', wave, `to go on after ${wave.name}`);
  }

  /**
   * Waits where the measurements of a wave have decided nothing; returns why that counts as failed, or an
   * empty string where people say that it does not.
   */
  async judged(judgement: RecordedJudgement): Promise<string> {
    const { wave, verdict } = judgement;
    const id = judgementGateId(wave);
    const answer = await this.pass({
      ...{ id, needs: judgementNeeds(this.state.plan), first: wholeJudgement(judgement) },
      about: `to go on after ${wave}, whose verdict is ${verdict}`,
    });
    if (answer.kind !== 'Rejected') return this.ends(answer, id);
    return `${wave} is not taken for good: ${answer.reason} (${id}; ${verdict}: ${judgement.reason})`;
  }

  /** Waits where updated nodes are to go back for the reason given, maybe because somebody asked. */
  async beforeRollback(
    reason: string,
    asked: string | undefined,
    wakes?: () => boolean,
  ): Promise<GateAnswer> {
    const needs = gateAt(this.state.plan, 'BeforeRollback');
    if (!needs) return { kind: 'Passed' };
    const barred = asked === undefined ? [] : [{ name: asked, why: 'asked for this rollback' }];
    return await this.pass({
      ...{ id: gateId('BeforeRollback'), needs, barred },
      about: 'to take updated nodes back',
      first: [`why: ${reason}`],
      ...(wakes ? { wakes } : {}),
    });
  }

  /** Returns what an urgent rollout that has touched a node adds to its reasons, once somebody has looked at it. */
  async review(outcome: RolloutOutcomeKind): Promise<readonly string[]> {
    const needs = reviewOf(this.state.plan);
    if (!needs || this.state.updated.length === 0) return [];
    const voters = this.state.votes.filter(({ decision }) => decision === 'Approve');
    const barred = voters.map(({ by }) => ({
      name: by,
      why: 'approved it, and its review is for others',
    }));
    const answer = await this.pass({
      ...{ id: REVIEW, needs, barred },
      about: `a review of this urgent rollout, which has ended as ${outcome}`,
      first: [`urgent: ${this.state.plan.urgent?.reason ?? ''}`],
      interrupted: () => false,
    });
    const last = this.state.votes.at(-1);
    switch (answer.kind) {
      case 'Passed':
        return [`urgent; reviewed by ${last?.by}${last?.reason ? `: ${last.reason}` : ''}`];
      case 'Rejected':
        return [`urgent; the review was ${answer.reason}`];
      case 'Expired':
        return [`urgent; nobody reviewed it within ${needs.expirySeconds} s`];
      case 'Interrupted':
      case 'Woken':
        return ['urgent; its review was broken off'];
    }
  }

  private async between(
    at: 'BeforeWave' | 'AfterCanary',
    wave: PlannedWave,
    about: string,
  ): Promise<string> {
    const needs = gateAt(this.state.plan, at, wave);
    if (!needs) return '';
    const id = gateId(at, wave);
    return this.ends(await this.pass({ id, needs, about }), id);
  }

  /** Returns why the rollout goes on no further at a gate, or an empty string where it does. */
  private ends(answer: GateAnswer, id: string): string {
    switch (answer.kind) {
      case 'Passed':
      case 'Woken':
        return '';
      case 'Interrupted':
        return this.desk.interruption();
      case 'Rejected':
      case 'Expired':
        this.refused = true;
        return `${id}: ${answer.reason}; updated nodes stay as they are`;
    }
  }

  private async pass(gate: LaterGate): Promise<GateAnswer> {
    const { id, needs, about, first = [], barred = [], interrupted, wakes } = gate;
    const look = async (): Promise<GateSheet> => {
      const nodes = [...this.state.updated, ...this.state.rolledBack];
      const measured = judgementEvidence(this.state.judgements);
      const told = measured.filter((line) => !first.includes(line));
      const evidence = [...first, ...told, ...nodeEvidence(nodes, await this.findings())];
      const { digest } = await sealGate({ plan: this.state.plan.digest, gate: id, evidence });
      return { digest, evidence };
    };
    return await this.gates.pass({
      ...{ id, needs, barred, look, lookAgain: look },
      waitsFor: ({ digest }) => `approval ${about} (${id}), of ${digest}`,
      ...(interrupted ? { interrupted } : {}),
      ...(wakes ? { wakes } : {}),
    });
  }

  /** What is wrong now with nodes that were updated; a cluster that can't be read is a finding. */
  private async findings(): Promise<readonly string[]> {
    const { plan, updated } = this.state;
    const done = new Set(updated.filter(({ outcome }) => outcome === 'Updated').map(keyOf));
    const nodes = plan.waves.flatMap((wave) => wave.nodes).filter((node) => done.has(keyOf(node)));
    const found: string[] = [];
    for (const { cluster } of plan.clusters) {
      const ours = nodes.filter((node) => node.cluster === cluster);
      if (ours.length > 0) found.push(...(await this.findingsIn(cluster, ours)));
    }
    return found;
  }

  private async findingsIn(
    cluster: string,
    nodes: readonly PlannedNode[],
  ): Promise<readonly string[]> {
    const { plan } = this.state;
    const access = plan.clusters.find((entry) => entry.cluster === cluster);
    if (!access) throw new Error(`the plan has no access to cluster ${cluster}`);
    const { health } = stepsFor(cluster, plan.policy.spec, `evidence in ${cluster}`);
    try {
      const alreadyFailing = this.state.alreadyFailing(cluster);
      const rollout = this.state.name;
      return await health.checkHealth({ access, rollout, nodes, alreadyFailing });
    } catch (error) {
      if (failureType(error) === undefined) throw error;
      return [`${cluster} could not be checked: ${describeFailure(error)}`];
    }
  }

  private planSheet(): GateSheet {
    const { planned, plan } = this.state;
    return {
      digest: planned?.approve ?? plan.digest,
      evidence: planned ? planEvidence(planned) : [],
    };
  }

  /** Records a standing approval that covers the plan as what it is. */
  private isStandard(): boolean {
    const { plan } = this.state;
    const at = new Date(Date.now()).toISOString();
    const known = standardApproval(plan, at.slice(0, 10));
    if (!known) return false;
    const { approvedBy, reason } = known;
    this.state.addVote({
      ...{ by: approvedBy.join(', '), at, decision: 'Approve', gate: FIRST_GATE },
      ...{ digest: plan.digest, via: 'the policy', identity: 'Asserted' },
      reason: `standard approval of ${plan.bundle.name}: ${reason}`,
    });
    return true;
  }
}
