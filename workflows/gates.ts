/** Where people decide whether a rollout goes on: takes votes, and waits for enough of them. */
import { condition, proxyActivities, workflowInfo } from '@temporalio/workflow';
import {
  type Command,
  type GateStatus,
  type PeopleActivities,
  READ_OPTIONS,
  type RecordedVote,
  type Vote,
  type VoteCheck,
} from './contract.ts';
import { type Ballot, judgeApproval, judgeCommand, samePerson } from './domain/approval.ts';
import { FIRST_GATE, type GateNeeds } from './domain/gates.ts';
import { gateBody } from './domain/ledger-entries.ts';
import { voteStatement } from './domain/vote-statement.ts';
import { onMessage, refusal } from './messages.ts';
import { counted } from './metrics.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';

const SECOND = 1000;
const { verifyVote } = proxyActivities<PeopleActivities>(READ_OPTIONS);

/** What voters look at, and the digest that stands for it. */
export interface GateSheet {
  readonly digest: string;
  readonly evidence: readonly string[];
}

export interface GateRequest {
  readonly id: string;
  readonly needs: GateNeeds;
  /** What is waited for, in words. */
  readonly waitsFor: (sheet: GateSheet) => string;
  /** People who may not approve here, besides the requester. */
  readonly barred?: Ballot['barred'];
  readonly look: () => Promise<GateSheet>;
  /** Looks again: once enough have approved, or because somebody asked; the old sheet if nothing is to be looked at. */
  readonly lookAgain: (why: 'Approved' | 'Asked') => Promise<GateSheet>;
  /** Whether somebody ends the waiting by stopping the rollout; default: as the desk says. */
  readonly interrupted?: () => boolean;
  /** Something else that ends the waiting, such as a node that is to be tried again. */
  readonly wakes?: () => boolean;
}

export type GateAnswer =
  | { readonly kind: 'Passed' }
  | { readonly kind: 'Rejected' | 'Expired'; readonly reason: string }
  | { readonly kind: 'Interrupted' }
  | { readonly kind: 'Woken' };

export class Gates {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private request: GateRequest | undefined;
  private approved = false;
  private rejection = '';
  private askedAgain = false;

  constructor(state: RolloutState, desk: RolloutDesk) {
    this.state = state;
    this.desk = desk;
    const refused = (message: Vote, reasons: readonly string[]) => this.refuse(message, reasons);
    onMessage<Vote>({
      name: 'approve',
      description:
        'Approve what waits at the gate: {"by": "WHO", "digest": "sha256:...", "reason": "..."}',
      refuse: (vote) => {
        const verdict = judgeApproval(vote, this.ballot());
        return verdict.kind === 'Refused' ? verdict.reasons : [];
      },
      take: (vote) => (vote.proof ? this.approveSigned(vote) : this.approve(vote)),
      refused,
    });
    onMessage<Vote>({
      name: 'reject',
      description: 'Reject what waits at the gate: {"by": "WHO", "reason": "..."}',
      refuse: (vote) => this.whyNotRejected(vote),
      take: (vote) => (vote.proof ? this.rejectSigned(vote) : this.reject(vote)),
      refused,
    });
    onMessage<Command>({
      name: 'replan',
      description:
        'Before the canary make the plan anew, at a later gate look anew: {"by": "WHO"}; votes on what has changed are void',
      refuse: (command) => [
        ...judgeCommand(command),
        ...(this.request ? [] : ['nothing waits for approval now']),
      ],
      take: () => {
        this.askedAgain = true;
        return 'it is looked at anew; if anything has changed, votes so far are void';
      },
      ...state.ledger.ofCommand('replan'),
    });
  }

