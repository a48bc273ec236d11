/** Makes chat agree with the rollouts, round after round. Keeps nothing: what is posted is found again. */
import type { Logger } from 'pino';
import { ChatError, type ChatService, type Place, type Posted } from './chat-service.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { closingOf, serviceOf, type Wanted, wantedNews, wantedOf } from './wanted.ts';

/** What a bridge works with. */
export interface BridgeParts {
  readonly snapshots: Snapshots;
  readonly services: readonly ChatService[];
  /** Where gates are shown besides the policy's own channels. */
  readonly channels: readonly string[];
  readonly log: Logger;
  readonly pollMs: number;
  readonly now: () => number;
}

/** Runs rounds, one at a time. */
export class Bridge {
  private readonly parts: BridgeParts;
  private readonly services: ReadonlyMap<string, ChatService>;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private waiting: Promise<void> | undefined;
  private stopped = false;
  /** When the last round has seen Temporal; for the health check. */
  lastSeenMs: number | undefined;

  constructor(parts: BridgeParts) {
    this.parts = parts;
    this.services = new Map(parts.services.map((service) => [service.name, service]));
  }

  /** Begins the rounds. */
  start(): void {
    this.schedule(0);
  }

  /** Ends the rounds; returns once the one in work is done. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Makes a round now, or right after the one in work; several wishes share one. */
  round(): Promise<void> {
    this.waiting ??= this.next();
    return this.waiting;
  }

  private next(): Promise<void> {
    this.running = this.running.then(async () => {
      this.waiting = undefined;
      if (!this.stopped) await this.once();
    });
    return this.running;
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      void this.round().then(() => this.schedule(this.parts.pollMs));
    }, ms);
  }

  /** Throws nothing: what went wrong is logged, and tried again in the next round. */
  private async once(): Promise<void> {
    const { snapshots, log, now, channels } = this.parts;
    const services = new Set(this.services.keys());
    const options = { channels, services };
    try {
      const seen = await snapshots.read(now());
      const news = await snapshots.news(now());
      this.lastSeenMs = now();
      const wanted = [
        ...seen.flatMap((snapshot) => wantedOf(snapshot, options)),
        ...news.flatMap((announcement) => wantedNews(announcement, options)),
      ];
      const begun = [
        ...seen.map(({ view }) => view.startedAt),
        ...news.map(({ notice }) => notice.at),
      ];
      const sinceMs = Math.min(...begun.map((at) => Date.parse(at)));
      const places = new Set([
        ...wanted.map(({ channel }) => channel),
        ...seen.flatMap((snapshot) => generalChannels(snapshot, channels)),
      ]);
      for (const channel of places) {
        const there = wanted.filter((entry) => entry.channel === channel);
        await this.agree({ channel, sinceMs }, there, seen);
      }
    } catch (error) {
      log.warn({ error: String(error) }, 'Temporal not read; next round');
    }
  }

  private async agree(
    place: Place,
    wanted: readonly Wanted[],
    seen: readonly Snapshot[],
  ): Promise<void> {
    const { channel } = place;
    const service = this.services.get(serviceOf(channel));
    if (!service) return;
    try {
      const top = wanted.filter(({ thread }) => !thread);
      await this.ensure(service, place, top);
      const posted = await service.posted(place, false);
      await this.close(service, place, { posted, wanted: top, seen });
      for (const { view } of seen) {
        const under = posted.find(({ tag }) => tag.run === view.runId);
        const below = wanted.filter(({ thread, post }) => thread && post.tag.run === view.runId);
        if (under && below.length > 0) await this.ensure(service, { ...place, under }, below);
      }
    } catch (error) {
      this.parts.log.warn({ channel, error: String(error) }, 'channel not served; next round');
    }
  }

  /** Posts what is missing and updates what differs; asks the service itself before it posts. */
  private async ensure(
    service: ChatService,
    place: Place,
    wanted: readonly Wanted[],
  ): Promise<void> {
    if (wanted.length === 0) return;
    const keys = (posted: readonly Posted[]) => new Map(posted.map((e) => [e.tag.key, e]));
    let known = keys(await service.posted(place, false));
    if (wanted.some(({ post }) => !known.has(post.tag.key))) {
      known = keys(await service.posted(place, true));
    }
    for (const { post } of wanted) {
      const found = known.get(post.tag.key);
      if (found?.tag.revision === post.tag.revision) continue;
      const { key } = post.tag;
      await this.unlessRefused(key, async () => {
        if (found) return await service.update(place, found, post);
        await service.post(place, post);
        this.parts.log.info({ key }, 'posted');
      });
    }
  }

  /** One message that is refused keeps no other one; a service that is silent is left for this round. */
  private async unlessRefused(key: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof ChatError) || error.silent) throw error;
      this.parts.log.warn({ key, error: error.message }, 'message refused');
    }
  }

  /** Takes the buttons off gates that are not open any more. */
  private async close(
    service: ChatService,
    place: Place,
    args: {
      readonly posted: readonly Posted[];
      readonly wanted: readonly Wanted[];
      readonly seen: readonly Snapshot[];
    },
  ): Promise<void> {
    const wanted = new Set(args.wanted.map(({ post }) => post.tag.key));
    for (const posted of args.posted) {
      if (!posted.tag.open || wanted.has(posted.tag.key)) continue;
      const snapshot = args.seen.find(({ view }) => view.rollout === posted.tag.rollout);
      const state = closingOf(snapshot, posted);
      if (!state) continue;
      await this.unlessRefused(posted.tag.key, () => service.close(place, posted, state));
    }
  }
}

/** Channels in which gates of a rollout may have been shown. */
function generalChannels({ planned }: Snapshot, more: readonly string[]): readonly string[] {
  return [...(planned?.plan.policy.spec.notices?.channels ?? []), ...more];
}
