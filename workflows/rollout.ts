import { ApplicationFailure, type TemporalFailure } from '@temporalio/common';
import {
  allHandlersFinished,
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
} from './contract.ts';
import { outcomeBody, plannedBody, requestedBody, requesterOf } from './domain/ledger-entries.ts';
import { keyOf, leftAlone } from './domain/lifecycle.ts';
import type { Plan, PlanResult } from './domain/plan-types.ts';
import { failWorkflow } from './failures.ts';
import { LedgerNotes, untilHandedOver } from './ledger-notes.ts';
import { RolloutDesk } from './rollout-desk.ts';
import { RolloutEvidence } from './rollout-evidence.ts';
import { RolloutGates } from './rollout-gates.ts';
import { ClusterLeases } from './rollout-leases.ts';
import { RolloutState } from './rollout-state.ts';
import { RolloutWaves } from './rollout-waves.ts';

const planning = proxyActivities<PlanningActivities>(PLANNING_OPTIONS);
/** The way back does not depend on how often its plan can be tried. */
const { planRollback } = proxyActivities<PlanningActivities>(UNDO_OPTIONS);

/**
 * Rolls a bundle through a fleet. `request` is a Rollout document, checked by the activity `plan`.
 * Returns what happened to every node; fails only for input that can't be planned. Cancelling
 * unwinds the nodes in work, gives the leases back and ends as Cancelled.
 */
export async function rolloutWorkflow(request: unknown): Promise<RolloutOutcome> {
  const rollout = new RolloutRun(request);
  return await untilHandedOver(
    () => runOf(rollout),
    () => rollout.ledger,
    (failure) => rollout.endedWithout(failure),
  );
}

async function runOf(rollout: RolloutRun): Promise<RolloutOutcome> {
  if (!(await rollout.plan())) return rollout.finish('Halted', [rollout.endedBy()]);
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
  const more = [...left, ...(await rollout.reviewed(outcome.outcome))];
  await condition(allHandlersFinished);
  return more.length === 0
    ? outcome
    : rollout.finish(outcome.outcome, [...outcome.reasons, ...more]);
}

class RolloutRun {
  readonly ledger: LedgerNotes;
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  readonly leases: ClusterLeases;
  private readonly waves: RolloutWaves;
  private readonly gates: RolloutGates;
  private readonly evidence: RolloutEvidence;
  private readonly request: unknown;
  private readonly startedAt = new Date(Date.now()).toISOString();

  constructor(request: unknown) {
    this.request = request;
    const name = nameOf(request);
    const requester = requesterOf(request);
    this.ledger = new LedgerNotes(name);
    const asked = requestedBody(request, workflowInfo().runId);
    this.ledger.note('Requested', asked, requester ? { actor: requester } : {});
    this.state = new RolloutState(name, this.ledger);
    this.desk = new RolloutDesk(this.state);
    this.leases = new ClusterLeases(this.state, this.desk);
    this.gates = new RolloutGates(this.state, this.desk);
    const { state, desk, gates, ledger } = this;
    const hooks = ledger.ofEvidence();
    this.evidence = new RolloutEvidence({ state, desk, gates, hooks });
    this.waves = new RolloutWaves({ state, desk, gates, evidence: this.evidence });
  }

  /** Returns whether there is a plan: people may end the rollout before. */
  async plan(): Promise<boolean> {
    const planned = await this.makePlan();
    if (planned) this.state.setPlan(planned);
    return planned !== undefined;
  }

  /** Who has ended the rollout and why, in words. */
  endedBy(): string {
    return this.desk.interruption();
  }

  nothingToDo(): boolean {
    return this.state.plan.waves.length === 0;
  }

  /** Returns how the rollout ends here, or undefined once the plan is approved. */
  async awaitApproval(): Promise<{ outcome: RolloutOutcomeKind; reason: string } | undefined> {
    return await this.gates.first(() => this.makePlan());
  }

  /** Returns nothing where people end the rollout meanwhile. */
  private async makePlan(): Promise<PlanResult | undefined> {
    const { request, desk } = this;
    return await desk.unlessEnded(() => planning.plan({ request })).catch(failWorkflow);
  }

  /** From the Leases on, which the caller gives back. */
  async run(): Promise<RolloutOutcome> {
    const stopped = (await this.noticePeriod()) || (await this.desk.windows.first());
    if (stopped !== '') return this.finish('Halted', [stopped]);
    await this.desk.unpaused();
    if (this.desk.interrupted() && patched('ended-before-start')) {
      return this.finish('Halted', [this.endedBy()]);
    }
    const blocked = await this.leases.take();
    if (blocked !== '') return this.finish('Halted', [blocked]);
    await this.waves.lookFirst();
    for (let failure = await this.waves.forward(); ; failure = await this.waves.tryAgain()) {
      if (failure === '') return this.succeed();
      if (!this.goesBack()) return this.finish('Halted', [failure]);
      const outcome = await this.back(failure);
      if (outcome !== 'TryAgain') return outcome;
      this.state.notices.stay();
    }
  }

  /** Gives people the time to object that the policy promises; returns who stopped it, or an empty string. */
  private async noticePeriod(): Promise<string> {
    const { desk, state } = this;
    const { mayStartAtMs } = state.notices;
    const leftMs = mayStartAtMs - Date.now();
    if (leftMs <= 0) return '';
    const until = new Date(mayStartAtMs).toISOString();
    state.enter('AwaitingWindow', `the notice period to end at ${until}`);
    await condition(() => desk.interrupted(), leftMs, { summary: 'notice period' });
    state.wait('');
    return desk.interruption();
  }

