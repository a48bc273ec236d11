/** The undo stack of a saga. */
import { CancellationScope } from '@temporalio/workflow';

export interface Undo {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/**
 * Collects undos and runs them in reverse order. An undo is pushed *before* its step runs, because
 * a step may have taken effect although it failed; each undo is a no-op where there is nothing to undo.
 */
export class Compensations {
  private readonly undos: Undo[] = [];

  push(undo: Undo): void {
    this.undos.push(undo);
  }

  /** Runs all undos, shielded from cancellation; the first that fails ends it and is rethrown. */
  async unwind(onStep: (undo: Undo) => void): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      for (let undo = this.undos.pop(); undo !== undefined; undo = this.undos.pop()) {
        onStep(undo);
        await undo.run();
      }
    });
  }
}
