/** What a rollout asks a running wave about one of its nodes, and what the wave says. */
import { defineSignal, getExternalWorkflowHandle, log, workflowInfo } from '@temporalio/workflow';
import type { NodeOutcome, NodeOutcomeKind } from './contract.ts';
import type { PlannedNode } from './domain/plan-types.ts';

export interface NodeQuestion {
  readonly id: string;
  readonly node: string;
  /** Why it is to be left out, if it has not started; without it the rollout only wants to know. */
  readonly skip?: string;
}

export interface NodeAnswer {
  readonly id: string;
  readonly state: 'Waiting' | 'InWork' | NodeOutcomeKind;
  /** Set where it was left out because of this question. */
  readonly taken?: true;
}

/** Sent by the rollout to its wave. */
export const nodeSignal = defineSignal<[NodeQuestion]>('node');

/** Sent by the wave to its rollout. */
export const nodeAnswerSignal = defineSignal<[NodeAnswer]>('nodeAnswer');

/** Tells the rollout; whether it hears that is its matter: it looks at the wave's outcome as well. */
export function answerRollout(answer: NodeAnswer): void {
  const { parent } = workflowInfo();
  if (!parent) return;
  getExternalWorkflowHandle(parent.workflowId)
    .signal(nodeAnswerSignal, answer)
    .catch((error: unknown) => log.warn('the rollout was not told', { error: String(error) }));
}

/** Returns the outcome of a node about which its own workflow said nothing. */
export function outcomeWithout(
  target: PlannedNode,
  outcome: 'Skipped' | 'NeedsAttention',
  reason: string,
): NodeOutcome {
  return {
    cluster: target.cluster,
    node: target.node,
    outcome,
    reasons: [reason],
    packages: target.packages.map(({ name, from }) => ({
      name,
      before: from.version,
      after: 'unknown',
    })),
    durationMs: 0,
    phasesMs: {},
    containersBefore: 0,
    containersSurvived: 0,
    podsEvicted: [],
    jobPodsLost: [],
  };
}

/** A node that was put back because somebody stopped the rollout says who. */
export function stoppedBy(outcome: NodeOutcome, who: string): NodeOutcome {
  const reasons = outcome.reasons.map((reason) => reason.replace(/^cancelled/, who));
  return { ...outcome, reasons };
}
