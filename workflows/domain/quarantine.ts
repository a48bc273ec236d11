/** What a node in quarantine says of itself, and how many may be there. Called from activities. */
import { FAILURES } from './failures.ts';
import { ATTENTION_ANNOTATION, QUARANTINE } from './inventory.ts';

/** Value of the annotation `tidegate.dev/needs-attention`. */
export interface Attention {
  readonly holder: string;
  /** RFC 3339; of the first time, however often it is said again. */
  readonly since: string;
  readonly reason: string;
  /** Whether it was cordoned right before the quarantine: what is restored if it is taken back. */
  readonly cordoned?: boolean;
}

/** A node that bears the label. */
export interface QuarantinedNode {
  readonly node: string;
  /** RFC 3339; "" where nothing says so, which counts as the earliest. */
  readonly since: string;
}

const MAX_REASON = 4000;

/** Returns the value of label and taint: the type of the failure in "drain-blocked" form. */
export function quarantineValue(reason: string): string {
  const type = /^([A-Z][A-Za-z]+):/.exec(reason)?.[1] ?? '';
  if (type !== 'Timeout' && !Object.hasOwn(FAILURES, type)) return 'attention';
  return type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

/** Returns the one line that takes a node out of quarantine; found cordoned, it stays so. */
export function releaseCommand(node: string, cordonedBefore: boolean): string {
  return [
    ...(cordonedBefore ? [] : [`kubectl uncordon ${node}`]),
    `kubectl taint node ${node} ${QUARANTINE}-`,
    `kubectl label node ${node} ${QUARANTINE}-`,
    `kubectl annotate node ${node} ${ATTENTION_ANNOTATION}-`,
  ].join(' && ');
}

/** Returns the reason as the annotation has it: cut to its size, and what to type at the end. */
export function attentionReason(reason: string, command: string): string {
  return `${start(reason)}${command}`;
}

/** Returns whether an annotation gives this reason already; the lease it was made with may be gone. */
export function saysAlready(said: Attention, reason: string): boolean {
  return said.reason.startsWith(start(reason));
}

function start(reason: string): string {
  return `${reason.slice(0, MAX_REASON).replace(/\.$/, '')}. Once the node is right: `;
}

export type QuarantineVerdict =
  | { readonly kind: 'Stays' }
  /** It was there in time; others are too many and will see so themselves. */
  | { readonly kind: 'Wait'; readonly others: readonly string[] }
  /** Those that are there already. */
  | { readonly kind: 'Full'; readonly others: readonly string[] };

/**
 * Decides whether a node may be in quarantine beside those that are. The node itself is among them
 * once it has been put there, so that of two at the same time the later one goes back.
 */
export function judgeQuarantine(input: {
  readonly node: string;
  readonly quarantined: readonly QuarantinedNode[];
  readonly limit: number;
}): QuarantineVerdict {
  const { node, limit } = input;
  const inOrder = [...input.quarantined].sort(
    (a, b) => compare(a.since, b.since) || compare(a.node, b.node),
  );
  const others = inOrder.map((entry) => entry.node).filter((name) => name !== node);
  const index = inOrder.findIndex((entry) => entry.node === node);
  if (index < 0) return others.length < limit ? { kind: 'Stays' } : { kind: 'Full', others };
  if (inOrder.length <= limit) return { kind: 'Stays' };
  return index < limit ? { kind: 'Wait', others } : { kind: 'Full', others };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
