/** Judges votes on a plan. Called from workflows and their validators: synchronous, replay-visible. */
import type { Policy } from './spec.ts';

export interface CastVote {
  readonly by: string;
  readonly digest?: string;
  readonly reason?: string;
}

export interface Ballot {
  /** Digest of the plan that waits for approval; absent while there is none. */
  readonly digest?: string;
  readonly requestedBy: string;
  readonly rules: Pick<Policy['spec']['approval'], 'quorum' | 'requesterMayApprove'>;
  /** Names that have approved this digest. */
  readonly approvedBy: readonly string[];
}

export type VoteVerdict =
  | { readonly kind: 'Counted'; readonly approved: boolean }
  | { readonly kind: 'Refused'; readonly reasons: readonly string[] };

/** Decides whether an approval counts, and whether the plan is approved with it. */
export function judgeApproval(vote: CastVote, ballot: Ballot): VoteVerdict {
  const reasons: string[] = [];
  if (!isName(vote?.by)) reasons.push('"by" must be the name of the person who approves');
  if (ballot.digest === undefined) {
    reasons.push('nothing waits for approval now');
  } else if (vote?.digest !== ballot.digest) {
    reasons.push(
      `"digest" is ${vote?.digest ?? 'missing'}, but the plan that waits is ${ballot.digest}: look at the plan again`,
    );
  }
  const own = isName(vote?.by) && plain(vote.by) === plain(ballot.requestedBy);
  if (own && !ballot.rules.requesterMayApprove) {
    reasons.push(`${vote.by} requested this rollout, and the policy asks for somebody else`);
  }
  if (reasons.length > 0) return { kind: 'Refused', reasons };
  const names = new Set([...ballot.approvedBy, vote.by].map(plain));
  return { kind: 'Counted', approved: names.size >= ballot.rules.quorum };
}

/** Decides whether a command that a person sends (reject, stop, rollback) is well-formed. */
export function judgeCommand(command: { readonly by: string }): readonly string[] {
  return isName(command?.by) ? [] : ['"by" must be the name of the person who asks'];
}

/** Decides whether what a person says of Jobs that outlast their time can be followed. */
export function judgeJobDecision(
  decision: { readonly by: string; readonly choice: string },
  choices: readonly string[],
): readonly string[] {
  if (choices.includes(decision?.choice)) return judgeCommand(decision);
  return [...judgeCommand(decision), `"choice" must be one of ${choices.join(', ')}`];
}

/** Neither a space nor a capital makes another person of a name. */
function plain(name: string): string {
  return name.trim().toLowerCase();
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim().length > 0 && value.length <= 200;
}
