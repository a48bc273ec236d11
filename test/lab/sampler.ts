/** Looks at something again and again until it is stopped, and keeps what it saw. */
import { sleep } from '../../lab/run.ts';

export class Sampler<T> {
  readonly samples: T[] = [];
  private stopped = false;
  private readonly done: Promise<void>;

  /** Takes a sample at once, and again `everyMs` milliseconds after each. */
  constructor(take: () => Promise<T>, everyMs: number) {
    this.done = this.loop(take, everyMs);
  }

  /** Returns after the sample that is being taken. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async loop(take: () => Promise<T>, everyMs: number): Promise<void> {
    while (!this.stopped) {
      this.samples.push(await take());
      await sleep(everyMs);
    }
  }
}
