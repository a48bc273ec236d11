/** The text that a person signs to vote. The same in workflows, clients and chat; replay-visible. */

/** Namespace of the signatures, as `ssh-keygen -Y` has it: a signature for another purpose is no vote. */
export const VOTE_NAMESPACE = 'tidegate-vote';

/** Everything that a vote means. */
export interface VoteContent {
  readonly rollout: string;
  /** Id of the workflow's first run: a vote is for no other rollout of the same name. */
  readonly run: string;
  readonly gate: string;
  /** Of the plan and of the evidence, in full. */
  readonly digest: string;
  readonly decision: 'Approve' | 'Reject';
  readonly by: string;
  /** Absent and empty are the same. */
  readonly reason?: string | undefined;
}

/** Returns the text of a vote: a field a line, each value as one JSON string. */
export function voteStatement(vote: VoteContent): string {
  return [
    'tidegate vote 1',
    `rollout: ${quoted(vote.rollout)}`,
    `run: ${quoted(vote.run)}`,
    `gate: ${quoted(vote.gate)}`,
    `digest: ${quoted(vote.digest)}`,
    `decision: ${quoted(vote.decision)}`,
    `by: ${quoted(vote.by)}`,
    `reason: ${quoted(vote.reason ?? '')}`,
    '',
  ].join('\n');
}

/**
 * What could look like another line, or change the order of letters on a screen, is escaped: what a
 * person reads before signing is what it says.
 */
function quoted(value: string): string {
  return JSON.stringify(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (text) =>
    text
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
