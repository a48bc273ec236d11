/** Every metric of Tidegate's own, and the instruments that measure it. docs/metrics.md explains each. */
import type { MetricMeter } from '@temporalio/common';

interface Metric {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** By the name that Prometheus knows; no label names a rollout or a node, of which there is no end. */
export const METRICS = {
  tidegate_rollouts_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'Rollouts that have ended, by their outcome.',
  },
  tidegate_nodes_total: {
    kind: 'counter',
    labels: ['outcome', 'cluster', 'direction'],
    help: 'Turns of nodes that have ended, by their outcome.',
  },
  tidegate_verdicts_total: {
    kind: 'counter',
    labels: ['verdict'],
    help: 'Judgements of what was measured, by their verdict.',
  },
  tidegate_votes_total: {
    kind: 'counter',
    labels: ['decision'],
    help: 'Votes that were counted at gates.',
  },
  tidegate_pods_evicted_total: {
    kind: 'counter',
    labels: ['cluster'],
    help: 'Pods that drains have evicted.',
  },
  tidegate_job_pods_lost_total: {
    kind: 'counter',
    labels: ['cluster'],
    help: 'Pods of Jobs that were evicted before they had completed.',
  },
  tidegate_silences_total: {
    kind: 'counter',
    labels: ['result'],
    help: 'Requests to silence or to hear the alerts of a node, by their result.',
  },
  tidegate_ledger_entries_total: {
    kind: 'counter',
    labels: [],
    help: 'Records that were added to the ledger.',
  },
  tidegate_node_step_duration_seconds: {
    kind: 'histogram',
    labels: ['step'],
    help: 'How long a phase of a node took, repeats and waiting included.',
  },
  tidegate_rollouts: {
    kind: 'gauge',
    labels: ['phase'],
    help: 'Rollouts that run, by their phase.',
  },
  tidegate_rollouts_waiting: {
    kind: 'gauge',
    labels: ['for'],
    help: 'Rollouts that wait, by what they wait for.',
  },
  tidegate_oldest_wait_seconds: {
    kind: 'gauge',
    labels: ['for'],
    help: 'For how long the rollout that has waited longest has waited; 0 where none waits.',
  },
  tidegate_nodes_in_work: {
    kind: 'gauge',
    labels: ['cluster'],
    help: 'Nodes whose turn it is.',
  },
  tidegate_oldest_node_seconds: {
    kind: 'gauge',
    labels: ['cluster'],
    help: 'For how long the node that is longest in work is in work; 0 where none is.',
  },
  tidegate_nodes_needing_attention: {
    kind: 'gauge',
    labels: ['cluster'],
    help: 'Nodes that are left cordoned for a person, by the label tidegate.dev/quarantine.',
  },
  tidegate_ledger_pending: {
    kind: 'gauge',
    labels: [],
    help: 'Rollouts with records that are not in the ledger yet.',
  },
  tidegate_temporal_seen_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When Temporal last said what runs, in seconds since 1970.',
  },
  tidegate_cluster_seen_timestamp_seconds: {
    kind: 'gauge',
    labels: ['cluster'],
    help: 'When the cluster last said which nodes need attention, in seconds since 1970.',
  },
} as const satisfies Readonly<Record<`tidegate_${string}`, Metric>>;

export type MetricName = keyof typeof METRICS;
type Labels<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;
type OfKind<K extends Metric['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

/** Upper bounds in seconds: steps take from less than a second to hours, where Jobs are waited for. */
export const STEP_BUCKETS = [1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400];

export interface Instruments {
  add<N extends OfKind<'counter'>>(name: N, labels: Labels<N>, by?: number): void;
  set<N extends OfKind<'gauge'>>(name: N, labels: Labels<N>, value: number): void;
  observe<N extends OfKind<'histogram'>>(name: N, labels: Labels<N>, value: number): void;
}

/**
 * Returns the instruments over a meter of Temporal's SDK, which exports them beside its own. The
 * exporter adds "_total" to counters and the unit to histograms: see telemetry.ts.
 */
export function createInstruments(meter: MetricMeter): Instruments {
  const made = new Map<MetricName, Instrument>();
  const instrument = (name: MetricName): Instrument => {
    const known = made.get(name) ?? make(meter, name);
    made.set(name, known);
    return known;
  };
  return {
    add: (name, labels, by = 1) => instrument(name).record(by, labels),
    set: (name, labels, value) => instrument(name).record(value, labels),
    observe: (name, labels, value) => instrument(name).record(value, labels),
  };
}

interface Instrument {
  record(value: number, labels: Readonly<Record<string, string>>): void;
}

function make(meter: MetricMeter, name: MetricName): Instrument {
  const { kind, help } = METRICS[name];
  switch (kind) {
    case 'counter': {
      const counter = meter.createCounter(name.replace(/_total$/, ''), '', help);
      return { record: (value, labels) => counter.add(value, labels) };
    }
    case 'gauge': {
      const gauge = meter.createGauge(name, 'float', '', help);
      return { record: (value, labels) => gauge.set(value, labels) };
    }
    case 'histogram': {
      const bare = name.replace(/_seconds$/, '');
      const histogram = meter.createHistogram(bare, 'float', 'seconds', help);
      return { record: (value, labels) => histogram.record(value, labels) };
    }
  }
}
