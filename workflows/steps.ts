/** The activities of one cluster, each with the timeouts of its kind. */
import { proxyActivities } from '@temporalio/workflow';
import {
  CHANGE_OPTIONS,
  type ClusterActivities,
  clusterTaskQueue,
  type NodeActivities,
  READ_OPTIONS,
  UNDO_OPTIONS,
} from './contract.ts';
import type { Policy } from './domain/spec.ts';

const SECOND = 1000;
/** Time that an activity gets beyond the limit that it enforces itself. */
const MARGIN_MS = 60 * SECOND;

export interface Steps {
  readonly read: NodeActivities & ClusterActivities;
  readonly change: NodeActivities;
  readonly drain: NodeActivities;
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
  const { timeoutSeconds, jobTimeoutSeconds = 0 } = policy.drain;
  const drainMs = (timeoutSeconds + jobTimeoutSeconds) * SECOND + MARGIN_MS;
  return {
    read: proxyActivities<NodeActivities & ClusterActivities>({ ...READ_OPTIONS, taskQueue }),
    change: proxyActivities<NodeActivities>({ ...CHANGE_OPTIONS, taskQueue }),
    drain: proxyActivities<NodeActivities>({
      ...CHANGE_OPTIONS,
      taskQueue,
      startToCloseTimeout: drainMs,
    }),
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
