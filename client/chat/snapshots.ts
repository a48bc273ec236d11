/** What the rollouts are like now, of those that chat has to tell of. */
import type { Logger } from 'pino';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import type { Announcement } from '../announcements.ts';
import type { RolloutEntry, RolloutView } from '../view.ts';
import type { Rollouts } from './rollouts.ts';

/** How long an ended rollout and an announcement are told of. */
const ENDED_MS = 24 * 3600 * 1000;
const MAX_ROLLOUTS = 200;

/** One rollout with its plan, which is there once it is made. */
export interface Snapshot {
  readonly view: RolloutView;
  readonly planned?: PlanResult;
}

/** Reads snapshots; what can't change any more is read once. */
export class Snapshots {
  private readonly rollouts: Rollouts;
  private readonly log: Logger;
  private readonly known = new Map<string, Snapshot>();

  constructor(rollouts: Rollouts, log: Logger) {
    this.rollouts = rollouts;
    this.log = log;
  }

  /** Returns what was read last of a rollout. */
  last(rollout: string): Snapshot | undefined {
    return this.known.get(rollout);
  }

  /** Returns the rollouts that run or have ended lately; throws where Temporal does not answer. */
  async read(nowMs: number): Promise<Snapshot[]> {
    const entries = (await this.rollouts.list(MAX_ROLLOUTS)).filter(
      ({ state, closedAt }) =>
        state === 'Running' || (closedAt !== undefined && Date.parse(closedAt) > nowMs - ENDED_MS),
    );
    const names = new Set(entries.map(({ rollout }) => rollout));
    for (const name of this.known.keys()) if (!names.has(name)) this.known.delete(name);
    const snapshots: Snapshot[] = [];
    for (const entry of entries) {
      const snapshot = await this.one(entry);
      if (snapshot) snapshots.push(snapshot);
    }
    return snapshots;
  }

  /** Returns what Schedules have announced lately. */
  async news(nowMs: number): Promise<readonly Announcement[]> {
    return await this.rollouts.announcements(nowMs - ENDED_MS);
  }

  /** Reads one rollout now. */
  async fresh(rollout: string): Promise<Snapshot> {
    const view = await this.rollouts.status(rollout);
    const snapshot = { view, ...(await this.planOf(view)) };
    this.known.set(rollout, snapshot);
    return snapshot;
  }

  private async one({ rollout, state }: RolloutEntry): Promise<Snapshot | undefined> {
    const known = this.known.get(rollout);
    const over = state !== 'Running' && known !== undefined && known.view.state === state;
    if (over && (known.view.status ?? known.view.failure)) return known;
    try {
      return await this.fresh(rollout);
    } catch (error) {
      this.log.warn({ rollout, error: String(error) }, 'rollout not read; next round');
      return undefined;
    }
  }

  /** A plan is asked for once for each digest. */
  private async planOf(view: RolloutView): Promise<{ planned?: PlanResult }> {
    const digest = view.status?.digest;
    const known = this.known.get(view.rollout)?.planned;
    if (known && (digest === undefined || known.plan.digest === digest)) return { planned: known };
    return digest === undefined ? {} : { planned: await this.rollouts.planOf(view.rollout) };
  }
}
