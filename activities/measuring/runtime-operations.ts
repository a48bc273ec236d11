/** What a kubelet's own clock says of its calls to the container runtime. */
import type { MetricSample } from '../adapters/kubelet-adapter.ts';
import type { Answer } from './answer.ts';

const SUM = 'kubelet_runtime_operations_duration_seconds_sum';
const COUNT = 'kubelet_runtime_operations_duration_seconds_count';
const ERRORS = 'kubelet_runtime_operations_errors_total';
const TOTAL = 'kubelet_runtime_operations_total';
/** Tells a kubelet that was started anew from one that goes on. */
const STARTED = 'process_start_time_seconds';

export const OPERATION_METRICS = [SUM, COUNT, ERRORS, TOTAL, STARTED] as const;

/** What starting a container takes, in this order. */
const START_OPERATIONS = ['run_podsandbox', 'create_container', 'start_container'] as const;
const PULL_OPERATION = 'pull_image';

/** The counters of one look, by operation. */
export interface OperationCounters {
  readonly startedAt: number;
  readonly seconds: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
}

/** Returns the counters; fails where there are none, since no operation at all is no kubelet's state. */
export function countersIn(samples: readonly MetricSample[], node: string): OperationCounters {
  const of = (name: string) => {
    const found = samples.filter((sample) => sample.name === name);
    return new Map(found.map(({ labels, value }) => [labels['operation_type'] ?? '', value]));
  };
  const startedAt = of(STARTED).get('');
  if (of(TOTAL).size === 0 || of(COUNT).size === 0 || startedAt === undefined) {
    throw new Error(
      `the kubelet of ${node} does not tell ${startedAt === undefined ? STARTED : TOTAL}`,
    );
  }
  return { startedAt, seconds: of(SUM), counts: of(COUNT), errors: of(ERRORS) };
}

/** Returns how long starting a container took between two looks: the sum over its operations of their means. */
export function startMs(before: OperationCounters, after: OperationCounters): Answer {
  if (before.startedAt !== after.startedAt) return RESTARTED;
  let ms = 0;
  for (const operation of START_OPERATIONS) {
    const { count, seconds } = growth(before, after, operation);
    if (count <= 0) return { error: `the kubelet counted no ${operation} while the probe started` };
    ms += (seconds / count) * 1000;
  }
  return { value: ms };
}

/** Returns how long the one pull between two looks took. */
export function pullMs(before: OperationCounters, after: OperationCounters): Answer {
  if (before.startedAt !== after.startedAt) return RESTARTED;
  const { count, seconds, errors } = growth(before, after, PULL_OPERATION);
  if (errors > 0) return { error: 'the image could not be pulled' };
  if (count === 0) return { error: 'the kubelet counted no pull_image' };
  if (count > 1) return { noData: 'other images were pulled at the same time' };
  return { value: seconds * 1000 };
}

/** Returns how many operations have failed since the kubelet started. */
export function errorsSoFar({ errors }: OperationCounters): number {
  return [...errors.values()].reduce((sum, count) => sum + count, 0);
}

const RESTARTED: Answer = { error: 'the kubelet was started anew during the measurement' };

/** An operation that was not counted yet is not there yet. */
function growth(before: OperationCounters, after: OperationCounters, operation: string) {
  const of = (pick: (counters: OperationCounters) => ReadonlyMap<string, number>) =>
    (pick(after).get(operation) ?? 0) - (pick(before).get(operation) ?? 0);
  return {
    seconds: of(({ seconds }) => seconds),
    count: of(({ counts }) => counts),
    errors: of(({ errors }) => errors),
  };
}
