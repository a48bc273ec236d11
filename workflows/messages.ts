/** Registers a person's message as an update and as a signal of the same name. */
import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  setHandler,
} from '@temporalio/workflow';

/** Type of the failure that tells the sender of an update why it is not taken. */
const REFUSED = 'MessageRefused';

export interface Message<T> {
  readonly name: string;
  readonly description: string;
  /** Returns why the message is refused; empty where it is taken. Synchronous on purpose. */
  readonly refuse: (argument: T) => readonly string[];
  /** Records the message; returns what the sender is told, or throws `refusal` for what only a check has shown. */
  readonly take: (argument: T) => string | Promise<string>;
  /** Called with what the sender is told. */
  readonly took?: (argument: T, answer: string) => void;
  /** Called for a refused signal, since a signal's sender gets no answer, and for what a check has refused. */
  readonly refused?: (argument: T, reasons: readonly string[]) => void;
}

/**
 * An update answers its sender: a refused one leaves no event and its sender gets the reasons.
 * The signal of the same name serves chat, the UI and old tools that know no updates.
 */
export function onMessage<T>(message: Message<T>): void {
  const { name, description, refuse } = message;
  const take = (argument: T) => {
    const answer = message.take(argument);
    const told = (said: string) => message.took?.(argument, said);
    if (typeof answer === 'string') told(answer);
    // Beside the answer and never before it; what it is refused with is told by whoever waits for it.
    else answer.then(told, () => undefined);
    return answer;
  };
  const takeUpdate = (argument: T): string | Promise<string> => {
    const answer = take(argument);
    if (typeof answer === 'string') return answer;
    return answer.catch((error: unknown) => {
      // Unlike the validator's, this refusal stands in history: it is listed as those of signals are.
      if (isRefusal(error)) message.refused?.(argument, [error.message]);
      throw error;
    });
  };
  setHandler(defineUpdate<string, [T]>(name), takeUpdate, {
    description,
    validator: (argument: T): undefined => {
      const reasons = refuse(argument);
      if (reasons.length > 0) {
        throw refusal(reasons);
      }
      return undefined;
    },
  });
  const tell = (argument: T, why: string) => {
    log.warn(`signal ${name} refused: ${why}`);
    message.refused?.(argument, [why]);
  };
  setHandler(
    defineSignal<[T]>(name),
    (argument: T): Promise<void> | undefined => {
      const reasons = refuse(argument);
      if (reasons.length > 0) tell(argument, reasons.join('; '));
      const answer = reasons.length > 0 ? '' : take(argument);
      if (typeof answer === 'string') return undefined;
      return answer.then(
        () => undefined,
        // What a signal is refused with must not fail the workflow.
        (error: unknown) => {
          if (!isRefusal(error)) throw error;
          tell(argument, error.message);
        },
      );
    },
    { description },
  );
}

/** Returns what the sender of a message that is not taken gets. */
export function refusal(reasons: readonly string[]): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(reasons.join('; '), REFUSED);
  // Temporal's UI would show it beneath the reasons.
  failure.stack = '';
  return failure;
}

function isRefusal(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type === REFUSED;
}
