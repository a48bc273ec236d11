/** Shows where people decide: what a gate asks for and shows, who has voted, and how that is known. */
import type {
  GateRules,
  GateStatus,
  RecordedVote,
  RolloutStatus,
} from '../../workflows/contract.ts';
import { gateAt, reviewOf } from '../../workflows/domain/gates.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { counted, fields, indent, type Look, paint } from './look.ts';
import { ago, duration, stamp } from './time.ts';

type Needs = Omit<GateRules, 'identity'> & { readonly identity: string };

/** Returns the gate that is open: its digest, what it asks for, and what there is to judge by. */
export function renderGate(
  gate: GateStatus,
  status: Pick<RolloutStatus, 'requestedBy'>,
  nowMs: number,
  look: Look,
): string {
  const { rules, approvedBy, evidence } = gate;
  const left = Date.parse(gate.expiresAt) - nowMs;
  const lines = fields(
    [
      ['Digest', gate.digest],
      ['Asks for', asksFor(gate, status.requestedBy)],
      ['Identity', IDENTITY[rules.identity]],
      ['Approved by', approvedBy.join(', ') || 'nobody yet'],
      ['Open', `since ${ago(gate.openedAt, nowMs)}`],
      ['Until', `${stamp(gate.expiresAt)}, in ${duration(left)}`],
    ],
    look,
  );
  const shown = evidence.length > 0 ? ['Evidence', ...evidence.map((line) => indent(line))] : [];
  const title = paint(`Gate ${gate.id}`, 'bold', look);
  return `${title}\n${indent([lines, ...shown].join('\n'))}`;
}

const IDENTITY: Readonly<Record<GateRules['identity'], string>> = {
  Asserted: 'asserted: the names of voters are believed, not proved',
  Attested: 'attested: votes are signed, and the signatures checked',
};

function asksFor({ rules, approvedBy }: GateStatus, requestedBy = ''): string {
  const { quorum, roles, requesterMayApprove } = rules;
  const identity = rules.identity === 'Attested' ? ', attested' : ', asserted';
  return `${approvedBy.length} of ${counted(quorum, 'approval')}${withRoles(roles)}${
    requesterMayApprove ? '' : `, not by ${requestedBy}`
  }${identity}`;
}

function withRoles(roles: readonly string[]): string {
  return roles.length > 0 ? `, ${roles.length > 1 ? 'roles' : 'role'} ${roles.join(' or ')}` : '';
}

/** Returns a line for each vote and each refused one. */
export function voteLines(
  { votes, refusedVotes }: Pick<RolloutStatus, 'votes' | 'refusedVotes'>,
  nowMs: number,
): string[] {
  return [
    ...votes.map((vote) => voteLine(vote, nowMs)),
    ...refusedVotes.map(({ by, reason, gate, via }) => {
      return `${by} was refused${at(gate)}${through(via)}: ${reason}`;
    }),
  ];
}

function voteLine(vote: RecordedVote, nowMs: number): string {
  const { by, decision, reason, gate, via } = vote;
  const verb = decision === 'Approve' ? 'approved' : 'rejected';
  const known =
    vote.identity === 'Attested' ? `attested, signed by ${vote.signedBy ?? by}` : 'asserted';
  const why = reason ? `: ${reason}` : '';
  const counts = vote.void === undefined ? '' : ` (VOID: ${vote.void})`;
  return `${by} ${verb}${at(gate)} ${ago(vote.at, nowMs)}${through(via)}, ${known}${why}${counts}`;
}

function at(gate: string | undefined): string {
  return gate === undefined ? '' : ` at ${gate}`;
}

function through(via: string | undefined): string {
  return via === undefined ? '' : ` via ${via}`;
}

const MOMENTS: Readonly<Record<Parameters<typeof gateAt>[1], string>> = {
  BeforeCanary: 'before the canary',
  AfterCanary: 'after the canary',
  BeforeWave: 'before each wave',
  BeforeRollback: 'before a rollback',
};

/** Returns "label, value" pairs about who approves what, and when, of a plan. */
export function approvalRules(plan: Plan): [string, string][] {
  const { approval } = plan.policy.spec;
  const first = gateAt(plan, 'BeforeCanary');
  const review = reviewOf(plan);
  // A policy of before has no other gates.
  const others = (approval.gates ?? []).filter((gate) => gate.at !== 'BeforeCanary');
  const standing = (approval.standard ?? []).filter((known) => known.bundle === plan.bundle.digest);
  return [
    ['When', first ? once(first, plan) : 'at once: the policy asks for no approval'],
    ...standing.map(({ approvedBy, until, reason }): [string, string] => [
      'Standard',
      `bundle approved beforehand by ${approvedBy.join(', ')}, until ${until}: ${reason}`,
    ]),
    ...others.map((gate): [string, string] => {
      const needs = gateAt(plan, gate.at, gate.waves ? { name: gate.waves[0] ?? '' } : undefined);
      const moment = gate.waves ? `before ${gate.waves.join(', ')}` : MOMENTS[gate.at];
      return ['Asks again', `${moment}: ${needs ? who(needs, plan) : 'nobody'}`];
    }),
    ...(review
      ? [
          ['Urgent', `${plan.urgent?.reason}; reviewed afterwards by ${who(review, plan)}`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
}

function once(needs: Needs, plan: Plan): string {
  const has = needs.quorum === 1 ? 'has' : 'have';
  return `once ${persons(needs)} ${has} approved this digest${conditions(needs, plan)}`;
}

function who(needs: Needs, plan: Plan): string {
  return `${persons(needs)}${conditions(needs, plan)}`;
}

function persons({ quorum, roles }: Needs): string {
  const role = roles.length > 0 ? ` with the role ${roles.join(' or ')}` : '';
  return `${counted(quorum, 'person')}${role}`;
}

function conditions({ requesterMayApprove, identity, expirySeconds }: Needs, plan: Plan): string {
  const signed = identity === 'Attested' ? ' by signed votes' : '';
  const other = requesterMayApprove ? '' : ` (not ${plan.requestedBy})`;
  return `${signed}${other}, within ${duration(expirySeconds * 1000)}`;
}
