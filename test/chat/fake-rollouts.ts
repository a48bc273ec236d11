/** Rollouts in this process, with the domain's own judgement of votes: what chat sees of Temporal. */

import type { Announcement } from '../../client/announcements.ts';
import type { Rollouts } from '../../client/chat/rollouts.ts';
import { refused, TidegateError } from '../../client/errors.ts';
import type { RolloutEntry, RolloutView } from '../../client/view.ts';
import type {
  Command,
  FreezeOverride,
  GateStatus,
  Notice,
  RecordedVote,
  RolloutOutcome,
  Vote,
} from '../../workflows/contract.ts';
import { judgeApproval } from '../../workflows/domain/approval.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import { type Policy, policySchema } from '../../workflows/domain/spec.ts';
import { statusOf, viewOf } from '../client/kit.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

export const ADA = 'U0ADA';
export const GRACE = 'U0GRACE';
/** Who requested the rollouts. */
export const REQUESTER = 'U0CALL';
export const NOBODY = 'U0NOBODY';

export const PEOPLE = [
  { name: 'ada', roles: ['sre'], chat: [`slack:${ADA}`, 'webhook:ci/ada'] },
  { name: 'grace', roles: ['sre'], chat: [`slack:${GRACE}`] },
  { name: 'platform-oncall', roles: ['sre'], chat: [`slack:${REQUESTER}`] },
];

/** Returns a plan whose policy knows these people and tells its channels. */
export function plannedFor(rollout: string, spec: object = {}): PlanResult {
  const chatty: Policy = policySchema.parse({
    ...policy,
    spec: { people: PEOPLE, notices: { channels: ['slack:#platform'] }, ...spec },
  });
  const plan = { ...planOf({ count: 3, policy: chatty }), rollout };
  return { plan, impact: [] };
}

interface Fake {
  planned: PlanResult;
  view: RolloutView;
}

export class FakeRollouts implements Rollouts {
  readonly sent: {
    readonly message: string;
    readonly rollout: string;
    readonly argument: Command;
  }[] = [];
  readonly announced: Announcement[] = [];
  /** What every call fails with, while Temporal is away. */
  away: TidegateError | undefined;
  /** How long a vote takes to be answered. */
  delayMs = 0;
  private readonly fakes = new Map<string, Fake>();

  /** Adds a rollout that waits at its first gate. */
  add(
    rollout: string,
    options: { readonly spec?: object; readonly gate?: Partial<GateStatus> } = {},
  ) {
    const planned = plannedFor(rollout, options.spec);
    const { digest, requestedBy } = planned.plan;
    const startedAt = new Date(Date.now() - 60_000).toISOString();
    const status = {
      ...statusOf({ rollout, digest, requestedBy }),
      phase: 'AwaitingApproval' as const,
    };
    const waves = status.waves.map((w) => ({ ...w, state: 'Pending' as const }));
    const view = viewOf({
      rollout,
      runId: `run-${rollout}`,
      startedAt,
      status: { ...status, waves },
    });
    this.fakes.set(rollout, { planned, view });
    this.openGate(rollout, options.gate);
    return planned;
  }

  openGate(rollout: string, change: Partial<GateStatus> = {}): void {
    const { planned, view } = this.fake(rollout);
    const { quorum, roles, requesterMayApprove, identity, expirySeconds } =
      planned.plan.policy.spec.approval;
    this.change(rollout, {
      gate: {
        id: 'before-canary',
        digest: planned.plan.digest,
        evidence: ['nothing warns'],
        openedAt: view.startedAt,
        expiresAt: '2030-01-01T00:00:00Z',
        rules: { quorum, roles, requesterMayApprove, identity, expirySeconds },
        approvedBy: [],
        run: view.runId,
        ...change,
      },
    });
  }

  /** Changes what the rollout says of itself; `gate: undefined` closes it. */
  change(
    rollout: string,
    change: Partial<Omit<NonNullable<RolloutView['status']>, 'gate'>> & {
      gate?: GateStatus | undefined;
    },
  ): void {
    const fake = this.fake(rollout);
    const { gate, ...status } = { ...fake.view.status, ...change };
    const whole = { ...status, ...(gate ? { gate } : {}) } as NonNullable<RolloutView['status']>;
    fake.view = { ...fake.view, status: whole };
  }

  tell(rollout: string, notice: Notice): void {
    const notices = this.fake(rollout).view.status?.notices ?? [];
    this.change(rollout, { notices: [...notices, notice] });
  }

