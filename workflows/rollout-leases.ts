/** The Leases by which a rollout has its clusters to itself. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, condition, log, patched, workflowInfo } from '@temporalio/workflow';
import type { ClusterAccess } from './domain/inventory.ts';
import { describeFailure, failureType } from './failures.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';
import { stepsFor } from './steps.ts';

const SECOND = 1000;

export class ClusterLeases {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  private readonly holder = workflowInfo().workflowId;

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

  /** A Lease that can't be given back is taken over by whoever is next: its holder has ended. */
  async giveBack(): Promise<void> {
    const { clusters, policy } = this.state.plan;
    const giveBack = async (access: ClusterAccess) => {
      const { undo } = stepsFor(access.cluster, policy.spec);
      await undo.releaseClusterLease({ access, holder: this.holder }).catch((error) => {
        if (!(error instanceof ActivityFailure)) throw error;
        log.warn('lease not given back', { cluster: access.cluster, why: describeFailure(error) });
      });
    };
    await CancellationScope.nonCancellable(async () => {
      if (clusters.length > 1 && patched('leases-back-at-once')) {
        await Promise.all(clusters.map(giveBack));
      } else for (const access of clusters) await giveBack(access);
    });
  }

  private async takeOne(access: ClusterAccess): Promise<string> {
    const { state, desk, holder } = this;
    const { read } = stepsFor(access.cluster, state.plan.policy.spec);
    for (const begun = Date.now(); ; ) {
      try {
        await read.acquireClusterLease({ access, holder });
        return '';
      } catch (error) {
        if (failureType(error) === undefined) throw error;
        if (failureType(error) !== 'LeaseHeld') return describeFailure(error);
        state.enter('AwaitingLease', describeFailure(error));
      }
      const summary = `lease of ${access.cluster}`;
      const pauseMs = retryMs(Date.now() - begun);
      if (await condition(() => desk.interrupted(), pauseMs, { summary })) {
        return desk.interruption();
      }
    }
  }
}

/** Waits a twentieth of what was waited already: history grows by some 11 events a try. */
function retryMs(waitedMs: number): number {
  return Math.min(Math.max(10 * SECOND, Math.round(waitedMs / 20)), 600 * SECOND);
}
