/** Lets work that would disturb its like come one after the other. */

/** Who takes longer is sick, and no reason to keep the others waiting. */
const PATIENCE_MS = 3000;

/**
 * Turns in the order of asking, so many at a time. What shares a processor, a disk, a registry or a control
 * plane would else be measured together with what is done to measure its neighbours.
 */
export class Turns {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /**
   * Does the work when it is its turn, or throws the signal's reason where that comes first. The next one's
   * turn comes when the work is done, or has taken so long.
   */
  async take<T>(
    signal: AbortSignal,
    work: () => Promise<T>,
    patienceMs: number = PATIENCE_MS,
  ): Promise<T> {
    await this.#begin(signal);
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      this.#next();
    };
    const timer = setTimeout(end, patienceMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((begin, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== come);
        reject(signal.reason);
      };
      const come = () => {
        signal.removeEventListener('abort', leave);
        begin();
      };
      this.#waiting.push(come);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #next(): void {
    const come = this.#waiting.shift();
    if (come) come();
    else this.#free += 1;
  }
}
