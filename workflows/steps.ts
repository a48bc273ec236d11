/** The activities of one cluster, each with the timeouts of its kind. */
import { proxyActivities } from '@temporalio/workflow';
import {
  CHANGE_OPTIONS,
  type ClusterActivities,
  clusterTaskQueue,
  INSPECT_OPTIONS,
  type NodeActivities,
  READ_OPTIONS,
  UNDO_OPTIONS,
} from './contract.ts';
import type { Policy } from './domain/spec.ts';
import { drainLimitSeconds } from './domain/workload-rules.ts';

const SECOND = 1000;
/** Time that an activity gets beyond the limit that it enforces itself. */
const MARGIN_MS = 60 * SECOND;

export interface Steps {
  readonly read: NodeActivities & ClusterActivities;
  readonly inspect: NodeActivities['inspect'];
  readonly change: NodeActivities;
  readonly drain: NodeActivities;
  readonly reboot: NodeActivities['reboot'];
  readonly verify: NodeActivities;
  /** Retried until the policy's deadline for undos; its failure means that a person is needed. */
  readonly undo: NodeActivities;
  /** Retried without end: leaving a node in silence is not an option. */
  readonly lastResort: NodeActivities & ClusterActivities;
}

/** Returns the activities of a cluster for a rollout under the given policy. */
export function stepsFor(cluster: string, policy: Policy['spec']): Steps {
  const taskQueue = clusterTaskQueue(cluster);
  const verifyMs = policy.verification.timeoutSeconds * SECOND + MARGIN_MS;
  // Policies of rollouts that started with an older release lack the newer fields.
  const rebootMs = (policy.reboot?.timeoutSeconds ?? 0) * SECOND + MARGIN_MS;
  const drainMs = drainLimitSeconds(policy.drain) * SECOND + MARGIN_MS;
  return {
    read: proxyActivities<NodeActivities & ClusterActivities>({ ...READ_OPTIONS, taskQueue }),
    inspect: proxyActivities<NodeActivities>({ ...INSPECT_OPTIONS, taskQueue }).inspect,
    change: proxyActivities<NodeActivities>({ ...CHANGE_OPTIONS, taskQueue }),
    drain: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      taskQueue,
      startToCloseTimeout: drainMs,
    }),
    reboot: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      taskQueue,
      startToCloseTimeout: rebootMs,
    }).reboot,
    verify: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      taskQueue,
      startToCloseTimeout: verifyMs,
    }),
    undo: proxyActivities<NodeActivities>({
      ...UNDO_OPTIONS,
      taskQueue,
      scheduleToCloseTimeout: policy.undoDeadlineSeconds * SECOND,
    }),
    lastResort: proxyActivities<NodeActivities & ClusterActivities>({ ...UNDO_OPTIONS, taskQueue }),
  };
}
