/** Gathers everything that is known of one rollout, from Temporal and from the rollout itself. */
import type { WorkflowHandle } from '@temporalio/client';
import type { RolloutOutcome, RolloutStatus } from '../workflows/contract.ts';
import type { PlanResult } from '../workflows/domain/plan-types.ts';
import { explainError, isPassing, isUnimplemented } from './explain.ts';
import { phaseSince, type RunRef } from './history.ts';
import { indexedState, runState } from './listing.ts';
import { LiveReader } from './live.ts';
import type { Session } from './session.ts';
import { type RolloutView, summaryOf } from './view.ts';

/** Reads views of rollouts over one session. */
export class ViewReader {
  private readonly session: Session;
  private readonly live: LiveReader;

  constructor(session: Session) {
    this.session = session;
    this.live = new LiveReader(session.client);
  }

  /** Returns the view; throws what Temporal throws where there is no such rollout. */
  async read(rollout: string): Promise<RolloutView> {
    const handle = this.session.handle(rollout);
    const described = await handle.describe();
    const { workflowId, runId, startTime, closeTime } = described;
    const state = runState(described.status.name);
    const base = {
      rollout,
      workflowId,
      runId,
      state,
      startedAt: startTime.toISOString(),
      ...(closeTime ? { closedAt: closeTime.toISOString() } : {}),
      indexed: indexedState(described),
      live: [],
    };
    switch (state) {
      case 'Completed': {
        const outcome = (await handle.result()) as RolloutOutcome;
        return { ...base, outcome, ...(await this.answers(handle)) };
      }
      case 'Running': {
        const since = await this.since(described);
        return { ...base, ...(since ? { since } : {}), ...(await this.answers(handle)) };
      }
      case 'Failed':
      case 'Cancelled':
      case 'Terminated':
      case 'TimedOut':
        return { ...base, failure: await this.failureOf(handle) };
    }
  }

  private async since(run: RunRef): Promise<string | undefined> {
    try {
      return await phaseSince(this.session.client, run);
    } catch (error) {
      // Temporal's test server reads no history backwards.
      if (isUnimplemented(error)) return undefined;
      throw error;
    }
  }

  private async failureOf(handle: WorkflowHandle): Promise<NonNullable<RolloutView['failure']>> {
    try {
      await handle.result();
    } catch (error) {
      if (isPassing(error)) throw error;
      const { type, message, exitCode } = explainError(error, this.session);
      return { type: type ?? 'Error', message, exitCode };
    }
    throw new Error(`${handle.workflowId} both failed and has a result`);
  }

  /** Asks the workflow itself; what Temporal alone knows is shown where no worker answers. */
  private async answers(
    handle: WorkflowHandle,
  ): Promise<Partial<Pick<RolloutView, 'status' | 'live' | 'about' | 'silent'>>> {
    try {
      // One after the other: a call left behind by a failed one would outlive the connection.
      const told = await handle.query<RolloutStatus>('status');
      const planned = await handle.query<PlanResult | undefined>('plan');
      const { status, live } = await this.live.enrich(told, planned?.plan);
      return { status, live, ...(planned ? { about: summaryOf(planned.plan) } : {}) };
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { silent: explainError(error, this.session).message };
    }
  }
}
