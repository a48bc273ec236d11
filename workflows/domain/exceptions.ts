/** Which nodes a policy leaves out for now, and which of its exceptions are over. Called from activities only: may change any day. */
import { keyOf } from './lifecycle.ts';
import type { Plan } from './plan-types.ts';
import type { Policy } from './spec.ts';

type Exceptions = Policy['spec']['exceptions'];
type NamedNode = { readonly cluster: string; readonly node: string };

/** Returns why a node is left out on a day (as "2026-11-25", in UTC), or undefined where no exception holds for it. */
export function exceptedFor(
  exceptions: Exceptions | undefined,
  node: NamedNode,
  today: string,
): string | undefined {
  const known = exceptions?.find((entry) => today <= entry.until && isNamed(entry, node));
  if (!known) return undefined;
  const { name, reason, approvedBy, until } = known;
  return `exception ${name} until ${until}: ${reason} (approved by ${approvedBy})`;
}

/** Returns which exceptions for nodes of a plan are over: those nodes are updated as any other. */
export function exceptionWarnings({ waves, policy }: Plan, today: string): string[] {
  const nodes = waves.flatMap((wave) => wave.nodes);
  return (policy.spec.exceptions ?? []).flatMap((entry) => {
    const named = nodes.filter((node) => today > entry.until && isNamed(entry, node));
    if (named.length === 0) return [];
    const [are, they] = named.length === 1 ? ['is', 'it'] : ['are', 'they'];
    return [
      `exception ${entry.name} ended on ${entry.until}: ${named.map(keyOf).join(', ')} ${are} updated as any other. Have it approved anew if ${they} must be left out, else take it out of policy ${policy.name}`,
    ];
  });
}

/** By its name, or with its cluster where two clusters have one of that name. */
function isNamed({ nodes }: Exceptions[number], node: NamedNode): boolean {
  return nodes.includes(node.node) || nodes.includes(keyOf(node));
}
