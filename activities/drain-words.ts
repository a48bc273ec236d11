/** What a drain says of single pods: in notes when it has done something, as blockers when its time is up. */
import type { NodeActivities } from '../workflows/contract.ts';
import { overdueSeconds, type PodFacts } from '../workflows/domain/eviction.ts';
import { ruleFor } from '../workflows/domain/workload-rules.ts';
import { named, workloadOf } from './drain-ledger.ts';
import type { Leaving } from './drain-look.ts';

type DrainInput = Parameters<NodeActivities['drain']>[0];

/** What to type where the worker may not delete pods; must match deploy/rbac.yaml. */
export const HOW_TO_ALLOW_FORCE =
  'may not be deleted by the worker: type "kubectl create clusterrolebinding tidegate-worker-force --clusterrole=tidegate-worker-force --serviceaccount=tidegate:tidegate-worker" to allow it';

/** Returns what is worth saying of an eviction that is no matter of course. */
export function notesOfEviction({ pod, wait }: Leaving, input: DrainInput): string[] {
  const rule = ruleFor(pod, input.policy.rules);
  if (wait) {
    const decided = wait.seconds === 0 && input.jobChoice === 'Evict';
    const after = decided ? '' : ` after ${wait.seconds} s`;
    const who = wait.rule ? `rule "${wait.rule}" says` : 'the policy says';
    return [
      `${workloadOf(pod)} was still running${after} and was evicted, as ${decided ? 'a person decided' : who}`,
    ];
  }
  if (pod.owner || !rule) return [];
  return [`${named(pod)} was evicted, as rule "${rule.name}" says: nothing starts it again`];
}

/** Returns what is said of a pod that was removed though its eviction was refused. */
export function noteOfForce(pod: PodFacts, seconds: number, why: string): string {
  return `${named(pod)} was deleted by force after ${seconds} s: ${why}`;
}

/** Returns why a pod that is waited for is still there. */
export function saidOfWait({ wait }: Leaving): string {
  return wait?.rule
    ? `has not ended by itself (rule "${wait.rule}": WaitCompleted)`
    : 'is a running Job (policy: Wait)';
}

/** Returns why a pod that is terminating, or was evicted, is still there, and what to do about it. */
export function saidOfTerminating(pod: PodFacts, evicted: boolean, nowMs: number): string {
  const state = evicted ? 'was evicted but has not terminated' : 'is terminating';
  const overdue = overdueSeconds(pod, nowMs);
  const late = overdue > 0 ? `, ${overdue} s after its grace period` : '';
  const finalizers = pod.finalizers ?? [];
  if (finalizers.length > 0) {
    return `${state}${late}: it is held by the finalizer(s) ${finalizers.join(', ')}; let their controller take them off, or set drain.skipTerminatingAfterSeconds`;
  }
  return late
    ? `${state}${late}: look at the kubelet of the node, or set drain.skipTerminatingAfterSeconds`
    : state;
}
