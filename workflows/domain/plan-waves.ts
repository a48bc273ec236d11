/** Orders nodes into a canary and waves. Called from activities only: may change any day. */
import type { PlannedNode, PlannedWave } from './plan-types.ts';
import type { Strategy } from './spec.ts';

/** Nodes of one wave at most, which keeps a wave's history far below Temporal's limits. */
export const MAX_WAVE_NODES = 200;

/** Returns a count for a count or percentage of `total`, rounded down, but at least 1. */
export function resolveCount(value: number | string, total: number): number {
  if (typeof value === 'number') return value;
  return Math.max(1, Math.floor((Number.parseInt(value, 10) * total) / 100));
}

/** Returns the nodes in an order that changes failure domain as often as possible. */
export function spreadOverDomains<T extends { node: string; failureDomain: string }>(
  nodes: readonly T[],
): T[] {
  const domains = new Map<string, T[]>();
  for (const node of [...nodes].sort((a, b) => byName(a.node, b.node))) {
    domains.set(node.failureDomain, [...(domains.get(node.failureDomain) ?? []), node]);
  }
  const rows = [...domains.entries()].sort(([a], [b]) => byName(a, b)).map(([, row]) => row);
  const longest = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: longest }, (_, rank) =>
    rows.flatMap((row) => row[rank] ?? []),
  ).flat();
}

/** Compares names so that east-2 comes before east-10. */
export function byName(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const l = left[i] ?? '';
    const r = right[i] ?? '';
    if (l === r) continue;
    const numbers = i % 2 === 1 ? Number(l) - Number(r) : 0;
    return numbers !== 0 ? numbers : l < r ? -1 : 1;
  }
  return left.length - right.length;
}

export interface WavesInput {
  readonly cluster: string;
  readonly nodes: readonly PlannedNode[];
  /** Nodes of the cluster that the rollout aims at, updated or not: base of percentages. */
  readonly targeted: number;
  readonly strategy: Strategy;
  /** Put before the waves' names where a plan has several clusters. */
  readonly prefix: string;
  readonly firstIndex: number;
}

/** Returns canary and waves of one cluster; every node is in exactly one of them. */
export function makeWaves(input: WavesInput): PlannedWave[] {
  const { strategy } = input;
  const ordered = spreadOverDomains(input.nodes);
  const wanted = strategy.canary.nodes;
  const named = wanted ? ordered.filter((entry) => wanted.includes(entry.node)) : [];
  const first = named.length > 0 ? named : ordered.slice(0, strategy.canary.count);
  const canary = first.slice(0, MAX_WAVE_NODES);
  const rest = spreadOverDomains(ordered.filter((entry) => !canary.includes(entry)));
  const size = Math.min(MAX_WAVE_NODES, resolveCount(strategy.waves.size, input.targeted));
  const groups = [canary, ...chunks(rest, size)].filter((group) => group.length > 0);
  return groups.map((nodes, index) => ({
    index: input.firstIndex + index,
    name: `${input.prefix}${index === 0 ? 'canary' : `wave-${index}`}`,
    cluster: input.cluster,
    canary: index === 0,
    maxUnavailable: resolveCount(strategy.maxUnavailable, input.targeted),
    maxPerFailureDomain: strategy.maxPerFailureDomain,
    soakSeconds: index === 0 ? strategy.canary.soakSeconds : strategy.waves.soakSeconds,
    nodes,
  }));
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
