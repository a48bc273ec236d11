import type { NodeFacts } from './inventory.ts';

/** So many names are told one by one. */
const MAX_NAMES = 5;
/** More would be no summary; the whole inventory tells the rest. */
const MAX_LINES = 20;

/** Returns what the nodes of a fleet have different versions of, a line each, most common first. */
export function versionDifferences(nodes: readonly NodeFacts[]): string[] {
  const byThing = new Map<string, Map<string, string[]>>();
  for (const facts of nodes) {
    for (const [thing, version] of versionsOf(facts)) {
      const versions = byThing.get(thing) ?? new Map<string, string[]>();
      versions.set(version, [...(versions.get(version) ?? []), facts.node]);
      byThing.set(thing, versions);
    }
  }
  const lines = [...byThing].flatMap(([thing, versions]) => {
    if (versions.size < 2) return [];
    const groups = [...versions].sort(([, a], [, b]) => b.length - a.length);
    return `${thing}: ${groups.map(([version, names]) => `${version} on ${shown(names)}`).join(', ')}`;
  });
  const more = lines.length - MAX_LINES;
  return more > 0 ? [...lines.slice(0, MAX_LINES), `and ${more} more`] : lines;
}

function versionsOf({ host, kernel, kubeletVersion }: NodeFacts): [string, string][] {
  const packages = (host?.packages ?? []).flatMap(({ name, version }): [string, string][] =>
    version === undefined ? [] : [[name, version]],
  );
  const daemons = Object.entries(host?.daemons ?? {}).map(([name, version]): [string, string] => [
    `${name} (running)`,
    version,
  ]);
  return [...packages, ...daemons, ['kernel', host?.kernel ?? kernel], ['kubelet', kubeletVersion]];
}

function shown(nodes: readonly string[]): string {
  return nodes.length <= MAX_NAMES ? nodes.join(', ') : `${nodes.length} nodes`;
}
