/** Checks the signatures of votes. */
import type { PeopleActivities, VoteCheck } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';

type VoteQuestion = Parameters<PeopleActivities['verifyVote']>[0];

/** Returns whose key has signed a vote, or why the vote is refused. */
export async function verifyVote(_deps: ActivityDeps, _input: VoteQuestion): Promise<VoteCheck> {
  return { kind: 'Refused', reason: 'signatures are not checked yet' };
}