  /** Waits until the gate is passed, or it is known that it will not be. */
  async pass(request: GateRequest): Promise<GateAnswer> {
    const { state } = this;
    const until = Date.now() + request.needs.expirySeconds * SECOND;
    this.rejection = '';
    let answer: GateAnswer | undefined;
    let sheet = await request.look();
    try {
      for (;;) {
        this.open(request, sheet, until);
        answer = await this.ended(request, until);
        if (answer) return answer;
        this.askedAgain = false;
        const now = await request.lookAgain(this.approved ? 'Approved' : 'Asked');
        const same = now.digest === sheet.digest;
        if (same && this.approved && this.rejection === '') {
          answer = { kind: 'Passed' };
          return answer;
        }
        if (!same) this.annul(sheet.digest, now.digest);
        sheet = now;
      }
    } finally {
      this.noteClosed(answer);
      this.request = undefined;
      state.showGate(undefined);
    }
  }

  private async ended(request: GateRequest, until: number): Promise<GateAnswer | undefined> {
    const { desk } = this;
    const woken = () => request.wakes?.() ?? false;
    const interrupted = request.interrupted ?? (() => desk.interrupted());
    const summary = `approval deadline, ${request.id}`;
    const decided = () =>
      this.approved || this.rejection !== '' || this.askedAgain || interrupted() || woken();
    const inTime = await condition(decided, Math.max(1, until - Date.now()), { summary });
    const { expirySeconds } = request.needs;
    if (!inTime) return { kind: 'Expired', reason: `nobody approved within ${expirySeconds} s` };
    if (this.rejection !== '') return { kind: 'Rejected', reason: this.rejection };
    if (interrupted()) return { kind: 'Interrupted' };
    return !this.approved && woken() ? { kind: 'Woken' } : undefined;
  }

  private open(request: GateRequest, sheet: GateSheet, until: number): void {
    const { id, needs, waitsFor } = request;
    this.request = request;
    this.approved = false;
    const known = this.state.gate;
    const gate: GateStatus = {
      id,
      ...sheet,
      openedAt: known?.openedAt ?? new Date(Date.now()).toISOString(),
      expiresAt: new Date(until).toISOString(),
      rules: needs,
      approvedBy: this.approvedBy(id, sheet.digest),
      run: workflowInfo().firstExecutionRunId,
    };
    if (known?.digest !== gate.digest) {
      this.state.ledger.note('GateOpened', gateBody(gate), { subject: id });
    }
    this.state.showGate(gate);
    this.state.enter('AwaitingApproval', waitsFor(sheet));
  }

  /** Without an answer it was cut short, such as by a cancellation. */
  private noteClosed(answer: GateAnswer = { kind: 'Interrupted' }): void {
    const { gate, ledger } = this.state;
    if (!gate) return;
    const { id, approvedBy } = gate;
    const said = answer.kind === 'Interrupted' ? this.desk.interruption() || 'cut short' : '';
    const reason = 'reason' in answer ? answer.reason : said;
    const body = { id, how: answer.kind, ...(reason ? { reason } : {}), approvedBy };
    ledger.note('GateClosed', body, { subject: id });
  }

  private approvedBy(gate: string, digest: string): string[] {
    return this.state.votes
      .filter((vote) => vote.decision === 'Approve' && vote.void === undefined)
      .filter((vote) => vote.gate === gate && vote.digest === digest)
      .map((vote) => vote.by);
  }

  private ballot(): Ballot {
    const { request, state } = this;
    const plan = state.planned?.plan;
    const { gate } = state;
    const base = { requestedBy: plan?.requestedBy ?? '', approvedBy: gate?.approvedBy ?? [] };
    if (!request || !gate) return { ...base, rules: { quorum: 1, requesterMayApprove: false } };
    return {
      ...base,
      gate,
      rules: request.needs,
      barred: request.barred ?? [],
      people: plan?.policy.spec.people ?? [],
    };
  }

  /** What a signature proves is known only once an activity has checked it; the gate may be another by then. */
  private async approveSigned(vote: Vote): Promise<string> {
    const check = await this.check(vote, 'Approve');
    if (check.kind === 'Refused') throw refusal([check.reason]);
    const verdict = judgeApproval(vote, this.ballot());
    if (verdict.kind === 'Refused') throw refusal(verdict.reasons);
    return this.approve(vote, check.signedBy);
  }

