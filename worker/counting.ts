/** Counts what workflows tell and activities return. */
import type { InjectedSinks } from '@temporalio/worker';
import { NODE_OUTCOMES, type TidegateActivities } from '../workflows/contract.ts';
import { VERDICTS } from '../workflows/domain/analysis-types.ts';
import type { MetricSinks } from '../workflows/metrics.ts';
import type { Instruments } from './metrics.ts';

const ROLLOUT_OUTCOMES = ['Succeeded', 'RolledBack', 'Halted', 'Rejected'] as const;
const DIRECTIONS = ['Forward', 'Back'] as const;
const DECISIONS = ['Approve', 'Reject'] as const;
const SILENCE_RESULTS = ['Silenced', 'Ended', 'Failed'] as const;

/** Lets every counter begin at 0: what rises from nothing can't be seen to rise. */
export function countFromZero(to: Instruments, clusters: readonly string[]): void {
  for (const outcome of ROLLOUT_OUTCOMES) to.add('tidegate_rollouts_total', { outcome }, 0);
  for (const verdict of VERDICTS) to.add('tidegate_verdicts_total', { verdict }, 0);
  for (const decision of DECISIONS) to.add('tidegate_votes_total', { decision }, 0);
  for (const result of SILENCE_RESULTS) to.add('tidegate_silences_total', { result }, 0);
  to.add('tidegate_ledger_entries_total', {}, 0);
  for (const cluster of clusters) {
    to.add('tidegate_pods_evicted_total', { cluster }, 0);
    to.add('tidegate_job_pods_lost_total', { cluster }, 0);
    for (const outcome of NODE_OUTCOMES) {
      for (const direction of DIRECTIONS) {
        to.add('tidegate_nodes_total', { outcome, cluster, direction }, 0);
      }
    }
  }
}

/** Returns the sinks of the workflows' worker. */
export function metricSinks(to: Instruments): InjectedSinks<MetricSinks> {
  return {
    tidegateMetrics: {
      stepEnded: {
        fn: (_, step, seconds) =>
          to.observe('tidegate_node_step_duration_seconds', { step }, seconds),
      },
      nodeEnded: {
        fn: (_, { outcome, cluster, direction, podsEvicted, jobPodsLost }) => {
          to.add('tidegate_nodes_total', { outcome, cluster, direction });
          to.add('tidegate_pods_evicted_total', { cluster }, podsEvicted);
          to.add('tidegate_job_pods_lost_total', { cluster }, jobPodsLost);
        },
      },
      rolloutEnded: { fn: (_, outcome) => to.add('tidegate_rollouts_total', { outcome }) },
      voted: { fn: (_, decision) => to.add('tidegate_votes_total', { decision }) },
    },
  };
}

/** Returns the activities as they are, with what they return counted. */
export function countedActivities(
  activities: TidegateActivities,
  to: Instruments,
): TidegateActivities {
  const told = (result: 'Silenced' | 'Ended', { notes }: { readonly notes?: readonly string[] }) =>
    to.add('tidegate_silences_total', { result: notes ? 'Failed' : result });
  return {
    ...activities,
    async judge(input) {
      const judgement = await activities.judge(input);
      to.add('tidegate_verdicts_total', { verdict: judgement.verdict });
      return judgement;
    },
    async append(input) {
      const answer = await activities.append(input);
      to.add('tidegate_ledger_entries_total', {}, answer.added);
      return answer;
    },
    async silence(input) {
      const report = await activities.silence(input);
      told('Silenced', report);
      return report;
    },
    async unsilence(input) {
      const report = await activities.unsilence(input);
      told('Ended', report);
      return report;
    },
  };
}
