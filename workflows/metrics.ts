/** What workflows tell of themselves to whoever counts: the worker makes metrics of it. */
import { proxySinks, type Sinks, workflowInfo } from '@temporalio/workflow';
import type { NodeOutcome, NodePhase, RecordedVote, RolloutOutcomeKind } from './contract.ts';

/** A node's turn that has ended. */
export interface EndedNode extends Pick<NodeOutcome, 'cluster' | 'outcome'> {
  readonly direction: 'Forward' | 'Back';
  readonly podsEvicted: number;
  readonly jobPodsLost: number;
}

/** A sink, as Temporal names it: called beside the workflow, it can't change what the workflow does. */
export interface MetricSinks extends Sinks {
  tidegateMetrics: {
    stepEnded(step: NodePhase, seconds: number): void;
    nodeEnded(node: EndedNode): void;
    rolloutEnded(outcome: RolloutOutcomeKind): void;
    voted(decision: RecordedVote['decision']): void;
  };
}

const { tidegateMetrics } = proxySinks<MetricSinks>();

/**
 * Tells the worker something that is counted. No event of the history comes of it, and a replay tells
 * nothing; the SDK's own meter would add labels that are not spelt as Prometheus wants them.
 */
export function counted(tell: (metrics: MetricSinks['tidegateMetrics']) => void): void {
  if (!workflowInfo().unsafe.isReplaying) tell(tidegateMetrics);
}
