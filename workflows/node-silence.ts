/** Alerts of a node are silenced while it is in work: a lease, renewed until the node's turn ends. */
import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, proxyActivities, sleep } from '@temporalio/workflow';
import { clusterTaskQueue, type MeasuringActivities, type NodeInput } from './contract.ts';
import { describeFailure } from './failures.ts';
import type { NodeRun } from './node-run.ts';

const SECOND = 1000;
/**
 * A history has an end, and who is waited for longer than a hundred leases (8 hours by default) is told
 * by the node's alerts.
 */
export const MOST_RENEWALS = 200;

/**
 * Short and seldom repeated: no node waits for the service that sends its alerts. A renewal that is
 * under way is waited for, or it would silence anew what has just been ended.
 */
const OPTIONS = {
  startToCloseTimeout: 20 * SECOND,
  scheduleToCloseTimeout: 30 * SECOND,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: SECOND, maximumAttempts: 2 },
} as const;

type Silencer = Pick<MeasuringActivities, 'silence' | 'unsilence'>;
type Alerts = Parameters<Silencer['silence']>[0]['alerts'];

export class NodeSilence {
  private readonly input: NodeInput;
  private readonly run: NodeRun;
  private readonly activities: Silencer;
  /** Renews until its scope is cancelled; absent while alerts are not silenced. */
  private renewals: { readonly scope: CancellationScope; readonly over: Promise<void> } | undefined;

  constructor(input: NodeInput, run: NodeRun) {
    const { cluster, node } = input.target;
    this.input = input;
    this.run = run;
    this.activities = proxyActivities<Silencer>({
      ...OPTIONS,
      taskQueue: clusterTaskQueue(cluster),
      summary: `alerts of ${node}`,
    });
  }

  /** Silences the node's alerts from here on, where the policy says whose; what fails is noted. */
  async begin(): Promise<void> {
    // Policies of rollouts that started with an older release lack the field.
    const { alerts } = this.input.policy;
    if (!alerts || this.renewals) return;
    // A node that is cancelled is unwound, which is work like any other.
    await CancellationScope.nonCancellable(async () => {
      const scope = new CancellationScope();
      this.renewals = { scope, over: scope.run(() => this.keepUp(alerts)).catch(unlessCancelled) };
      await this.renew(alerts);
    });
  }

  /** Lets alerts through again; a silence that can't be ended ends by itself. */
  async end(): Promise<void> {
    const { policy, target } = this.input;
    const { alerts } = policy;
    const { renewals } = this;
    if (!alerts || !renewals) return;
    this.renewals = undefined;
    const { cluster, node } = target;
    await CancellationScope.nonCancellable(async () => {
      renewals.scope.cancel();
      await renewals.over;
      const until = `they end by themselves after ${alerts.leaseSeconds} s`;
      await this.noting(`silences of ${node} were not ended, ${until}`, () =>
        this.activities.unsilence({ alerts, cluster, node }),
      );
    });
  }

  private async keepUp(alerts: Alerts): Promise<void> {
    const pauseMs = (alerts.leaseSeconds * SECOND) / 2;
    for (let renewals = 0; renewals < MOST_RENEWALS; renewals++) {
      await sleep(pauseMs, { summary: "until the node's silence is renewed" });
      await this.renew(alerts);
    }
    const { node } = this.input.target;
    const long = `its silence was renewed ${MOST_RENEWALS} times`;
    this.run.note({ notes: [`alerts of ${node} were heard again while it was in work: ${long}`] });
  }

  private async renew(alerts: Alerts): Promise<void> {
    const { rollout, target } = this.input;
    const { cluster, node } = target;
    await this.noting(`alerts of ${node} were not silenced`, () =>
      this.activities.silence({ alerts, cluster, node, rollout }),
    );
  }

  private async noting(what: string, work: () => Promise<object>): Promise<void> {
    try {
      this.run.note(await work());
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      this.run.note({ notes: [`${what}: ${describeFailure(error)}`] });
    }
  }
}

function unlessCancelled(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
