/** What people say to a rollout and what they are told: votes, commands, gates and notices. */
import type { StopMode } from './domain/control.ts';

/** What a person asks for; who that is, is believed. */
export interface Command {
  readonly by: string;
  readonly reason?: string;
  /** Where it was said, such as "slack"; absent where nobody says. */
  readonly via?: string;
}

export interface Vote extends Command {
  /** What is approved: of the plan and of the evidence at the gate, as the gate shows it. */
  readonly digest?: string;
  /** The gate that is meant; checked where it is given. */
  readonly gate?: string;
  readonly proof?: VoteProof;
}

/** A signature over the vote's statement (see domain/vote-statement.ts), as `ssh-keygen -Y sign` makes it. */
export interface VoteProof {
  /** Whose key it is, as in the policy's allowed_signers; absent where it is the voter's own. */
  readonly signer?: string;
  /** Armored, from "-----BEGIN SSH SIGNATURE-----" on. */
  readonly signature: string;
}

export interface StopCommand extends Command {
  /** Default: AfterNode. */
  readonly mode?: StopMode;
}

/** About one node: its name, or "cluster/name" where two clusters have one of that name. */
export interface NodeCommand extends Command {
  readonly node: string;
}

/** Lets nodes start in spite of a freeze, named as in the policy. */
export interface FreezeOverride extends Command {
  readonly freeze: string;
}

/** A point at which the rollout waits for people. */
export interface GateStatus {
  /** E.g. "before-canary", "after-canary", "before-wave-1", "before-rollback" or "review". */
  readonly id: string;
  /** Of the plan and of the evidence; to be named in a vote. */
  readonly digest: string;
  /** What there is to judge by, in words. */
  readonly evidence: readonly string[];
  /** RFC 3339. */
  readonly openedAt: string;
  readonly expiresAt: string;
  readonly rules: GateRules;
  /** Names that count so far. */
  readonly approvedBy: readonly string[];
  /** Id of the workflow's first run; part of what is signed. */
  readonly run: string;
}

/** What it takes to pass a gate. */
export interface GateRules {
  readonly quorum: number;
  /** Of which a voter needs one; empty: everybody may. */
  readonly roles: readonly string[];
  readonly requesterMayApprove: boolean;
  readonly identity: 'Asserted' | 'Attested';
  readonly expirySeconds: number;
}

export interface RecordedVote extends Omit<Vote, 'proof'> {
  readonly at: string;
  readonly decision: 'Approve' | 'Reject';
  /** Attested: a signature was checked; Asserted (or absent): the name is believed. */
  readonly identity?: 'Asserted' | 'Attested';
  /** Whose key has signed, e.g. "ada (SHA256:…)". */
  readonly signedBy?: string;
  /** Why it does not count any more; absent while it does. */
  readonly void?: string;
}

export interface RefusedVote {
  readonly by: string;
  readonly reason: string;
  readonly gate?: string;
  readonly via?: string;
}

/** Something that people are told once. */
export interface Notice {
  /** Unique within the rollout's run, and the same after a replay. */
  readonly id: string;
  readonly at: string;
  readonly cause: NoticeCause;
  /** In words, a line each; the first one is the headline. */
  readonly lines: readonly string[];
  /** Such as "slack:#platform"; of the policy's channels and of the owners it concerns. */
  readonly channels: readonly string[];
  /** People it is meant for in particular. */
  readonly people?: readonly string[];
}

export const NOTICE_CAUSES = ['Planned', 'Started', 'Trouble', 'Void', 'Ended'] as const;
export type NoticeCause = (typeof NOTICE_CAUSES)[number];