  private async rejectSigned(vote: Vote): Promise<string> {
    const check = await this.check(vote, 'Reject');
    const reasons = check.kind === 'Refused' ? [check.reason] : this.whyNotRejected(vote);
    if (check.kind === 'Refused' || reasons.length > 0) throw refusal(reasons);
    return this.reject(vote, check.signedBy);
  }

  private async check(vote: Vote, decision: RecordedVote['decision']): Promise<VoteCheck> {
    const { gate, name, plan } = this.state;
    const { by, reason, proof } = vote;
    if (!gate || !proof) return { kind: 'Refused', reason: 'nothing waits for approval now' };
    const { id, digest, run } = gate;
    const content = { rollout: name, run, gate: id, digest, by, reason };
    const statement = voteStatement({ ...content, decision });
    return await verifyVote({ statement, by, proof, approval: plan.policy.spec.approval });
  }

  private approve(vote: Vote, signedBy?: string): string {
    const before = this.ballot();
    const verdict = judgeApproval(vote, before);
    const again =
      verdict.kind === 'Counted' && before.approvedBy.some((name) => samePerson(name, vote.by));
    if (!again) this.record(vote, 'Approve', signedBy);
    if (verdict.kind === 'Counted' && verdict.approved) this.approved = true;
    const first = this.request?.id === FIRST_GATE;
    if (this.approved) return `approved: the rollout ${first ? 'starts' : 'goes on'}`;
    return again
      ? `${vote.by} has approved already: more approvals are needed`
      : 'counted: more approvals are needed';
  }

  private whyNotRejected(vote: Vote): readonly string[] {
    const { gate } = this.state;
    if (!this.request || !gate) {
      const nothing = 'nothing waits for approval now; `stop` ends a running rollout';
      return [...judgeCommand(vote), nothing];
    }
    const other = vote?.gate !== undefined && vote.gate !== gate.id;
    const reason = `"gate" is ${vote?.gate}, but what waits is ${gate.id}`;
    return [...judgeCommand(vote), ...(other ? [reason] : [])];
  }

  private reject(vote: Vote, signedBy?: string): string {
    this.record(vote, 'Reject', signedBy);
    this.rejection = `rejected by ${vote.by}${vote.reason ? `: ${vote.reason}` : ''}`;
    return this.rejection;
  }

  private record(vote: Vote, decision: 'Approve' | 'Reject', signedBy?: string): void {
    const { gate } = this.state;
    const { proof: _, ...said } = vote;
    const recorded: RecordedVote = {
      ...said,
      ...(gate ? { gate: gate.id, digest: gate.digest } : {}),
      at: new Date(Date.now()).toISOString(),
      decision,
      identity: signedBy === undefined ? 'Asserted' : 'Attested',
      ...(signedBy === undefined ? {} : { signedBy }),
    };
    this.state.addVote(recorded);
    counted((metrics) => metrics.voted(decision));
    if (gate) {
      this.state.showGate({ ...gate, approvedBy: this.approvedBy(gate.id, gate.digest) });
    }
  }

  /** Votes on what is no longer so count no more; each voter is told. */
  private annul(digest: string, now: string): void {
    const why = `what was approved has changed: ${digest} is ${now} now`;
    this.state.annulVotes(digest, why);
  }

  private refuse(vote: Vote, reasons: readonly string[]): void {
    const { gate } = this.state;
    this.state.addRefusedVote({
      by: String(vote?.by),
      reason: reasons.join('; '),
      ...(gate ? { gate: gate.id } : {}),
      ...(typeof vote?.via === 'string' ? { via: vote.via } : {}),
    });
    // The details show it: the sender of a signal has no other answer.
    this.state.showGate(gate);
  }
}
