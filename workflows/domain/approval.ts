/** Judges votes at a gate. Called from workflows and their validators: synchronous, replay-visible. */
import type { Policy } from './spec.ts';

export interface CastVote {
  readonly by: string;
  readonly digest?: string;
  readonly gate?: string;
  readonly reason?: string;
  readonly proof?: { readonly signer?: string; readonly signature: string };
}

/** What is asked of voters; the fields that rollouts of before lack ask for nothing. */
export interface BallotRules {
  readonly quorum: number;
  readonly requesterMayApprove: boolean;
  readonly roles?: readonly string[];
  readonly identity?: 'Asserted' | 'Attested';
}

export interface Ballot {
  /** The gate that is open; absent while none is. */
  readonly gate?: { readonly id: string; readonly digest: string };
  readonly requestedBy: string;
  /** Others who may not approve here, each with why. */
  readonly barred?: readonly { readonly name: string; readonly why: string }[];
  readonly people?: Policy['spec']['people'];
  readonly rules: BallotRules;
  /** Names that have approved this digest. */
  readonly approvedBy: readonly string[];
}

export type VoteVerdict =
  | { readonly kind: 'Counted'; readonly approved: boolean }
  | { readonly kind: 'Refused'; readonly reasons: readonly string[] };

/** Decides whether an approval counts, and whether the gate is passed with it. */
export function judgeApproval(vote: CastVote, ballot: Ballot): VoteVerdict {
  const { gate, rules, approvedBy } = ballot;
  const reasons = [
    ...(isName(vote?.by) ? [] : ['"by" must be the name of the person who approves']),
    ...(gate ? whatIsMeant(vote, gate) : ['nothing waits for approval now']),
    ...(isName(vote?.by) ? whoMayNot(vote.by, ballot) : []),
    ...(gate ? whatIsProved(vote, rules) : []),
  ];
  if (reasons.length > 0) return { kind: 'Refused', reasons };
  const names = new Set([...approvedBy, vote.by].map(plain));
  return { kind: 'Counted', approved: names.size >= rules.quorum };
}

function whatIsMeant(vote: CastVote, gate: NonNullable<Ballot['gate']>): string[] {
  if (vote?.gate !== undefined && vote.gate !== gate.id) {
    return [`"gate" is ${vote.gate}, but what waits is ${gate.id}: look at it, then vote again`];
  }
  if (vote?.digest === gate.digest) return [];
  return [
    `"digest" is ${vote?.digest ?? 'missing'}, but the plan that waits is ${gate.digest}: look at the plan again`,
  ];
}

function whoMayNot(by: string, ballot: Ballot): string[] {
  const { requestedBy, rules, barred = [], people = [] } = ballot;
  const roles = rules.roles ?? [];
  const held = people.find((person) => samePerson(person.name, by))?.roles ?? [];
  return [
    ...(samePerson(by, requestedBy) && !rules.requesterMayApprove
      ? [`${by} requested this rollout, and the policy asks for somebody else`]
      : []),
    ...barred.filter(({ name }) => samePerson(name, by)).map(({ why }) => `${by} ${why}`),
    ...(roles.length > 0 && !held.some((role) => roles.includes(role))
      ? [
          `${by} has ${held.length > 0 ? `the roles ${held.join(', ')}` : 'no role'} in the policy, and this takes one of ${roles.join(', ')}`,
        ]
      : []),
  ];
}

function whatIsProved({ proof }: CastVote, { identity }: BallotRules): string[] {
  if (proof === undefined) {
    return identity === 'Attested'
      ? ['this gate takes signed votes only: approve with `--sign-key FILE`, or from chat']
      : [];
  }
  const whole = typeof proof === 'object' && typeof proof?.signature === 'string';
  return whole ? [] : ['"proof" must have the "signature" that `ssh-keygen -Y sign` made'];
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
export function samePerson(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim().length > 0 && value.length <= 200;
}
