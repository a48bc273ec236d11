/** Decides who is told what where. Called from workflows: deterministic, and visible in queries only. */
import type { Notice } from '../contract.ts';
import { channelsOf } from './owner-words.ts';
import type { OwnerImpact } from './plan-types.ts';
import type { Policy } from './spec.ts';

type Notices = Policy['spec']['notices'];
export type NamedOwner = OwnerImpact & { readonly owner: string };

/** A notice before it is numbered and dated. */
export type Told = Omit<Notice, 'id' | 'at'>;

export interface Message {
  readonly cause: Notice['cause'];
  /** For the policy's channels. */
  readonly general: readonly string[];
  /** For the channels of some owners; nothing is told to owners without it. */
  readonly toOwners?: (owners: readonly NamedOwner[]) => readonly string[];
  readonly owners?: readonly OwnerImpact[];
  readonly people?: readonly string[];
}

/** Returns one message for the policy's channels and one for those of each group of owners. */
export function routed(notices: Notices, message: Message): readonly Told[] {
  const { cause, general, toOwners, owners = [], people } = message;
  const first: Told = {
    ...{ cause, lines: cut(general), channels: notices.channels },
    ...(people ? { people } : {}),
  };
  if (!toOwners) return [first];
  const others = groupsOf(notices, owners).map(({ channels, owners: concerned }) => {
    return { cause, lines: cut(toOwners(concerned)), channels };
  });
  return [first, ...others];
}

interface Group {
  readonly channels: readonly string[];
  readonly owners: readonly NamedOwner[];
}

/** A channel hears of a cause once, of all its owners; those that are told everything are told no more. */
export function groupsOf(notices: Notices, owners: readonly OwnerImpact[]): readonly Group[] {
  const byChannel = new Map<string, NamedOwner[]>();
  for (const impact of owners.filter(isNamed)) {
    for (const channel of new Set(channelsOf(notices, impact.owner))) {
      if (notices.channels.includes(channel)) continue;
      byChannel.set(channel, [...(byChannel.get(channel) ?? []), impact]);
    }
  }
  const groups = new Map<string, { channels: string[]; owners: NamedOwner[] }>();
  for (const [channel, concerned] of byChannel) {
    const key = JSON.stringify(concerned.map(({ owner }) => owner));
    const group = groups.get(key) ?? { channels: [], owners: concerned };
    group.channels.push(channel);
    groups.set(key, group);
  }
  return [...groups.values()];
}

const isNamed = (impact: OwnerImpact): impact is NamedOwner => impact.owner !== undefined;

/** What a chat still shows at a glance. */
const MOST_LINES = 24;
const LONGEST_LINE = 500;

function cut(lines: readonly string[]): readonly string[] {
  const short = lines.map((line) =>
    line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line,
  );
  if (short.length <= MOST_LINES) return short;
  return [...short.slice(0, MOST_LINES - 1), `and ${short.length - MOST_LINES + 1} more lines`];
}
