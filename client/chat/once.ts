/** Does the same thing once, however often it is asked for within ten minutes. */
const KEPT_MS = 10 * 60 * 1000;

export class Once<T> {
  private readonly works = new Map<string, { readonly work: Promise<T>; readonly atMs: number }>();

  knows(id: string): boolean {
    return this.works.has(id);
  }

  /** Returns what the first call with this id has come to. */
  run(id: string, begin: () => Promise<T>): Promise<T> {
    const nowMs = Date.now();
    for (const [old, { atMs }] of this.works) {
      if (nowMs - atMs < KEPT_MS) break;
      this.works.delete(old);
    }
    const known = this.works.get(id);
    if (known) return known.work;
    const work = begin();
    this.works.set(id, { work, atMs: nowMs });
    return work;
  }
}
