/** Whose alerts are silenced: what Alertmanager would know, kept in a set. */
import { ApplicationFailure } from '@temporalio/common';
import type { MeasuringActivities } from '../../workflows/contract.ts';

export class FakeAlerts {
  /** Nodes whose alerts are silenced now. */
  readonly silenced = new Set<string>();
  /** Every call as "silence node" or "unsilence node", in order. */
  readonly calls: string[] = [];
  /** What goes wrong: told in the notes, or thrown as an activity that fails. */
  problem: 'None' | 'Noted' | 'Thrown' = 'None';
  /** Called in the middle of a call. */
  during: (call: string) => Promise<void> = async () => undefined;

  activities(): Pick<MeasuringActivities, 'silence' | 'unsilence'> {
    return {
      silence: ({ node }) =>
        this.call(`silence ${node}`, `alerts of ${node} were not silenced: away`, () =>
          this.silenced.add(node),
        ),
      unsilence: ({ node }) =>
        this.call(`unsilence ${node}`, `silences of ${node} were not ended: away`, () =>
          this.silenced.delete(node),
        ),
    };
  }

  count(call: string): number {
    return this.calls.filter((entry) => entry === call).length;
  }

  private async call(call: string, note: string, effect: () => void) {
    this.calls.push(call);
    await this.during(call);
    if (this.problem === 'Noted') return { notes: [note] };
    if (this.problem === 'Thrown') throw ApplicationFailure.nonRetryable('no such activity');
    effect();
    return {};
  }
}
