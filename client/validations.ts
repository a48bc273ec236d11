/** Starts validations of bundles, and looks at them. */
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  TASK_QUEUE,
  VALIDATION_WORKFLOW,
  type ValidationInput,
  type ValidationOutcome,
  type ValidationStatus,
  validationWorkflowId,
} from '../workflows/contract.ts';
import { refused, TidegateError, workflowFailure } from './errors.ts';
import { isNotFound } from './explain.ts';
import type { Session } from './session.ts';

const READ_TIMEOUT_MS = 10_000;

/** What is known of a validation: how it runs, or what it has come to. */
export type ValidationView =
  | { readonly kind: 'Running'; readonly status: ValidationStatus }
  | { readonly kind: 'Ended'; readonly outcome: ValidationOutcome };

export class Validations {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** Starts one; refuses while one of the same name runs. */
  async start(input: ValidationInput): Promise<{ readonly workflowId: string }> {
    const workflowId = validationWorkflowId(input.name);
    return await this.session.call(async () => {
      await this.session.requireWorker();
      try {
        await this.session.client.workflow.start(VALIDATION_WORKFLOW, {
          ...{ workflowId, taskQueue: TASK_QUEUE, args: [input] },
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: `${input.name}: validation on ${input.node}`,
        });
        return { workflowId };
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        throw refused(
          `Validation ${input.name} runs already; give this one another name with --name.`,
        );
      }
    });
  }

  /** Returns how a validation stands; throws why it failed where it did. */
  async look(name: string): Promise<ValidationView> {
    const handle = this.session.client.workflow.getHandle(validationWorkflowId(name));
    try {
      const { status } = await this.session.call(() => handle.describe(), READ_TIMEOUT_MS);
      if (status.name !== 'RUNNING') return { kind: 'Ended', outcome: await this.result(name) };
      const ask = () => handle.query<ValidationStatus>('status');
      return { kind: 'Running', status: await this.session.call(ask, READ_TIMEOUT_MS) };
    } catch (error) {
      if (!(error instanceof TidegateError) || !isNotFound(error.cause)) throw error;
      throw refused(`There is no validation named ${name}.`);
    }
  }

  private async result(name: string): Promise<ValidationOutcome> {
    const handle = this.session.client.workflow.getHandle(validationWorkflowId(name));
    return await this.session.call(async () => {
      try {
        return (await handle.result()) as ValidationOutcome;
      } catch (error) {
        const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
        if (!(cause instanceof ApplicationFailure)) throw error;
        throw workflowFailure({ type: cause.type ?? '', message: cause.message });
      }
    });
  }
}
