/** One wave as a rollout sees it: started, told to stop where a person says so, waited for. */
import { CancelledFailure, ChildWorkflowFailure, TemporalFailure } from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  condition,
  isCancellation,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { type WaveInput, type WaveOutcome, waveWorkflowId } from './contract.ts';
import type { PlannedWave } from './domain/plan-types.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import { outcomeWithout, stopSignal, waveWorkflow } from './wave.ts';

/** Runs a wave to its end; throws only where the rollout itself is cancelled. */
export async function runWaveOf(desk: RolloutDesk, input: WaveInput): Promise<WaveOutcome> {
  const { wave, rollout } = input;
  const child = await startChild(waveWorkflow, {
    workflowId: waveWorkflowId(workflowInfo().workflowId, wave.name),
    args: [input],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    staticSummary: `${rollout}: ${wave.name}`,
  });
  const passingOn = passStopOn(desk, child);
  const outcome = await child.result().catch((error) => endedFromOutside(wave, error));
  passingOn.cancel();
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('cancelled');
  return outcome;
}

/** Tells the running wave once if a person interrupts the rollout while it works. */
function passStopOn(
  desk: RolloutDesk,
  wave: ChildWorkflowHandle<typeof waveWorkflow>,
): CancellationScope {
  const scope = new CancellationScope();
  const seen = desk.interrupted();
  void scope
    .run(async () => {
      await condition(() => desk.interrupted() && !seen);
      await wave.signal(stopSignal, { reason: desk.interruption() });
    })
    .catch((error) => {
      // Cancelled, or the wave ended just before: its outcome is judged with the interruption.
      if (!(error instanceof TemporalFailure)) throw error;
    });
  return scope;
}

/** A wave that a person terminated: its nodes unwind by themselves, but nobody reports them. */
function endedFromOutside(wave: PlannedWave, error: unknown): WaveOutcome {
  if (!(error instanceof ChildWorkflowFailure) || isCancellation(error)) throw error;
  const reason = `the workflow of ${wave.name} was ended from outside; look at the node's own workflow`;
  return {
    wave: wave.name,
    notStarted: [],
    reason,
    nodes: wave.nodes.map((target) => outcomeWithout(target, 'NeedsAttention', reason)),
  };
}
