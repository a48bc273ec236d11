/** Keeps the nodes of a wave within the windows of its policy, and wakes it when the next one opens. */
import {
  defineSignal,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CarriedWave, NodeInput, NodeOutcome, WaveInput, WaveOutcome } from './contract.ts';
import { WindowWatch } from './window-watch.ts';

/** Sent by the rollout: a freeze does not count any more. */
export const liftSignal = defineSignal<[{ freeze: string }]>('liftFreeze');

export interface WaveClosed {
  readonly wave: string;
  /** Why no node starts; empty once they do. */
  readonly reason: string;
  /** The freeze that is in the way, if it is one. */
  readonly freeze?: string;
}

/** Sent by the wave to its rollout. */
export const waveClosedSignal = defineSignal<[WaveClosed]>('waveClosed');

/** How often a node may come too late before the wave goes on without it. */
const MOST_RETURNS = 3;

/** Who sleeps, and what wakes it before its time. */
export interface Sleeper {
  readonly paused: () => boolean;
  readonly ends: () => boolean;
  readonly say: (why: string) => void;
}

export class WaveWindow {
  private readonly wave: string;
  /** Nothing to watch where the policy has no calendar, and on the way back. */
  private readonly watch: WindowWatch | undefined;
  private readonly openings: Set<string>;
  private readonly returns: Record<string, number>;

  constructor(input: WaveInput) {
    const { calendar, policy, access, carried, wave } = input;
    this.wave = wave.name;
    this.openings = new Set(carried?.openings);
    this.returns = { ...carried?.returns };
    if (!calendar) return;
    const watch = new WindowWatch({ policy, region: access.region ?? '', ...calendar });
    this.watch = watch;
    setHandler(liftSignal, ({ freeze }) => watch.lift(freeze), {
      description: 'Start nodes in spite of a freeze',
    });
  }

  /** Tells whether a node may come back that has been started. */
  get watches(): boolean {
    return this.watch !== undefined;
  }

  /** Returns whether nodes may start that take so long; sleeps first where they may not. */
  async open(expectedMs: number, sleeper: Sleeper): Promise<boolean> {
    const closed = await this.watch?.closed(expectedMs);
    if (!closed) return true;
    const { paused, ends, say } = sleeper;
    const wakes = () => paused() || ends();
    if (wakes()) return false;
    this.tell(closed, say);
    await this.watch?.sleep(closed, wakes);
    // A wave that ends tells its outcome instead.
    if (!ends()) this.tell({ reason: '' }, say);
    return false;
  }

  /** Remembers in which opening a node starts, and returns what the node has to know of it. */
  start(): Pick<NodeInput, 'calendar'> {
    if (!this.watch) return {};
    if (this.watch.opening) this.openings.add(this.watch.opening);
    return { calendar: this.watch.calendarOfNode() };
  }

  /** Tells whether a node that came too late for its window is to be tried again in the next one. */
  returnsLater({ node, windowClosed }: NodeOutcome): boolean {
    if (!windowClosed) return false;
    const count = (this.returns[node] ?? 0) + 1;
    this.returns[node] = count;
    return count <= MOST_RETURNS;
  }

  /** What the rollout has to know. */
  told(): Pick<WaveOutcome, 'openings'> {
    return this.openings.size > 0 ? { openings: [...this.openings] } : {};
  }

  /** What a next run of the wave needs to know. */
  carried(): Pick<CarriedWave, 'openings' | 'returns'> {
    return this.watch ? { openings: [...this.openings], returns: this.returns } : {};
  }

  calendar(): Pick<WaveInput, 'calendar'> {
    return this.watch ? { calendar: this.watch.calendar() } : {};
  }

  private tell(
    { reason, freeze }: Pick<WaveClosed, 'reason' | 'freeze'>,
    say: Sleeper['say'],
  ): void {
    say(reason);
    const { parent } = workflowInfo();
    if (!parent) return;
    getExternalWorkflowHandle(parent.workflowId)
      .signal(waveClosedSignal, { wave: this.wave, reason, ...(freeze ? { freeze } : {}) })
      .catch((error: unknown) => log.warn('the rollout was not told', { error: String(error) }));
  }
}
