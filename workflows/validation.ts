/** Validates a bundle on one node: measured idle and at peak, updated, measured again, and judged. */
import { ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import {
  CancellationScope,
  defineQuery,
  executeChild,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import {
  CHANGE_OPTIONS,
  clusterTaskQueue,
  type LedgerEntry,
  type LoadActivities,
  type MeasuringActivities,
  PLANNING_OPTIONS,
  type PreparedValidation,
  READ_OPTIONS,
  type RecordingActivities,
  ROLLOUT_WORKFLOW,
  type RolloutOutcome,
  type RolloutOutcomeKind,
  rolloutWorkflowId,
  UNDO_OPTIONS,
  type ValidationActivities,
  type ValidationInput,
  type ValidationOutcome,
  type ValidationPhase,
  type ValidationStatus,
  validationRollout,
} from './contract.ts';
import type { RecordedJudgement, Round } from './domain/analysis-types.ts';
import type { Rollout } from './domain/spec.ts';
import { summarise, validationDetails } from './domain/validation.ts';
import { failWorkflow } from './failures.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** One round of measurements or of short pods, on at most two nodes. */
const ROUND_OPTIONS = {
  ...CHANGE_OPTIONS,
  startToCloseTimeout: 2 * MINUTE,
  retry: { ...CHANGE_OPTIONS.retry, maximumAttempts: 3 },
};

const { prepareValidation } = proxyActivities<ValidationActivities>(PLANNING_OPTIONS);
const { judge } = proxyActivities<RecordingActivities>(READ_OPTIONS);
const { record } = proxyActivities<RecordingActivities>(UNDO_OPTIONS);

type Drive = 'idle' | 'peak';

/**
 * Runs one validation. Fails for input that can't be prepared; an update that fails is an outcome. The
 * node stays updated unless it is to be put back, and is as its rollout left it where that failed.
 */
export async function validationWorkflow(input: ValidationInput): Promise<ValidationOutcome> {
  const run = new ValidationRun(input);
  const prepared = await prepareValidation(input).catch(failWorkflow);
  return await run.carryOut(prepared);
}

class ValidationRun {
  private readonly input: ValidationInput;
  private readonly rounds: Record<Drive, Round[]> = { idle: [], peak: [] };
  private phase: ValidationPhase = 'Preparing';
  private detail = '';

  constructor(input: ValidationInput) {
    this.input = input;
    setHandler(defineQuery<ValidationStatus>('status'), () => this.status(), {
      description: 'Phase of this validation and what it does',
    });
    this.enter('Preparing', 'reading documents and nodes');
  }

  async carryOut(prepared: PreparedValidation): Promise<ValidationOutcome> {
    const { analysis } = prepared;
    await this.idle(prepared, 'IdleBefore', analysis.baselineRounds);
    await this.peak(prepared, 'PeakBefore', analysis.baselineRounds);
    const patchedAt = now();
    const update = await this.roll(prepared.rollout, 'Updating');
    const judgements: RecordedJudgement[] = [];
    if (update.outcome === 'Succeeded') {
      const idleFrom = now();
      await this.idle(prepared, 'IdleAfter', analysis.minSamples);
      judgements.push(
        await this.judged(prepared, { drive: 'idle', patchedAt, soakFrom: idleFrom }),
      );
      const peakFrom = now();
      await this.peak(prepared, 'PeakAfter', analysis.minSamples);
      if (analysis.load) {
        const peak = { drive: 'peak', patchedAt, soakFrom: peakFrom } as const;
        judgements.push(await this.judged(prepared, peak));
      }
    }
    const putBack = await this.putBack(prepared, update);
    return await this.finish({ prepared, judgements, update, ...(putBack ? { putBack } : {}) });
  }

  private async idle(prepared: PreparedValidation, phase: ValidationPhase, count: number) {
    for (let round = 1; round <= count; round++) {
      this.enter(phase, `round ${round} of ${count}`);
      await this.round(prepared, 'idle');
    }
  }

  /** The load ends whatever happens; without a `load` in the policy there is no peak. */
  private async peak(prepared: PreparedValidation, phase: ValidationPhase, count: number) {
    const { analysis, access } = prepared;
    const { load } = analysis;
    if (!load) return;
    const nodes = names(prepared);
    const { startLoad, churn } = this.load(prepared);
    const limitSeconds = count * (analysis.intervalSeconds + 2 * 60) + 10 * 60;
    try {
      await startLoad({ access, nodes, load, limitSeconds });
      for (let round = 1; round <= count; round++) {
        this.enter(phase, `round ${round} of ${count}, under load`);
        await Promise.all([
          this.round(prepared, 'peak'),
          load.churnPods > 0 ? churn({ access, nodes, load }) : undefined,
        ]);
      }
    } finally {
      const { stopLoad } = this.load(prepared, UNDO_OPTIONS);
      await CancellationScope.nonCancellable(() => stopLoad({ access, nodes }));
    }
  }

  private load({ access }: PreparedValidation, options: typeof UNDO_OPTIONS = ROUND_OPTIONS) {
    return proxyActivities<LoadActivities>({
      ...options,
      taskQueue: clusterTaskQueue(access.cluster),
      summary: this.input.name,
    });
  }

  private async round(prepared: PreparedValidation, drive: Drive): Promise<void> {
    const { access, analysis, verification, target, control } = prepared;
    const begun = Date.now();
    const { measure } = proxyActivities<MeasuringActivities>({
      ...ROUND_OPTIONS,
      taskQueue: clusterTaskQueue(access.cluster),
      summary: `${this.input.name} ${drive}`,
    });
    const nodes = control ? [target, control] : [target];
    const asked = nodes.map(({ node, address }) => ({ node, address }));
    this.rounds[drive].push(await measure({ access, nodes: asked, analysis, verification }));
    const leftMs = begun + analysis.intervalSeconds * SECOND - Date.now();
    if (leftMs > 0) await sleep(leftMs, { summary: 'until the next round' });
  }

  private async roll(document: Rollout, phase: ValidationPhase): Promise<RolloutOutcome> {
    const { name } = document.metadata;
    this.enter(phase, `rollout ${name}; look at it with "tidegate status ${name}"`);
    try {
      return (await executeChild(ROLLOUT_WORKFLOW, {
        workflowId: rolloutWorkflowId(name),
        args: [document],
        staticSummary: `${name}: validation of a bundle on one node`,
      })) as RolloutOutcome;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ChildWorkflowFailure)) throw error;
      const { cause } = error;
      const type = (cause instanceof ApplicationFailure && cause.type) || 'PlanRefused';
      throw ApplicationFailure.nonRetryable(`rollout ${name}: ${cause?.message}`, type);
    }
  }

  private async judged(
    { analysis, target, control }: PreparedValidation,
    of: { readonly drive: Drive; readonly patchedAt: string; readonly soakFrom: string },
  ): Promise<RecordedJudgement> {
    const { drive, patchedAt, soakFrom } = of;
    const judgement = await judge({
      analysis,
      rounds: this.rounds[drive],
      comparison: {
        cluster: target.cluster,
        patched: [target.node],
        control: control ? [control.node] : [],
        patchedAt: { [target.node]: patchedAt },
        soakFrom,
      },
    });
    return { ...judgement, wave: drive, at: now(), extensions: 0 };
  }

  /** A validation that was cancelled leaves the node as it is then: its rollout says how. */
  private async putBack({ rollout }: PreparedValidation, update: RolloutOutcome) {
    if (!this.input.putBack || update.outcome !== 'Succeeded') return undefined;
    const name = validationRollout(this.input.name, 'Back');
    const back: Rollout = {
      ...rollout,
      metadata: { ...rollout.metadata, name },
      spec: { ...rollout.spec, direction: 'Back' },
    };
    try {
      return (await this.roll(back, 'PuttingBack')).outcome;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ApplicationFailure)) throw error;
      // What was measured is not lost over it: the finding says that the node was not put back.
      return 'Halted';
    }
  }

  private async finish(of: {
    readonly prepared: PreparedValidation;
    readonly judgements: readonly RecordedJudgement[];
    readonly update: RolloutOutcome;
    readonly putBack?: RolloutOutcomeKind;
  }): Promise<ValidationOutcome> {
    const finishedAt = now();
    const summary = summarise({ ...of, name: this.input.name, finishedAt });
    const { judgements, putBack } = of;
    await record({
      rollout: this.input.name,
      entries: [this.entry({ ...summary, judgements }, finishedAt)],
    });
    this.enter('Done', `${summary.verdict}: ${summary.findings.join('; ')}`);
    return {
      ...summary,
      judgements,
      update: of.update.outcome,
      ...(putBack ? { putBack } : {}),
    };
  }

  private entry(body: object, at: string): LedgerEntry {
    const { name, requestedBy } = this.input;
    const { workflowId, runId } = workflowInfo();
    const id = `${workflowId}/${runId}/1`;
    return { id, at, rollout: name, kind: 'Validation', actor: requestedBy, body };
  }

  private enter(phase: ValidationPhase, detail: string): void {
    this.phase = phase;
    this.detail = detail;
    setCurrentDetails(validationDetails(this.status(), this.input));
  }

  private status(): ValidationStatus {
    return { name: this.input.name, phase: this.phase, detail: this.detail };
  }
}

function names({ target, control }: PreparedValidation): readonly string[] {
  return control ? [target.node, control.node] : [target.node];
}

function now(): string {
  return new Date(Date.now()).toISOString();
}
