/** What a validation asks of a fleet: documents resolved, load that is only counted. */
import type {
  LoadActivities,
  PreparedValidation,
  ValidationActivities,
} from '../../workflows/contract.ts';

export class FakeValidation {
  prepared: PreparedValidation | undefined;
  /** Every call, in order, such as "startLoad east-1" and "churn east-1". */
  readonly calls: string[] = [];
  /** Whether load runs now. */
  loaded = false;
  /** Makes the next churn fail for good. */
  churnFails = false;

  activities(): LoadActivities & ValidationActivities {
    return {
      prepareValidation: async () => {
        if (!this.prepared) throw new Error('no validation was prepared');
        return this.prepared;
      },
      startLoad: async ({ nodes }) => {
        this.calls.push(`startLoad ${nodes.join(' ')}`);
        this.loaded = true;
      },
      churn: async ({ nodes, load }) => {
        this.calls.push(`churn ${nodes.join(' ')}`);
        if (this.churnFails) throw new Error('no pod comes to its end');
        return { ended: nodes.length * load.churnPods };
      },
      stopLoad: async ({ nodes }) => {
        this.calls.push(`stopLoad ${nodes.join(' ')}`);
        this.loaded = false;
      },
    };
  }
}
