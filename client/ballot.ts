/** What a vote has to say to count: taken from the gate that is open, as the rollout tells of it. */
import type { GateStatus, Vote } from '../workflows/contract.ts';
import { type VoteContent, voteStatement } from '../workflows/domain/vote-statement.ts';
import { refused, TidegateError } from './errors.ts';
import type { RolloutView } from './view.ts';

/** What a person wants to say. */
export interface Intention {
  readonly decision: VoteContent['decision'];
  readonly by: string;
  readonly reason?: string | undefined;
  /** The digest that was looked at, or its first digits. */
  readonly digest?: string | undefined;
}

/** A vote that is ready to be signed and sent. */
export interface Ballot {
  readonly gate: GateStatus;
  /** Without a proof. */
  readonly vote: Vote;
  readonly statement: string;
}

/** Returns the vote at the open gate; throws where none is open, or it is not what was looked at. */
export function ballotOf(view: RolloutView, intention: Intention): Ballot {
  const gate = openGate(view);
  const { by, reason, decision, digest } = intention;
  if (digest !== undefined && !isMeant(digest, gate.digest)) {
    throw refused(
      `What waits at gate ${gate.id} of ${view.rollout} is ${gate.digest}, not ${digest}. Look at it again: "tidegate status ${view.rollout} --plan".`,
    );
  }
  const content = { rollout: view.rollout, run: gate.run, gate: gate.id, digest: gate.digest };
  const said = { by, ...(reason === undefined ? {} : { reason }) };
  return {
    gate,
    vote: { ...said, gate: gate.id, digest: gate.digest },
    statement: voteStatement({ ...content, ...said, decision }),
  };
}

function openGate({ rollout, status, silent }: RolloutView): GateStatus {
  if (silent !== undefined) throw new TidegateError(silent);
  if (status?.gate) return status.gate;
  throw refused(
    status?.phase === 'AwaitingApproval'
      ? `Rollout ${rollout} was started by an older release, which knows no signed votes: approve it without a signature.`
      : `Nothing of rollout ${rollout} waits for approval now. Look at it with "tidegate status ${rollout}".`,
  );
}

/** Twelve digits are enough to tell plans apart, fewer are a slip. */
export function isMeant(given: string, digest: string): boolean {
  const digits = given.replace(/^sha256:/, '');
  return /^[0-9a-f]{12,64}$/.test(digits) && digest.startsWith(`sha256:${digits}`);
}
