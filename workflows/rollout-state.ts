/** What a rollout knows and shows: its phase, votes and waves, for queries, details and search. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  defineQuery,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { actedOnBy, keyword, ofRollout, waitsFor } from './attributes.ts';
import {
  type GateStatus,
  type NodeOutcome,
  type RolloutOutcome,
  type RolloutPhase,
  type RolloutStatus,
  SEARCH_ATTRIBUTES,
  type WaveOutcome,
  type WaveStatus,
  waveWorkflowId,
} from './contract.ts';
import type { RecordedJudgement } from './domain/analysis-types.ts';
import type { Baseline } from './domain/baseline.ts';
import { rolloutDetails } from './domain/details.ts';
import { withJudgement } from './domain/evidence.ts';
import { nodeBodies, outcomeBody, plannedBody, waveBody } from './domain/ledger-entries.ts';
import { isFailedNode, keyOf } from './domain/lifecycle.ts';
import type { Plan, PlannedWave, PlanResult } from './domain/plan-types.ts';
import type { LedgerNotes } from './ledger-notes.ts';
import { counted } from './metrics.ts';
import { RolloutNotices } from './rollout-notices.ts';

const PHASE = keyword(SEARCH_ATTRIBUTES.phase);
const NODES_FAILED = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.nodesFailed,
  SearchAttributeType.INT,
);

export class RolloutState {
  planned: PlanResult | undefined;
  /** What waits for approval now. */
  gate: GateStatus | undefined;
  readonly notices = new RolloutNotices();
  readonly votes: RolloutStatus['votes'][number][] = [];
  readonly refusedVotes: RolloutStatus['refusedVotes'][number][] = [];
  /** Freezes that people have lifted. */
  readonly overrides: NonNullable<RolloutStatus['overrides']>[number][] = [];
  /** The freeze that is in the way now; empty while none is. */
  freeze = '';
  /** Of each wave the newest; oldest first. */
  judgements: readonly RecordedJudgement[] = [];
  readonly updated: NodeOutcome[] = [];
  readonly rolledBack: NodeOutcome[] = [];
  private phase: RolloutPhase = 'Planning';
  private waitingFor = '';
  private paused = '';
  private waves: WaveStatus[] = [];
  private outcome: RolloutOutcome | undefined;
  readonly name: string;
  readonly ledger: LedgerNotes;
  /** What the ledger was told last of the phase. */
  private noted: { readonly phase?: RolloutPhase; readonly waitingFor?: string } = {};

  constructor(name: string, ledger: LedgerNotes) {
    this.name = name;
    this.ledger = ledger;
    setHandler(defineQuery<RolloutStatus>('status'), () => this.status(), {
      description: 'Phase, votes, waves and what the rollout waits for',
    });
    setHandler(defineQuery<PlanResult | undefined>('plan'), () => this.planned, {
      description: 'The plan with its digest and what it will disturb',
    });
    upsertSearchAttributes([ofRollout(name)]);
    this.enter('Planning');
  }

  /** The plan; only called once there is one. */
  get plan(): Plan {
    if (!this.planned) throw new Error('there is no plan yet');
    return this.planned.plan;
  }

  enter(phase: RolloutPhase, waitingFor = ''): void {
    this.phase = phase;
    this.waitingFor = waitingFor;
    this.notePhase();
    const failed = [...this.updated, ...this.rolledBack].filter((e) => isFailedNode(e.outcome));
    upsertSearchAttributes([
      { key: PHASE, value: phase },
      waitsFor(this.waits()),
      actedOnBy(this.actors()),
      { key: NODES_FAILED, value: failed.length },
    ]);
    this.show();
  }

  /** What is waited for may change often: within a phase it goes with what comes next. */
  private notePhase(): void {
    const { phase, waitingFor, noted } = this;
    const isNew = phase !== noted.phase;
    if (!isNew && (waitingFor === '' || waitingFor === noted.waitingFor)) return;
    this.noted = { phase, waitingFor };
    this.ledger.note('Phase', { phase, waitingFor }, isNew ? {} : { canWait: true });
  }

  /** Shows what it waits for in its phase; empty while it works. */
  wait(waitingFor: string): void {
    this.enter(this.phase, waitingFor);
  }

  /** Shows how far it has come with what it waits for; no event of Temporal's tells of each step. */
  progress(waitingFor: string): void {
    this.waitingFor = waitingFor;
    this.show();
  }

  /** Shows what was found of a wave, in place of what was found of it before. */
  showJudgement(judgement: RecordedJudgement): void {
    this.judgements = withJudgement(this.judgements, judgement);
    this.show();
  }

  /** Returns by node of a cluster what failed there before its update. */
  alreadyFailing(cluster: string): Readonly<Record<string, Baseline['alreadyFailing']>> {
    const known = this.updated.filter((entry) => entry.cluster === cluster);
    return Object.fromEntries(
      known.flatMap(({ node, alreadyFailing }) => (alreadyFailing ? [[node, alreadyFailing]] : [])),
    );
  }

  /** Shows who has paused the rollout; empty once it goes on. */
  pause(paused: string): void {
    this.paused = paused;
    this.wait(this.waitingFor);
  }

  setPlan(planned: PlanResult): void {
    this.planned = planned;
    this.waves = [];
    this.expectWaves(planned.plan.waves);
    this.notices.plan(planned);
    this.ledger.note('Planned', plannedBody(planned.plan, planned));
  }

  /** Shows what waits for approval; nothing does where it is undefined. */
  showGate(gate: GateStatus | undefined): void {
    this.gate = gate;
    this.show();
  }

  /** Shows that somebody has lifted a freeze. */
  override(override: NonNullable<RolloutStatus['overrides']>[number]): void {
    this.overrides.push(override);
    this.show();
  }

  addVote(vote: RolloutStatus['votes'][number]): void {
    this.votes.push(vote);
    const { by, gate } = vote;
    this.ledger.note('Vote', vote, { actor: by, ...(gate ? { subject: gate } : {}) });
  }

  addRefusedVote(vote: RolloutStatus['refusedVotes'][number]): void {
    this.refusedVotes.push(vote);
    const { by, gate } = vote;
    this.ledger.note('VoteRefused', vote, { actor: by, ...(gate ? { subject: gate } : {}) });
  }

  /** Votes on something that is no longer so do not count any more. */
  annulVotes(digest: string, why: string): void {
    const annulled: RolloutStatus['votes'][number][] = [];
    this.votes.forEach((vote, index) => {
      const counts = vote.digest === digest && vote.decision === 'Approve' && !vote.void;
      if (!counts) return;
      this.votes[index] = { ...vote, void: why };
      annulled.push(vote);
      const { by, gate } = vote;
      const subject = gate ? { subject: gate } : {};
      this.ledger.note('VoteVoid', { by, digest, ...(gate ? { gate } : {}), why }, subject);
    });
    this.notices.annul(annulled, why);
  }

  /** Adds waves that are still to come. */
  expectWaves(waves: readonly PlannedWave[]): void {
    for (const wave of waves) {
      this.waves.push({
        wave: wave.name,
        state: 'Pending',
        workflowId: waveWorkflowId(workflowInfo().workflowId, wave.name),
        nodes: wave.nodes.map(({ node }) => ({ node, phase: 'Pending' })),
      });
    }
  }

  updateWave(name: string, change: Partial<WaveStatus>): void {
    this.waves = this.waves.map((entry) => (entry.wave === name ? { ...entry, ...change } : entry));
    this.show();
  }

  /** Keeps what became of the nodes of a wave. */
  noteNodes({ wave, nodes }: WaveOutcome, direction: Plan['direction']): void {
    for (const body of nodeBodies(nodes, wave, direction)) {
      this.ledger.note('Node', body, { subject: keyOf(body) });
    }
  }

  /** Keeps how a wave ended, soak and all. */
  noteWave(name: string, direction: Plan['direction'], reason = ''): void {
    const wave = this.waves.find((entry) => entry.wave === name);
    if (wave) this.ledger.note('WaveEnded', waveBody(wave, direction, reason), { subject: name });
  }

  /** Shows what becomes of one node of a wave that does not run. */
  showNode(wave: string, node: WaveStatus['nodes'][number]): void {
    const known = this.waves.find((entry) => entry.wave === wave)?.nodes ?? [];
    this.updateWave(wave, {
      nodes: known.map((entry) => (entry.node === node.node ? node : entry)),
    });
  }

  isPhase(phase: RolloutPhase): boolean {
    return this.phase === phase;
  }

  /** Marks the waves that will not run any more. */
  closeWaves(): void {
    this.waves = this.waves.map((entry) =>
      entry.state === 'Pending' ? { ...entry, state: 'NotStarted' } : entry,
    );
  }

  finish(outcome: RolloutOutcome): RolloutOutcome {
    // What could not be handed back is added to the reasons of one that has ended.
    if (!this.outcome) counted((metrics) => metrics.rolloutEnded(outcome.outcome));
    this.outcome = outcome;
    this.closeWaves();
    this.enter(outcome.outcome);
    this.notices.end(outcome);
    this.ledger.note('Outcome', outcomeBody(outcome));
    return outcome;
  }

  private status(): RolloutStatus {
    const digest = this.gate?.digest ?? this.planned?.plan.digest;
    return {
      rollout: this.name,
      phase: this.phase,
      waitingFor: this.waits(),
      ...(digest === undefined ? {} : { digest, requestedBy: this.plan.requestedBy }),
      ...(this.gate ? { gate: this.gate } : {}),
      votes: this.votes,
      refusedVotes: this.refusedVotes,
      ...(this.overrides.length > 0 ? { overrides: this.overrides } : {}),
      ...(this.judgements.length > 0 ? { judgements: this.judgements } : {}),
      ...(this.notices.all ? { notices: this.notices.all } : {}),
      waves: this.waves,
      ...(this.paused ? { paused: this.paused } : {}),
      next: this.next(),
      ...(this.outcome ? { outcome: this.outcome } : {}),
    };
  }

  /** Roles of the people who are waited for, none where it is all the same; undefined while it is nobody. */
  private actors(): readonly string[] | undefined {
    if (this.outcome) return undefined;
    return this.gate?.rules.roles ?? (this.paused === '' ? undefined : []);
  }

  /** What is waited for first: nothing begins before the rollout is resumed. */
  private waits(): string {
    if (this.paused === '' || this.outcome) return this.waitingFor;
    return [`somebody to resume it (${this.paused})`, this.waitingFor].filter(Boolean).join('; ');
  }

  private next(): string[] {
    const lift = `tidegate override ${this.name} --freeze ${this.freeze} --as WHO --reason WHY`;
    const next = [...this.inPhase(), ...(this.freeze && !this.outcome ? [lift] : [])];
    if (this.paused === '' || this.outcome) return next;
    const others = next.filter((line) => !line.startsWith('tidegate pause'));
    return [`tidegate resume ${this.name} --as WHO`, ...others];
  }

  private inPhase(): string[] {
    const { name } = this;
    switch (this.phase) {
      case 'Planning':
        return [`tidegate watch ${name}`];
      case 'AwaitingApproval':
        return [
          `tidegate approve ${name} --digest ${this.gate?.digest ?? this.plan.digest} --as WHO`,
          `tidegate reject ${name} --as WHO --reason WHY`,
          `tidegate replan ${name} --as WHO`,
          `tidegate stop ${name} --as WHO`,
          ...(this.updated.length > 0 ? [`tidegate rollback ${name} --as WHO`] : []),
          ...this.retry(),
        ];
      case 'RollingBack':
      case 'AwaitingLease':
      case 'AwaitingWindow':
        return [`tidegate watch ${name}`, `tidegate stop ${name} --as WHO`];
      case 'Canary':
      case 'Wave':
      case 'Soaking':
        return [
          `tidegate watch ${name}`,
          `tidegate pause ${name} --as WHO`,
          `tidegate stop ${name} --as WHO [--now | --after-wave]`,
          `tidegate rollback ${name} --as WHO`,
          ...this.retry(),
        ];
      case 'Succeeded':
        return [`tidegate rollback ${name} --as WHO`];
      case 'RolledBack':
      case 'Halted':
      case 'Rejected':
        return [`tidegate status ${name}`, ...this.retry()];
    }
  }

  /** Where nodes were put back: how to try them again, in this rollout or in one of their own. */
  private retry(): string[] {
    const failed = this.updated.some(({ outcome }) => outcome === 'RolledBack');
    return failed ? [`tidegate retry ${this.name} --as WHO`] : [];
  }

  private show(): void {
    setCurrentDetails(rolloutDetails(this.status(), this.planned?.plan));
  }
}
