/** The activity that judges what was measured. */
import type { RecordingActivities } from '../workflows/contract.ts';
import { judge } from '../workflows/domain/analysis.ts';
import { indicatorsOf } from '../workflows/domain/indicators.ts';
import { rankSum } from './adapters/statistics.ts';

/** Returns the activity that judges; it needs nothing of the world. */
export function analysisActivities(): Pick<RecordingActivities, 'judge'> {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it computes.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: nothing; what cannot be judged is a verdict.
     */
    judge: async ({ analysis, rounds, comparison }) =>
      judge({
        indicators: indicatorsOf(analysis),
        limits: analysis,
        rounds,
        comparison,
        test: rankSum,
      }),
  };
}
