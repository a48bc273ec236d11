/** Shows what every node of a fleet runs, so that differences stand out. */
import type { Inventory } from '../../workflows/contract.ts';
import type { NodeFacts } from '../../workflows/domain/inventory.ts';
import { type Cell, counted, type Look, paint, table } from './look.ts';

interface Column {
  readonly title: string;
  readonly of: (facts: NodeFacts) => string;
  /** Whether values are compared over the fleet. */
  readonly compared: boolean;
}

const UNKNOWN = '?';

/** An inventory as text, in its two parts. */
export interface InventoryText {
  /** One row a node; a value that differs from most others is marked with "*". */
  readonly table: string;
  /** What differs where, and what is wrong with nodes; empty if nothing is. */
  readonly notes: string;
}

/** Returns the inventory as text. */
export function renderInventory(inventory: Inventory, look: Look): InventoryText {
  const { nodes, fleet } = inventory;
  if (nodes.length === 0) return { table: '', notes: `Fleet ${fleet} has no nodes.` };
  const columns = columnsOf(nodes);
  const counts = columns.map((column) => countValues(nodes, column));
  const rows = nodes.map((facts) =>
    columns.map((column, index): Cell => {
      const text = column.of(facts);
      if (!differs(text, counts[index])) return { text };
      return { text: `${text} *`, tone: 'yellow' };
    }),
  );
  const header = columns.map((column) => column.title);
  const notes = [...differences(columns, counts, look), ...troubles(nodes, look)];
  return { table: table(header, rows, look), notes: notes.join('\n') };
}

function columnsOf(nodes: readonly NodeFacts[]): Column[] {
  const packages = unique(nodes.flatMap((facts) => facts.host?.packages.map((p) => p.name) ?? []));
  const daemons = unique(nodes.flatMap((facts) => Object.keys(facts.host?.daemons ?? {})));
  const severalClusters = new Set(nodes.map((facts) => facts.cluster)).size > 1;
  return [
    ...(severalClusters ? [column('CLUSTER', (facts) => facts.cluster, false)] : []),
    column('NODE', (facts) => facts.node, false),
    column('ZONE', (facts) => facts.failureDomain, false),
    column('STATE', stateOf, false),
    ...packages.map((name) => column(`${name} (dpkg)`, (facts) => installed(facts, name))),
    ...daemons.map((name) =>
      column(`${name} (running)`, (facts) =>
        facts.host ? (facts.host.daemons[name] ?? 'no answer') : UNKNOWN,
      ),
    ),
    column('KERNEL', (facts) => facts.host?.kernel ?? facts.kernel),
    column('OS', (facts) => facts.host?.osPrettyName ?? UNKNOWN),
    column('KUBELET', (facts) => facts.kubeletVersion),
  ];
}

function column(title: string, of: Column['of'], compared = true): Column {
  return { title, of, compared };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function installed(facts: NodeFacts, name: string): string {
  if (!facts.host) return UNKNOWN;
  const known = facts.host.packages.find((entry) => entry.name === name);
  if (known?.version === undefined) return 'none';
  return `${known.version}${known.held ? ' (held)' : ''}`;
}

function stateOf(facts: NodeFacts): string {
  const words = [facts.ready ? 'Ready' : 'NotReady'];
  if (facts.unschedulable) words.push('cordoned');
  if (facts.host?.dpkgInterrupted) words.push('dpkg interrupted');
  if (facts.unreachable) words.push('unreachable');
  return words.join(', ');
}

type Counts = ReadonlyMap<string, readonly string[]> | undefined;

/** For each value of a column, the nodes that have it; most frequent first. */
function countValues(nodes: readonly NodeFacts[], { of, compared }: Column): Counts {
  if (!compared) return undefined;
  const found = new Map<string, string[]>();
  for (const facts of nodes) {
    const value = of(facts);
    if (value !== UNKNOWN) found.set(value, [...(found.get(value) ?? []), facts.node]);
  }
  return new Map([...found].sort(([, a], [, b]) => b.length - a.length));
}

/** Where no value has a majority of its own, all of them differ. */
function differs(value: string, counts: Counts): boolean {
  if (!counts || counts.size < 2 || value === UNKNOWN) return false;
  const [first, second] = [...counts.values()];
  if (first?.length === second?.length) return true;
  return counts.get(value) !== first;
}

function differences(columns: readonly Column[], counts: readonly Counts[], look: Look): string[] {
  const lines = columns.flatMap(({ title }, index) => {
    const values = [...(counts[index] ?? [])];
    if (values.length < 2) return [];
    const groups = values.map(([value, nodes]) => `${value} on ${nodesShown(nodes)}`);
    return [`* ${title}: ${groups.join('; ')}`];
  });
  return lines.length === 0 ? [] : [paint(lines.join('\n'), 'yellow', look)];
}

const MAX_NAMES = 5;

function nodesShown(nodes: readonly string[]): string {
  return nodes.length <= MAX_NAMES ? nodes.join(', ') : counted(nodes.length, 'node');
}

function troubles(nodes: readonly NodeFacts[], look: Look): string[] {
  const lines = nodes.flatMap((facts) => [
    ...(facts.unreachable
      ? [`${facts.node}: ${facts.unreachable.type}: ${facts.unreachable.message}`]
      : []),
    ...(facts.lease
      ? [`${facts.node}: held by ${facts.lease.holder} since ${facts.lease.since}`]
      : []),
  ]);
  return lines.length > 0 ? [paint(lines.join('\n'), 'red', look)] : [];
}
