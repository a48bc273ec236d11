/** The activities of one cluster, each with the timeouts of its kind. */
import { proxyActivities } from '@temporalio/workflow';
import {
  CHANGE_OPTIONS,
  type ClusterActivities,
  clusterTaskQueue,
  INSPECT_OPTIONS,
  type MeasuringActivities,
  type NodeActivities,
  READ_OPTIONS,
  UNDO_OPTIONS,
} from './contract.ts';
import type { Policy } from './domain/spec.ts';
import { drainLimitSeconds } from './domain/workload-rules.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Time that an activity gets beyond the limit that it enforces itself: one command may take a minute. */
const MARGIN_MS = 2 * MINUTE;
/** What grace periods may add to a drain that deletes pods by force; a dead worker is noticed anyway. */
const GRACE_MS = 60 * MINUTE;
/** What reading up to 200 hosts adds to the time for which their health is looked at. */
const HOSTS_MS = 10 * MINUTE;

export interface Steps {
  readonly read: NodeActivities & ClusterActivities;
  readonly inspect: NodeActivities['inspect'];
  readonly change: NodeActivities;
  readonly drain: NodeActivities;
  readonly reboot: NodeActivities['reboot'];
  readonly verify: NodeActivities;
  readonly health: ClusterActivities;
  /** One round is soon followed by the next: it is tried twice. */
  readonly measure: MeasuringActivities['measure'];
  /** Retried until the policy's deadline for undos; its failure means that a person is needed. */
  readonly undo: NodeActivities & ClusterActivities;
  /** Tried for two minutes: what it leaves behind harms nobody. */
  readonly unstage: NodeActivities['unstage'];
  readonly clearProbe: NodeActivities['clearProbe'];
  /** As `undo`, with the time that verification may take. */
  readonly undoVerify: NodeActivities;
  /** Retried without end: leaving a node in silence is not an option. */
  readonly lastResort: NodeActivities & ClusterActivities;
}

/** Returns the activities of a cluster for a rollout under the given policy; Temporal shows what each is about. */
export function stepsFor(cluster: string, policy: Policy['spec'], about: string): Steps {
  const common = { taskQueue: clusterTaskQueue(cluster), summary: about };
  const verifyMs = policy.verification.timeoutSeconds * SECOND + MARGIN_MS;
  // Policies of rollouts that started with an older release lack the newer fields.
  const rebootMs = (policy.reboot?.timeoutSeconds ?? 0) * SECOND + MARGIN_MS;
  const forceMs = policy.drain.atTimeout === 'Force' ? GRACE_MS : 0;
  const drainMs = drainLimitSeconds(policy.drain) * SECOND + forceMs + MARGIN_MS;
  const undo = {
    ...UNDO_OPTIONS,
    ...common,
    scheduleToCloseTimeout: policy.undoDeadlineSeconds * SECOND,
  };
  const tidy = proxyActivities<NodeActivities>({ ...undo, scheduleToCloseTimeout: 2 * MINUTE });
  return {
    read: proxyActivities<NodeActivities & ClusterActivities>({ ...READ_OPTIONS, ...common }),
    inspect: proxyActivities<NodeActivities>({ ...INSPECT_OPTIONS, ...common }).inspect,
    change: proxyActivities<NodeActivities>({ ...CHANGE_OPTIONS, ...common }),
    drain: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      ...common,
      startToCloseTimeout: drainMs,
    }),
    reboot: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      ...common,
      startToCloseTimeout: rebootMs,
    }).reboot,
    verify: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      ...common,
      startToCloseTimeout: verifyMs,
    }),
    health: proxyActivities<ClusterActivities>({
      ...INSPECT_OPTIONS,
      ...common,
      startToCloseTimeout: verifyMs + HOSTS_MS,
    }),
    measure: proxyActivities<MeasuringActivities>({
      ...INSPECT_OPTIONS,
      ...common,
      retry: { ...INSPECT_OPTIONS.retry, maximumAttempts: 2 },
    }).measure,
    undo: proxyActivities<NodeActivities & ClusterActivities>(undo),
    unstage: tidy.unstage,
    clearProbe: tidy.clearProbe,
    undoVerify: proxyActivities<NodeActivities>({
      ...undo,
      startToCloseTimeout: Math.max(verifyMs, CHANGE_OPTIONS.startToCloseTimeout),
    }),
    lastResort: proxyActivities<NodeActivities & ClusterActivities>({ ...UNDO_OPTIONS, ...common }),
  };
}
