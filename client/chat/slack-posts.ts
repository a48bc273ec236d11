/** Finds in Slack what this bridge has posted there, by the tag in each message's metadata. */
import type { types } from '@slack/bolt';
import type { Place, Posted, Tag } from './chat-service.ts';
import type { SlackCalls } from './slack-calls.ts';

export const EVENT_TYPE = 'tidegate';
/** What may become visible later than what was written after it. */
const OVERLAP_SECONDS = 60;
const PAGE = 200;

/** A message as Slack gives it, as far as it matters here. */
interface SlackMessage {
  readonly ts?: string | undefined;
  readonly bot_id?: string | undefined;
  readonly blocks?: unknown;
  readonly metadata?: { event_type?: string | undefined; event_payload?: object | undefined };
}

export interface SlackPosted extends Posted {
  readonly blocks: readonly types.KnownBlock[];
}

interface Read {
  readonly sinceMs: number;
  readonly posts: Map<string, SlackPosted>;
  /** Up to which message it was read. */
  upTo: string;
  /** Something was posted since, here or at the same moment by another bridge. */
  stale: boolean;
}

/** Returns the metadata of a message. */
export function metadataOf({ open, ...tag }: Tag) {
  const event_payload = { ...tag, ...(open ?? {}) };
  return { event_type: EVENT_TYPE, event_payload };
}

/** Remembers what was read, to read less the next time; a new process reads it again. */
export class SlackPosts {
  private readonly calls: SlackCalls;
  private readonly reads = new Map<string, Read>();

  constructor(calls: SlackCalls) {
    this.calls = calls;
  }

  async find(place: Place, fresh: boolean): Promise<readonly SlackPosted[]> {
    const id = idOf(place);
    const known = this.reads.get(id);
    const enough = known && known.sinceMs <= place.sinceMs;
    if (enough && !fresh && !known.stale) return inOrder(known.posts);
    const read: Read = enough
      ? known
      : { sinceMs: place.sinceMs, posts: new Map(), upTo: '', stale: false };
    await this.readOn(place, read);
    this.reads.set(id, read);
    return inOrder(read.posts);
  }

  /** Remembers a post or an update; what another bridge did meanwhile is read before the next round. */
  keep(place: Place, posted: SlackPosted): void {
    const read = this.reads.get(idOf(place));
    if (!read) return;
    read.stale ||= !read.posts.has(posted.tag.key);
    read.posts.set(posted.tag.key, posted);
  }

  private async readOn(place: Place, read: Read): Promise<void> {
    const own = await this.calls.ownId();
    const oldest = read.upTo
      ? (Number(read.upTo) - OVERLAP_SECONDS).toFixed(6)
      : (place.sinceMs / 1000).toFixed(6);
    const messages = await this.messages(place, oldest);
    for (const message of messages) {
      const { ts } = message;
      if (!ts) continue;
      if (ts > read.upTo) read.upTo = ts;
      const posted = message.bot_id === own ? postedOf(message, ts) : undefined;
      if (posted) await this.take(place, read, posted);
    }
    read.stale = false;
  }

  /** Of two with the same key, as two bridges at once may make them, the first one stays. */
  private async take(place: Place, read: Read, posted: SlackPosted): Promise<void> {
    const { key } = posted.tag;
    const known = read.posts.get(key);
    if (!known || known.id === posted.id) {
      // What this process wrote last is newer than what was read on the way.
      if (!known) read.posts.set(key, posted);
      return;
    }
    const [first, second] = known.id < posted.id ? [known, posted] : [posted, known];
    read.posts.set(key, first);
    await this.calls.inChannel(slackChannel(place), 'chat.delete', async (client, channel) => {
      try {
        await client.chat.delete({ channel, ts: second.id });
      } catch (error) {
        const gone = (error as { data?: { error?: string } }).data?.error;
        if (gone !== 'message_not_found') throw error;
      }
    });
  }

  private async messages(place: Place, oldest: string): Promise<SlackMessage[]> {
    const found: SlackMessage[] = [];
    let cursor = '';
    do {
      const page = await this.page(place, oldest, cursor);
      found.push(...((page.messages ?? []) as SlackMessage[]));
      cursor = page.response_metadata?.next_cursor ?? '';
    } while (cursor);
    return found;
  }

  private async page(place: Place, oldest: string, cursor: string) {
    const common = {
      ...{ oldest, inclusive: true, include_all_metadata: true, limit: PAGE },
      ...(cursor ? { cursor } : {}),
    };
    const { under } = place;
    const name = slackChannel(place);
    if (!under) {
      return await this.calls.inChannel(name, 'conversations.history', (client, channel) =>
        client.conversations.history({ channel, ...common }),
      );
    }
    return await this.calls.inChannel(name, 'conversations.replies', (client, channel) =>
      client.conversations.replies({ channel, ts: under.id, ...common }),
    );
  }
}

/** Returns the channel without the service's name. */
export function slackChannel({ channel }: { readonly channel: string }): string {
  return channel.slice(channel.indexOf(':') + 1);
}

function idOf({ channel, under }: Place): string {
  return `${channel} ${under?.id ?? ''}`;
}

function inOrder(posts: ReadonlyMap<string, SlackPosted>): SlackPosted[] {
  return [...posts.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function postedOf({ metadata, blocks }: SlackMessage, ts: string): SlackPosted | undefined {
  if (metadata?.event_type !== EVENT_TYPE) return undefined;
  const payload = (metadata.event_payload ?? {}) as Record<string, unknown>;
  const text = (name: string) => {
    const value = payload[name];
    return typeof value === 'string' ? value : '';
  };
  const [key, gate] = [text('key'), text('gate')];
  if (key === '') return undefined;
  const open = gate === '' ? {} : { open: { gate, digest: text('digest') } };
  const tag = { key, rollout: text('rollout'), run: text('run'), revision: text('revision') };
  const kept = Array.isArray(blocks) ? (blocks as types.KnownBlock[]) : [];
  return { id: ts, tag: { ...tag, ...open }, blocks: kept };
}
