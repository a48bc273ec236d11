/** Decides which messages are to be in which channel. Pure. */
import { createHash } from 'node:crypto';
import type { Announcement } from '../announcements.ts';
import type { ChatMessage, Post, Posted, Tag } from './chat-service.ts';
import { hasBegun, milestones, progressMessage } from './progress-words.ts';
import type { Snapshot } from './snapshots.ts';
import { closedWords, gateMessage, noticeMessage } from './words.ts';

/** Digits of a digest that tell one message of a gate from the next. */
const DIGITS = 12;

/** A message with its place; `thread`: below the first message of its rollout. */
export interface Wanted {
  readonly channel: string;
  readonly thread: boolean;
  readonly post: Post;
}

/** Returns what is to be there of one rollout, in order. */
export function wantedOf(
  snapshot: Snapshot,
  options: { readonly channels: readonly string[]; readonly services: ReadonlySet<string> },
): Wanted[] {
  const { view, planned } = snapshot;
  if (!planned) return [];
  const { spec } = planned.plan.policy;
  const served = (channel: string) => options.services.has(serviceOf(channel));
  const general = unique([...(spec.notices?.channels ?? []), ...options.channels]).filter(served);
  const { gate, notices = [] } = view.status ?? {};
  const make = maker(snapshot);
  const gates = (channel: string) =>
    gate ? [make(channel, gatePart(gate), gateMessage(planned, gate), { open: pick(gate) })] : [];
  const told = notices.flatMap((notice) => {
    const channels = notice.channels.length > 0 ? unique(notice.channels).filter(served) : general;
    return channels.map((channel) => {
      const message = noticeMessage(notice, spec.people ?? [], serviceOf(channel));
      return make(channel, `notice/${notice.id}`, message);
    });
  });
  return [
    ...told,
    ...general.flatMap((channel) => [...gates(channel), ...threadOf(snapshot, channel, make)]),
  ];
}

/** Returns what is to be there of an announcement that a Schedule has made. */
export function wantedNews(
  { schedule, runId: run, notice }: Announcement,
  options: { readonly channels: readonly string[]; readonly services: ReadonlySet<string> },
): Wanted[] {
  const channels = notice.channels.length > 0 ? notice.channels : options.channels;
  return unique(channels)
    .filter((channel) => options.services.has(serviceOf(channel)))
    .map((channel) => {
      const message = noticeMessage(notice, [], serviceOf(channel));
      const key = `${run}/notice/${notice.id}/${channel}`;
      const tag = { key, rollout: `schedule/${schedule}`, run, revision: revisionOf(message) };
      return { channel, thread: false, post: { tag, message } };
    });
}

/** Returns what is said below a gate that is not open any more; undefined while that is not known. */
export function closingOf(snapshot: Snapshot | undefined, { tag }: Posted): string[] | undefined {
  const { open } = tag;
  if (!open || !snapshot?.planned) return undefined;
  const { view, planned } = snapshot;
  if (tag.run !== view.runId) return ['Over: a newer run of this rollout has begun.'];
  const { status, failure } = view;
  if (!status && !failure) return undefined;
  const same = status?.gate?.id === open.gate && status.gate.digest === open.digest;
  return same && view.state === 'Running' ? undefined : closedWords(view, planned.plan, open);
}

/** Returns the part before the colon of a channel or an account. */
export function serviceOf(channel: string): string {
  return channel.slice(0, Math.max(0, channel.indexOf(':')));
}

type Make = (
  channel: string,
  part: string,
  message: ChatMessage,
  more?: { readonly open?: Tag['open']; readonly thread?: boolean },
) => Wanted;

function maker(snapshot: Snapshot): Make {
  const { rollout, runId: run } = snapshot.view;
  return (channel, part, message, { open, thread = false } = {}) => {
    const key = `${run}/${part}/${channel}`;
    const tag = { key, rollout, run, revision: revisionOf(message), ...(open ? { open } : {}) };
    return { channel, thread, post: { tag, message } };
  };
}

function threadOf(snapshot: Snapshot, channel: string, make: Make): Wanted[] {
  const { view } = snapshot;
  if (!hasBegun(view)) return [];
  const heard = (view.status?.notices ?? []).filter(
    (notice) => notice.channels.length === 0 || notice.channels.includes(channel),
  );
  const told = new Set(heard.map(({ cause }) => cause));
  return [
    make(channel, 'progress', progressMessage(view), { thread: true }),
    ...milestones(view, told).map(({ id, message }) =>
      make(channel, `milestone/${id}`, message, { thread: true }),
    ),
  ];
}

function gatePart({ id, digest }: { readonly id: string; readonly digest: string }): string {
  return `gate/${id}@${digest.replace(/^sha256:/, '').slice(0, DIGITS)}`;
}

function pick({ id, digest }: { readonly id: string; readonly digest: string }) {
  return { gate: id, digest };
}

function revisionOf(message: ChatMessage): string {
  return createHash('sha256').update(JSON.stringify(message)).digest('hex').slice(0, 16);
}

function unique(channels: readonly string[]): string[] {
  return [...new Set(channels)];
}
