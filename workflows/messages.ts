/** Registers a person's message as an update and as a signal of the same name. */
import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  setHandler,
} from '@temporalio/workflow';

export interface Message<T> {
  readonly name: string;
  readonly description: string;
  /** Returns why the message is refused; empty where it is taken. Synchronous on purpose. */
  readonly refuse: (argument: T) => readonly string[];
  /** Records the message; returns what the sender is told. */
  readonly take: (argument: T) => string;
  /** Called for a refused signal, since a signal's sender gets no answer. */
  readonly refused?: (argument: T, reasons: readonly string[]) => void;
}

/**
 * An update answers its sender: a refused one leaves no event and its sender gets the reasons.
 * The signal of the same name serves chat, the UI and old tools that know no updates.
 */
export function onMessage<T>(message: Message<T>): void {
  const { name, description, refuse, take } = message;
  setHandler(defineUpdate<string, [T]>(name), take, {
    description,
    validator: (argument: T): undefined => {
      const reasons = refuse(argument);
      if (reasons.length > 0) {
        throw ApplicationFailure.nonRetryable(reasons.join('; '), 'MessageRefused');
      }
      return undefined;
    },
  });
  setHandler(
    defineSignal<[T]>(name),
    (argument: T) => {
      const reasons = refuse(argument);
      if (reasons.length === 0) {
        take(argument);
      } else {
        log.warn(`signal ${name} refused: ${reasons.join('; ')}`);
        message.refused?.(argument, reasons);
      }
    },
    { description },
  );
}
