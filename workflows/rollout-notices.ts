/** What a rollout tells people: kept for whoever delivers it, each cause once. Nothing here is a command to Temporal. */
import type { Notice, RecordedVote, RolloutOutcome, WaveOutcome } from './contract.ts';
import type { Told } from './domain/notice-routing.ts';
import {
  addedNotices,
  backNotices,
  cancelledNotices,
  endedNotices,
  plannedNotices,
  startedNotices,
  stayNotices,
  voidNotices,
  waveNotices,
} from './domain/notices.ts';
import type { PlannedWave, PlanResult } from './domain/plan-types.ts';

/** Notices that are kept for those who deliver them; of one moment all are. */
const KEPT = 200;

export class RolloutNotices {
  private readonly causes = new Set<string>();
  private planned: PlanResult | undefined;
  private leadEndsMs = 0;
  /** How often each cause was told. */
  private readonly made = new Map<Notice['cause'], number>();
  /** Nodes that people were told go back. */
  private goingBack: readonly string[] = [];
  private ended: readonly string[] | undefined;
  private kept: Notice[] = [];

  /** Newest last; absent where nothing was told. */
  get all(): readonly Notice[] | undefined {
    return this.kept.length > 0 ? this.kept : undefined;
  }

  /** From when on nodes may start: a while after people were told of the plan. */
  get mayStartAtMs(): number {
    return this.leadEndsMs;
  }

  /** Tells of a plan; of one that is as it was nothing is said again. */
  plan(planned: PlanResult): void {
    const anew = this.planned !== undefined;
    this.planned = planned;
    const { plan } = planned;
    if (plan.waves.length === 0) return;
    this.once(`plan ${plan.digest}`, () => {
      this.leadEndsMs = Date.now() + (plan.policy.spec.notices?.leadSeconds ?? 0) * 1000;
      return plannedNotices(planned, now(), anew);
    });
  }

  /** Tells that the first wave begins. */
  start(wave: PlannedWave): void {
    const { planned } = this;
    if (planned) this.once('start', () => startedNotices(planned, wave));
  }

  /** Tells of nodes that failed in a wave after which the rollout goes on. */
  wave(outcome: WaveOutcome): void {
    const { planned } = this;
    const cause = `wave ${outcome.wave} ${outcome.nodes.map(({ node }) => node)}`;
    if (planned) this.once(cause, () => waveNotices(planned, outcome));
  }

  /** Tells that nodes ("cluster/node") are to go back. */
  back(reason: string, nodes: readonly string[]): void {
    if (this.planned) this.add(backNotices(this.planned, { reason, nodes }));
    this.goingBack = nodes;
  }

  /** Tells that they do not, since people try others again first. */
  stay(): void {
    if (this.planned) this.add(stayNotices(this.planned, this.goingBack));
  }

  /** Tells those whose votes count no more. */
  annul(votes: readonly RecordedVote[], why: string): void {
    if (this.planned) this.add(voidNotices(this.planned, { votes, why }));
  }

  /** Tells of the end, and of what became known after it. */
  end(outcome: RolloutOutcome): void {
    const { planned, ended } = this;
    if (!planned || planned.plan.waves.length === 0) return;
    const news = outcome.reasons.filter((reason) => !ended?.includes(reason));
    if (!ended) this.add(endedNotices(planned, outcome));
    else if (news.length > 0) this.add(addedNotices(planned, news));
    this.ended = outcome.reasons;
  }

  /** Tells that somebody cancelled the workflow. */
  cancel(): void {
    if (this.planned) this.add(cancelledNotices(this.planned));
  }

  private once(cause: string, told: () => readonly Told[]): void {
    if (this.causes.has(cause)) return;
    this.causes.add(cause);
    this.add(told());
  }

  private add(told: readonly Told[]): void {
    const [first] = told;
    if (!first) return;
    const count = (this.made.get(first.cause) ?? 0) + 1;
    this.made.set(first.cause, count);
    // Whoever delivers a notice knows it by its id: other causes must not change that.
    const id = `${first.cause.toLowerCase()}-${count}`;
    const at = now();
    const added = told.map((entry, index): Notice => {
      return { id: index === 0 ? id : `${id}.${index}`, at, ...entry };
    });
    const most = Math.max(KEPT, added.length);
    this.kept = [...this.kept, ...added].slice(-most);
  }
}

const now = () => new Date(Date.now()).toISOString();
