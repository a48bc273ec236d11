/** Asks whether nodes of a region may start now, and sleeps until they may. */
import { ActivityFailure } from '@temporalio/common';
import { condition, isCancellation, proxyActivities } from '@temporalio/workflow';
import {
  type PeopleActivities,
  READ_OPTIONS,
  TASK_QUEUE,
  type WaveCalendar,
  type WaveInput,
  type WindowLook,
} from './contract.ts';
import { describeFailure } from './failures.ts';

/** The worker's calendar, not the workflow's: zones change with the tables of the machine. */
const calendar = proxyActivities<PeopleActivities>({ ...READ_OPTIONS, taskQueue: TASK_QUEUE });

const SECOND = 1000;
const ASK_AGAIN_MS = 60 * SECOND;
/** Where the worker's clock is behind the server's, it says for a while that the moment is still to come. */
const LEAST_SLEEP_MS = 10 * SECOND;

export type Closed = Extract<WindowLook, { readonly kind: 'Closed' }>;

/** What is asked about. */
export interface Watched extends WaveCalendar {
  readonly policy: WaveInput['policy'];
  readonly region: string;
  /** Until when it is known to be open; absent where that is not known. */
  readonly openUntilMs?: number;
}

export class WindowWatch {
  private readonly watched: Watched;
  private openUntilMs: number;
  private readonly liftedNow: string[];
  /** The window that is open, with its beginning; undefined where no window is needed. */
  opening: string | undefined;

  constructor(watched: Watched) {
    this.watched = watched;
    this.liftedNow = [...watched.lifted];
    this.openUntilMs = watched.openUntilMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Returns why nothing may start that takes so long; undefined where it may. Asks once for each opening. */
  async closed(expectedMs: number): Promise<Closed | undefined> {
    if (Date.now() + expectedMs <= this.openUntilMs) return undefined;
    const look = await this.look(expectedMs);
    if (look.kind === 'Closed') {
      this.openUntilMs = Number.NEGATIVE_INFINITY;
      return look;
    }
    this.opening = look.opening;
    this.openUntilMs = look.closesAt ? Date.parse(look.closesAt) : Number.POSITIVE_INFINITY;
    return undefined;
  }

  /** Sleeps until the moment that was told, a freeze is lifted, or something wakes it; never asks meanwhile. */
  async sleep({ until }: Closed, wakes: () => boolean): Promise<void> {
    const known = this.liftedNow.length;
    const woken = () => wakes() || this.liftedNow.length > known;
    if (until === undefined) return await condition(woken);
    const sleepMs = Math.max(LEAST_SLEEP_MS, Date.parse(until) - Date.now());
    await condition(woken, sleepMs, { summary: `may start nodes at ${until}` });
  }

  lift(freeze: string): void {
    if (!this.liftedNow.includes(freeze)) this.liftedNow.push(freeze);
  }

  /** What those who ask next need to know. */
  calendar(): WaveCalendar {
    return { taken: this.watched.taken, lifted: this.liftedNow };
  }

  /** The same for a node that starts now. */
  calendarOfNode(): WaveCalendar & { readonly closesAt?: string } {
    const { openUntilMs } = this;
    const ends = Number.isFinite(openUntilMs);
    return {
      ...this.calendar(),
      ...(ends ? { closesAt: new Date(openUntilMs).toISOString() } : {}),
    };
  }

  private async look(expectedMs: number): Promise<WindowLook> {
    const { region, taken, policy } = this.watched;
    const { windows = [], onCall = [], freezes = [], regionsTogether = false } = policy;
    const spec = { windows, onCall, freezes, regionsTogether };
    try {
      const question = { region, taken, expectedMs, lifted: this.liftedNow };
      return await calendar.lookAtWindow({ policy: spec, ...question });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      // Nothing starts while it is not known that it may.
      const until = new Date(Date.now() + ASK_AGAIN_MS).toISOString();
      return {
        kind: 'Closed',
        reason: `the calendar can't be read: ${describeFailure(error)}`,
        until,
      };
    }
  }
}
