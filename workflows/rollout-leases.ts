/** The Leases by which a rollout has its clusters to itself. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, condition, log, patched, workflowInfo } from '@temporalio/workflow';
import type { ClusterAccess } from './domain/inventory.ts';
import { leaseAgainMs } from './domain/patience.ts';
import { describeFailure, failureType } from './failures.ts';
import { insist } from './last-resort.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';
import { stepsFor } from './steps.ts';

/** For how long a Lease that was refused is given back again; it keeps the rollout from ending. */
const GIVE_BACK_MS = 600_000;

export class ClusterLeases {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly holder = workflowInfo().workflowId;
  /** Clusters whose Lease the rollout has had. */
  private readonly taken = new Set<string>();

  constructor(state: RolloutState, desk: RolloutDesk) {
    this.state = state;
    this.desk = desk;
  }

  /** Returns why the rollout can't begin, or an empty string once it holds every cluster's Lease. */
  async take(): Promise<string> {
    for (const access of this.state.plan.clusters) {
      const refused = await this.takeOne(access);
      if (refused !== '') return refused;
    }
    return '';
  }

  /**
   * Gives back what was taken, each for itself, and returns in words what could not be. That is taken
   * over by whoever is next: its holder has ended.
   */
  async giveBack(): Promise<readonly string[]> {
    const { clusters } = this.state.plan;
    return await CancellationScope.nonCancellable(async () => {
      const left: string[] = [];
      const giveBack = async (access: ClusterAccess) => {
        const why = await this.giveOneBack(access);
        if (why !== '') left.push(why);
      };
      if (clusters.length > 1 && patched('leases-back-at-once')) {
        await Promise.all(clusters.map(giveBack));
      } else for (const access of clusters) await giveBack(access);
      return left.sort();
    });
  }

  /** Returns why a Lease that was taken is not given back, or an empty string. */
  private async giveOneBack(access: ClusterAccess): Promise<string> {
    const { state, holder } = this;
    const { cluster } = access;
    const { undo } = stepsFor(cluster, state.plan.policy.spec, leaseOf(cluster));
    const begun = Date.now();
    const tell = (why: string) => log.warn('lease not given back', { cluster, why });
    const release = () => undo.releaseClusterLease({ access, holder, rollout: state.name });
    let why = await whyNot(release);
    if (why !== '') tell(why);
    if (why === '' || !this.taken.has(cluster) || !patched('leases-back-insisted')) return '';
    state.wait(`the Lease of ${cluster} to be given back`);
    const giveUpAfterMs = GIVE_BACK_MS - (Date.now() - begun);
    if (giveUpAfterMs > 0) why = await whyNot(() => insist(release, { tell, giveUpAfterMs }));
    state.wait('');
    return (
      why &&
      `the Lease of ${cluster} could not be given back: ${why} (the next rollout takes it over)`
    );
  }

  private async takeOne(access: ClusterAccess): Promise<string> {
    const { state, desk, holder } = this;
    const summary = leaseOf(access.cluster);
    const { read } = stepsFor(access.cluster, state.plan.policy.spec, summary);
    for (const begun = Date.now(); ; ) {
      try {
        await read.acquireClusterLease({ access, holder, rollout: state.name });
        this.taken.add(access.cluster);
        return '';
      } catch (error) {
        if (failureType(error) === undefined) throw error;
        if (failureType(error) !== 'LeaseHeld') return describeFailure(error);
        state.enter('AwaitingLease', describeFailure(error));
      }
      const pauseMs = leaseAgainMs(Date.now() - begun);
      if (await condition(() => desk.interrupted(), pauseMs, { summary })) {
        return desk.interruption();
      }
    }
  }
}

/** What Temporal shows beside the names of what is done about it. */
const leaseOf = (cluster: string) => `Lease of ${cluster}`;

/** Returns what activities have failed with, in words; an empty string where they have not. */
async function whyNot(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return '';
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return describeFailure(error);
  }
}
