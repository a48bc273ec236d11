/** Decides which nodes of a wave may start now. Called from workflows: replay-visible. */

export interface BudgetNode {
  readonly node: string;
  readonly failureDomain: string;
}

export interface BudgetInput {
  /** In the order of the plan. */
  readonly waiting: readonly BudgetNode[];
  readonly running: readonly BudgetNode[];
  /** Nodes of the cluster that are not Ready or unschedulable, whoever made them so. */
  readonly unavailable: readonly string[];
  readonly maxUnavailable: number;
  readonly maxPerFailureDomain: number;
  /** Whether one node may always be in work, whatever else is unavailable. */
  readonly atLeastOne?: boolean;
  /** Why nodes wait although there is room for them; one without a node holds all of them. */
  readonly holds?: readonly { readonly node?: string; readonly reason: string }[];
}

export interface BudgetDecision {
  readonly start: readonly string[];
  /** Why the first node that was held back has to wait; empty if none was. */
  readonly blockedBy: string;
}

/**
 * Returns the nodes that may start, never so many that the unavailable nodes of the cluster would
 * exceed `maxUnavailable` or the nodes in work of one failure domain `maxPerFailureDomain`.
 * A node that is unavailable already adds nothing to the count.
 * With `atLeastOne` a node starts where none is in work, though others have used the budget up.
 */
export function nextNodes(input: BudgetInput): BudgetDecision {
  const taken = new Set([...input.unavailable, ...input.running.map((entry) => entry.node)]);
  const inWork = [...input.running];
  const start: string[] = [];
  let blockedBy = '';
  for (const candidate of input.waiting) {
    const reason = refusal({ candidate, taken, inWork, input });
    if (reason === '') {
      taken.add(candidate.node);
      inWork.push(candidate);
      start.push(candidate.node);
    } else if (blockedBy === '') {
      blockedBy = `${candidate.node}: ${reason}`;
    }
  }
  return { start, blockedBy };
}

function refusal(args: {
  candidate: BudgetNode;
  taken: ReadonlySet<string>;
  inWork: readonly BudgetNode[];
  input: BudgetInput;
}): string {
  const { candidate, taken, inWork, input } = args;
  const hold = input.holds?.find(({ node }) => node === undefined || node === candidate.node);
  if (hold) return hold.reason;
  const sameDomain = inWork.filter((entry) => entry.failureDomain === candidate.failureDomain);
  if (sameDomain.length >= input.maxPerFailureDomain) {
    const names = sameDomain.map((entry) => entry.node).join(', ');
    return `${names} of failure domain ${candidate.failureDomain} in work (maxPerFailureDomain ${input.maxPerFailureDomain})`;
  }
  if (input.atLeastOne && inWork.length === 0) return '';
  if (!taken.has(candidate.node) && taken.size >= input.maxUnavailable) {
    return `${[...taken].sort().join(', ')} unavailable (maxUnavailable ${input.maxUnavailable})`;
  }
  return '';
}