  end(rollout: string, outcome: RolloutOutcome): void {
    this.change(rollout, { gate: undefined, phase: outcome.outcome, outcome });
    const fake = this.fake(rollout);
    const closedAt = new Date().toISOString();
    fake.view = { ...fake.view, state: 'Completed', closedAt, outcome };
  }

  votes(rollout: string): readonly RecordedVote[] {
    return this.fake(rollout).view.status?.votes ?? [];
  }

  async list(): Promise<readonly RolloutEntry[]> {
    this.reach();
    return [...this.fakes.values()].map(({ view }) => {
      const { rollout, state, startedAt, closedAt, status } = view;
      const base = { rollout, state, startedAt, nodesFailed: 0, phase: status?.phase ?? '' };
      return { ...base, waitingFor: '', ...(closedAt ? { closedAt } : {}) };
    });
  }

  async announcements(): Promise<readonly Announcement[]> {
    this.reach();
    return this.announced;
  }

  async status(rollout: string): Promise<RolloutView> {
    this.reach();
    return this.fake(rollout).view;
  }

  async planOf(rollout: string): Promise<PlanResult> {
    this.reach();
    return this.fake(rollout).planned;
  }

  async approve(rollout: string, vote: Vote): Promise<string> {
    this.reach();
    const { view, planned } = this.fake(rollout);
    const gate = view.status?.gate;
    const { people, approval } = planned.plan.policy.spec;
    const verdict = judgeApproval(vote, {
      ...(gate ? { gate } : {}),
      requestedBy: planned.plan.requestedBy,
      people,
      rules: gate?.rules ?? approval,
      approvedBy: gate?.approvedBy ?? [],
    });
    if (this.delayMs > 0) await new Promise((done) => setTimeout(done, this.delayMs));
    if (verdict.kind === 'Refused') throw refused(`Refused: ${verdict.reasons.join('; ')}`);
    this.sent.push({ message: 'approve', rollout, argument: vote });
    if (!gate) throw new Error('judged without a gate');
    if (gate.approvedBy.includes(vote.by))
      return `${vote.by} has approved already: more approvals are needed`;
    this.record(rollout, { ...vote, at: '2026-11-24T22:00:00Z', decision: 'Approve' });
    const approvedBy = [...gate.approvedBy, vote.by];
    this.change(
      rollout,
      verdict.approved ? { gate: undefined, phase: 'Canary' } : { gate: { ...gate, approvedBy } },
    );
    return verdict.approved
      ? 'approved: the rollout goes on'
      : 'counted: more approvals are needed';
  }

  async reject(rollout: string, vote: Vote): Promise<string> {
    this.reach();
    this.sent.push({ message: 'reject', rollout, argument: vote });
    const digest = this.fake(rollout).view.status?.gate?.digest;
    if (digest === undefined) throw refused('Refused: nothing waits for approval now');
    this.record(rollout, { ...vote, digest, at: '2026-11-24T22:00:00Z', decision: 'Reject' });
    this.change(rollout, { gate: undefined, phase: 'Rejected' });
    return `rejected by ${vote.by}: ${vote.reason}`;
  }

  replan = (rollout: string, argument: Command) => this.steer('replan', rollout, argument);
  pause = (rollout: string, argument: Command) => this.steer('pause', rollout, argument);
  resume = (rollout: string, argument: Command) => this.steer('resume', rollout, argument);
  stop = (rollout: string, argument: Command) => this.steer('stop', rollout, argument);
  skipNode = (rollout: string, argument: Command) => this.steer('skipNode', rollout, argument);
  retryNode = (rollout: string, argument: Command) => this.steer('retryNode', rollout, argument);
  overrideFreeze = (rollout: string, argument: FreezeOverride) =>
    this.steer('overrideFreeze', rollout, argument);
  async rollback(rollout: string, argument: Command) {
    return { rollout, message: await this.steer('rollback', rollout, argument) };
  }

  private async steer(message: string, rollout: string, argument: Command): Promise<string> {
    this.reach();
    this.fake(rollout);
    this.sent.push({ message, rollout, argument });
    return `${message} taken`;
  }

  private record(rollout: string, { proof: _, ...vote }: RecordedVote & Pick<Vote, 'proof'>): void {
    this.change(rollout, { votes: [...this.votes(rollout), vote] });
  }

  private reach(): void {
    if (this.away) throw this.away;
  }

  private fake(rollout: string): Fake {
    const fake = this.fakes.get(rollout);
    if (!fake) throw refused(`There is no rollout named ${rollout} (namespace default).`);
    return fake;
  }
}

/** Returns what a Temporal that is away comes to. */
export function away(): TidegateError {
  return new TidegateError('Temporal does not answer at localhost:7233');
}
