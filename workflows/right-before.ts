/** Looks once more right before a node is disturbed: its wave looked before it was staged. */
import { patched, sleep } from '@temporalio/workflow';
import type { NodeInput } from './contract.ts';
import { TURN_MS } from './domain/lifecycle.ts';
import type { NodeRun } from './node-run.ts';
import type { Steps } from './steps.ts';

const SECOND = 1000;
/** A look that is younger is believed. */
const FRESH_MS = 15 * SECOND;
const FIRST_PAUSE_MS = 2 * SECOND;
const LONGEST_PAUSE_MS = 60 * SECOND;

export class RightBefore {
  private readonly input: NodeInput;
  private readonly run: NodeRun;
  private readonly read: Steps['read'];
  /** When it was last known that nothing holds the node. */
  private freeAt = Date.now();

  constructor(input: NodeInput, run: NodeRun, steps: Steps) {
    this.input = input;
    this.run = run;
    this.read = steps.read;
  }

  /**
   * Waits while a CronJob is about to fire or another tool works on the node; returns why it is not
   * waited for any longer, or an empty string. Recovery of workloads is a matter of the whole wave.
   */
  async waitUntilFree(): Promise<string> {
    const { policy } = this.input;
    if (Date.now() - this.freeAt < FRESH_MS || !policy.holds) return '';
    if (!patched('holds-right-before')) return '';
    const begun = Date.now();
    const limitMs = policy.holds.timeoutSeconds * SECOND;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const reason = await this.look();
      if (reason === '') return '';
      const heldMs = Date.now() - begun;
      if (heldMs >= limitMs) {
        return `held back for more than ${policy.holds.timeoutSeconds} s: ${reason}`;
      }
      this.run.wait(reason);
      await sleep(Math.min(pauseMs, limitMs - heldMs), { summary: reason });
    }
  }

  private async look(): Promise<string> {
    const { access, rollout, target, policy, expectedMs } = this.input;
    const { node, disruption } = target;
    const { holds } = await this.read.lookBeforeStart({
      ...{ access, rollout, waiting: [{ node, disruption }], inWork: [] },
      policy: { ...policy, holds: { ...policy.holds, recovery: 'Ignore' } },
      expectedMs: expectedMs ?? TURN_MS[disruption],
    });
    const hold = holds.find((entry) => entry.node === undefined || entry.node === node);
    if (!hold) this.freeAt = Date.now();
    return hold?.reason ?? '';
  }
}