  /** Waits for the review that an urgent rollout needs; returns what it adds to the reasons. */
  async reviewed(outcome: RolloutOutcomeKind): Promise<readonly string[]> {
    return await this.gates.review(outcome);
  }

  /** Shows that the workflow was cancelled; its nodes in work have been unwound. */
  cancelled(): void {
    this.state.enter('Halted');
    this.state.notices.cancel();
  }

  /** Tells whether an early end means that updated nodes go back: not for what others have done. */
  private goesBack(): boolean {
    if (this.desk.interrupted()) return this.desk.wantsBack();
    if (this.waves.noRoom || this.gates.refused || this.evidence.blind) return false;
    return this.state.plan.strategy.onFailure === 'Rollback';
  }

  /** Takes every updated node back: the plan inverted, through the same waves and checks. */
  private async back(reason: string): Promise<RolloutOutcome | 'TryAgain'> {
    const { state } = this;
    const done = state.updated.filter((entry) => entry.outcome === 'Updated');
    const nodes = done.map(keyOf);
    const asked = this.desk.wantsBack() ? this.desk.interrupter() : undefined;
    state.notices.back(reason, nodes);
    this.desk.beginBack();
    const refused = nodes.length > 0 ? await this.mayNotGoBack(reason, asked) : '';
    if (refused === 'TryAgain') return refused;
    if (refused !== '') return this.finish('Halted', [reason, refused]);
    state.closeWaves();
    const plan =
      nodes.length > 0
        ? await this.desk.unlessEnded(() => planRollback({ plan: state.plan, nodes }))
        : undefined;
    if (plan) this.ledger.note('Planned', plannedBody(plan));
    if (plan) await this.takeBack(plan);
    const returned = state.rolledBack.filter(isBack).length;
    const complete = returned === nodes.length && this.needsAttention().length === 0;
    if (complete) return this.finish('RolledBack', [reason]);
    const stopped = this.desk.interrupted() ? [this.desk.interruption()] : [];
    const count = `rolled back ${returned} of ${nodes.length} nodes`;
    return this.finish('Halted', [reason, ...stopped, count]);
  }

  private async takeBack(plan: Plan): Promise<void> {
    const { state, desk } = this;
    state.expectWaves(plan.waves);
    for (const wave of plan.waves) {
      await desk.unpaused();
      if (desk.interrupted()) break;
      state.enter('RollingBack', '');
      const budget = wave.nodes.length;
      const outcome = await this.waves.runWave({ plan, wave, budget, wayBack: true });
      state.rolledBack.push(...outcome.nodes);
      state.noteNodes(outcome, plan.direction);
      const ok = outcome.nodes.every((entry) => isBack(entry)) && !outcome.notStarted.length;
      state.updateWave(wave.name, { state: ok ? 'Done' : 'Failed' });
      state.noteWave(wave.name, plan.direction, outcome.reason);
    }
  }

  /** Returns why updated nodes stay as they are, "TryAgain" where people try nodes again first, or an empty string. */
  private async mayNotGoBack(reason: string, asked: string | undefined): Promise<string> {
    const wakes = () => this.waves.retriesPending();
    const answer = await this.gates.beforeRollback(reason, asked, wakes);
    switch (answer.kind) {
      case 'Passed':
        return '';
      case 'Woken':
        return 'TryAgain';
      case 'Interrupted':
        return this.desk.interruption();
      case 'Rejected':
      case 'Expired':
        return `no rollback: ${answer.reason}; updated nodes stay as they are`;
    }
  }

  /** What was left alone is said, so that nobody takes it for updated. */
  private succeed(): RolloutOutcome {
    return this.finish('Succeeded', leftAlone(this.state.updated));
  }

  finish(outcome: RolloutOutcomeKind, reasons: readonly string[]): RolloutOutcome {
    return this.state.finish(this.outcomeOf(outcome, reasons));
  }

  /** Notes how the workflow ends where it returns no outcome. */
  endedWithout(failure: TemporalFailure): void {
    const cancelled = isCancellation(failure);
    const type = failure instanceof ApplicationFailure && failure.type ? `${failure.type}: ` : '';
    const reason = cancelled ? 'cancelled' : `${type}${failure.message}`;
    const outcome = this.outcomeOf('Halted', [reason]);
    this.ledger.note('Outcome', outcomeBody(outcome, cancelled ? 'Cancelled' : 'Failed'));
  }

  private outcomeOf(outcome: RolloutOutcomeKind, reasons: readonly string[]): RolloutOutcome {
    const { state } = this;
    const touched = new Set(state.updated.map(keyOf));
    const { plan } = state.planned ?? {};
    const planned = plan?.waves.flatMap((wave) => wave.nodes.map(keyOf)) ?? [];
    const overrides = this.desk.windows.told().filter((told) => !reasons.includes(told));
    return {
      rollout: state.name,
      outcome,
      reasons: [...reasons, ...overrides],
      digest: plan?.digest ?? '',
      nodes: state.updated,
      untouched: planned.filter((entry) => !touched.has(entry)),
      rolledBack: state.rolledBack,
      needsAttention: this.needsAttention(),
      startedAt: this.startedAt,
      finishedAt: new Date(Date.now()).toISOString(),
    };
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
