/** One wave as a rollout sees it: started, told to stop where a person says so, waited for. */
import {
  CancelledFailure,
  ChildWorkflowFailure,
  TemporalFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
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
import { outcomeWithout, pauseSignal, stopSignal, waveWorkflow } from './wave.ts';

/** Where the rollout hears people, and shows what it waits for. */
interface Front {
  readonly desk: RolloutDesk;
  readonly tell: (waitingFor: string) => void;
}

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 120_000;

/** Runs a wave to its end; throws only where the rollout itself is cancelled. */
export async function runWaveOf(front: Front, input: WaveInput): Promise<WaveOutcome> {
  const { wave } = input;
  const { desk } = front;
  const child = await startWave(front, input);
  if (!child) {
    const notStarted = wave.nodes.map(({ node }) => node);
    return { wave: wave.name, nodes: [], notStarted, reason: desk.interruption() };
  }
  const passingOn = passStopOn(desk, child);
  const outcome = await child.result().catch((error) => endedFromOutside(wave, error));
  passingOn.cancel();
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('cancelled');
  return outcome;
}

/**
 * Starts a wave. One of that name may still unwind, of a rollout that was ended from outside: it is
 * waited for. Returns nothing where a person interrupts that.
 */
async function startWave(
  { desk, tell }: Front,
  input: WaveInput,
): Promise<ChildWorkflowHandle<typeof waveWorkflow> | undefined> {
  const { wave, rollout } = input;
  const workflowId = waveWorkflowId(workflowInfo().workflowId, wave.name);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await startChild(waveWorkflow, {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${rollout}: ${wave.name}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    tell(`${workflowId} of an earlier run to end`);
    const summary = `${wave.name} of an earlier run`;
    if (await condition(() => desk.interrupted(), pauseMs, { summary })) return undefined;
    tell('');
  }
}

/** Tells the running wave what people say: pause, go on, and, once, that it ends. */
function passStopOn(
  desk: RolloutDesk,
  wave: ChildWorkflowHandle<typeof waveWorkflow>,
): CancellationScope {
  const scope = new CancellationScope();
  const seen = desk.interrupted();
  void scope
    .run(async () => {
      for (let paused = ''; ; paused = desk.paused) {
        await condition(() => (desk.interrupted() && !seen) || desk.paused !== paused);
        if (desk.interrupted() && !seen) break;
        await wave.signal(pauseSignal, { reason: desk.paused });
      }
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
