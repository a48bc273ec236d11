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
  patched,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { ofRollout } from './attributes.ts';
import { type WaveInput, type WaveOutcome, waveWorkflowId } from './contract.ts';
import type { StopMode } from './domain/control.ts';
import type { PlannedWave } from './domain/plan-types.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import { pauseSignal, stopSignal, waveWorkflow } from './wave.ts';
import { outcomeWithout } from './wave-nodes.ts';

/** Where the rollout hears people, and shows what it waits for. */
interface Front {
  readonly desk: RolloutDesk;
  readonly tell: (waitingFor: string) => void;
  /** Called once the wave has started. */
  readonly started?: (wave: WaveHandle) => void;
  /** Called with what became of the wave where the rollout itself is cancelled. */
  readonly cancelled?: (outcome: WaveOutcome) => void;
}

export type WaveHandle = ChildWorkflowHandle<typeof waveWorkflow>;

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
  front.started?.(child);
  const passingOn = passStopOn(desk, child);
  const outcome = await child.result().catch((error) => endedFromOutside(wave, error));
  passingOn.cancel();
  if (CancellationScope.current().consideredCancelled) {
    front.cancelled?.(outcome);
    throw new CancelledFailure('cancelled');
  }
  return outcome;
}

/**
 * Starts a wave. One of that name may still unwind, of a rollout that was ended from outside: it is
 * waited for. Returns nothing where a person interrupts that.
 */
async function startWave({ desk, tell }: Front, input: WaveInput): Promise<WaveHandle | undefined> {
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
        typedSearchAttributes: [ofRollout(rollout)],
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

/** Tells the running wave what people say: pause, go on, and that it ends, in which mode. */
function passStopOn(desk: RolloutDesk, wave: WaveHandle): CancellationScope {
  const scope = new CancellationScope();
  // A rollout of before did not pass on what was said while its wave was being started.
  const seen = desk.endsWave() !== '' && !patched('stop-reaches-wave');
  void scope
    .run(() => passOn(desk, wave, seen ? desk.mode() : ''))
    .catch((error) => {
      // Cancelled, or the wave ended just before: its outcome is judged with the interruption.
      if (!(error instanceof TemporalFailure)) throw error;
    });
  return scope;
}

async function passOn(desk: RolloutDesk, wave: WaveHandle, seen: '' | StopMode) {
  let told = seen;
  for (let paused = ''; ; ) {
    await condition(() => desk.mode() !== told || (told === seen && desk.paused !== paused));
    const mode = desk.mode();
    if (mode !== told) {
      told = mode;
      const how = mode === 'Now' || mode === 'AfterWave' ? { mode } : {};
      await wave.signal(stopSignal, { reason: desk.interruption(), ...how });
      continue;
    }
    const said = desk.paused;
    await wave.signal(pauseSignal, { reason: said });
    paused = desk.paused === said || patched('pause-told-again') ? said : desk.paused;
  }
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
