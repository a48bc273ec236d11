/** Where people reach a rollout: takes votes and commands, and remembers what was decided. */
import { condition } from '@temporalio/workflow';
import { type Command, MESSAGES, type Vote } from './contract.ts';
import { type Ballot, judgeApproval, judgeCommand } from './domain/approval.ts';
import { onMessage } from './messages.ts';
import type { RolloutState } from './rollout-state.ts';

interface Interruption {
  readonly kind: 'stop' | 'rollback';
  readonly by: string;
  readonly reason: string;
}

export class RolloutDesk {
  private readonly state: RolloutState;
  private gateOpen = false;
  private approved = false;
  /** Who rejected the plan and why; empty while nobody did. */
  rejection = '';
  private interruptedBy: Interruption | undefined;
  private goingBack = false;
  /** Who has paused the rollout and why, in words; empty while it is not. */
  paused = '';

  constructor(state: RolloutState) {
    this.state = state;
    onMessage<Vote>({
      name: 'approve',
      description: 'Approve the plan: {"by": "WHO", "digest": "sha256:...", "reason": "..."}',
      refuse: (vote) => {
        const verdict = judgeApproval(vote, this.ballot());
        return verdict.kind === 'Refused' ? verdict.reasons : [];
      },
      take: (vote) => this.approve(vote),
      refused: (vote, reasons) => {
        state.refusedVotes.push({ by: String(vote?.by), reason: reasons.join('; ') });
      },
    });
    onMessage<Command>({
      name: 'reject',
      description: 'Reject the plan: {"by": "WHO", "reason": "..."}',
      refuse: (command) => [
        ...judgeCommand(command),
        ...(this.gateOpen ? [] : ['nothing waits for approval now; `stop` ends a running rollout']),
      ],
      take: (command) => this.reject(command),
      refused: (command, reasons) => {
        state.refusedVotes.push({ by: String(command?.by), reason: reasons.join('; ') });
      },
    });
    onMessage<Command>({
      name: 'pause',
      description: 'Start no further node until it is resumed: {"by": "WHO", "reason": "..."}',
      refuse: (command) => [
        ...judgeCommand(command),
        ...(this.paused ? [`it is ${this.paused} already`] : []),
        ...(this.interrupted() ? [`it ends already, ${this.interruption()}`] : []),
      ],
      take: (command) => this.pause(command),
    });
    onMessage<Command>({
      name: 'resume',
      description: 'Go on with a rollout that was paused: {"by": "WHO"}',
      refuse: (command) => [...judgeCommand(command), ...(this.paused ? [] : ['it is not paused'])],
      take: () => this.resume(),
    });
    for (const kind of MESSAGES.filter((name) => name === 'stop' || name === 'rollback')) {
      onMessage<Command>({
        name: kind,
        description:
          kind === 'stop'
            ? 'Stop after the nodes in work: {"by": "WHO", "reason": "..."}'
            : 'Stop after the nodes in work and take updated nodes back: {"by": "WHO"}',
        refuse: judgeCommand,
        take: (command) => this.interrupt(kind, command),
      });
    }
  }

  /** Opens the gate at which the plan waits. */
  open(): void {
    this.gateOpen = true;
  }

  close(): void {
    this.gateOpen = false;
  }

  decided(): boolean {
    return this.approved || this.rejection !== '' || this.interrupted();
  }

  /** From here on nodes go back, and a new `stop` ends that. */
  beginBack(): void {
    this.goingBack = true;
    this.interruptedBy = undefined;
  }

  interrupted(): boolean {
    return this.interruptedBy !== undefined;
  }

  /** Returns who interrupted the rollout and why, in words. */
  interruption(): string {
    const cause = this.interruptedBy;
    if (!cause) return '';
    const verb = cause.kind === 'stop' ? 'stopped' : 'rolled back';
    return `${verb} by ${cause.by}${cause.reason ? `: ${cause.reason}` : ''}`;
  }

  wantsBack(): boolean {
    return this.interruptedBy?.kind === 'rollback';
  }

  /** Returns once nobody keeps the rollout paused, or it is to end. */
  async unpaused(): Promise<void> {
    await condition(() => this.paused === '' || this.interrupted());
  }

  private pause({ by, reason = '' }: Command): string {
    this.paused = `paused by ${by}${reason ? `: ${reason}` : ''}`;
    this.state.pause(this.paused);
    return 'no further node starts until it is resumed; the nodes in work are finished first';
  }

  private resume(): string {
    this.paused = '';
    this.state.pause('');
    return 'it goes on';
  }

  private ballot(): Ballot {
    const plan = this.state.planned?.plan;
    return {
      ...(plan && this.gateOpen ? { digest: plan.digest } : {}),
      requestedBy: plan?.requestedBy ?? '',
      rules: plan?.policy.spec.approval ?? { quorum: 1, requesterMayApprove: false },
      approvedBy: this.state.votes.filter((v) => v.decision === 'Approve').map((v) => v.by),
    };
  }

  private approve(vote: Vote): string {
    const verdict = judgeApproval(vote, this.ballot());
    this.record(vote, 'Approve');
    if (verdict.kind === 'Counted' && verdict.approved) this.approved = true;
    return this.approved ? 'approved: the rollout starts' : 'counted: more approvals are needed';
  }

  private reject(command: Command): string {
    this.record(command, 'Reject');
    this.rejection = `rejected by ${command.by}${command.reason ? `: ${command.reason}` : ''}`;
    return this.rejection;
  }

  private record(vote: Vote, decision: 'Approve' | 'Reject'): void {
    this.state.votes.push({ ...vote, at: new Date(Date.now()).toISOString(), decision });
  }

  /** A rollback may follow a stop; while updated nodes go back only `stop` means anything. */
  private interrupt(kind: Interruption['kind'], command: Command): string {
    const { by, reason = '' } = command;
    if (this.paused) this.resume();
    if (this.goingBack ? kind === 'stop' : !this.wantsBack()) {
      this.interruptedBy = { kind, by, reason };
    }
    if (kind === 'stop') return 'no further node starts; the nodes in work are finished first';
    return this.goingBack
      ? 'updated nodes are going back already'
      : 'no further node starts; updated nodes go back after the nodes in work';
  }
}
