/** Says in words what a gate asks and what a notice tells. Pure, and of no chat service. */
import type { GateStatus, Notice } from '../../workflows/contract.ts';
import { FIRST_GATE, gateAt, REVIEW, reviewOf } from '../../workflows/domain/gates.ts';
import type { Plan, PlanResult } from '../../workflows/domain/plan-types.ts';
import type { Policy } from '../../workflows/domain/spec.ts';
import { counted } from '../render/look.ts';
import { MEANS } from '../render/plan.ts';
import { stamp } from '../render/time.ts';
import type { RolloutView } from '../view.ts';
import type { ChatMessage, GateTarget, Section } from './chat-service.ts';

/** Lines of a list before the rest is only counted. */
const MAX_LINES = 12;

/** Returns the message of a gate that is open. */
export function gateMessage(planned: PlanResult, gate: GateStatus): ChatMessage {
  const { plan } = planned;
  const target: GateTarget = {
    ...{ rollout: plan.rollout, run: gate.run },
    ...{ gate: gate.id, digest: gate.digest },
  };
  return {
    headline: `${plan.rollout} waits for approval ${gateWords(gate.id)}`,
    sections: [
      { lines: facts(plan) },
      ...section('Impact', impact(planned)),
      ...section('Evidence', gate.evidence),
      { lines: [`Digest: ${gate.digest}`] },
    ],
    state: [soFar(gate), rules(gate, plan)],
    buttons: [
      { press: 'approve', label: 'Approve', target },
      { press: 'reject', label: 'Reject', target },
      { press: 'details', label: 'Details', target },
    ],
    mentions: [],
  };
}

/** Returns a gate's id as people say it: "before the canary". */
export function gateWords(id: string): string {
  const [, when, what] = /^(before|after)-(.+)$/.exec(id) ?? [];
  if (!when || !what) return id === 'review' ? 'in review, after it was urgent' : `at ${id}`;
  return `${when} ${/^(canary|rollback)$/.test(what) ? 'the ' : ''}${what}`;
}

/** Returns what became of a gate that is not open any more. */
export function closedWords(
  view: RolloutView,
  plan: Plan,
  was: { readonly gate: string; readonly digest: string },
): string[] {
  const { status, outcome, failure } = view;
  const votes = (status?.votes ?? []).filter(
    (vote) => (vote.gate ?? was.gate) === was.gate && vote.digest === was.digest,
  );
  const rejected = votes.find((vote) => vote.decision === 'Reject');
  if (rejected) return [`Rejected by ${rejected.by}${because(rejected.reason)}`];
  const why = votes.find((vote) => vote.void !== undefined)?.void;
  if (why !== undefined || status?.gate?.id === was.gate) {
    const void_ = `Void: ${why ?? 'what it shows has changed'}`;
    return [`${void_}. Votes on this message do not count; look at the newer one.`];
  }
  const approvals = new Map(votes.map(({ by, reason }) => [by, `${by}${because(reason)}`]));
  const quorum = quorumOf(plan, was.gate);
  if (approvals.size >= quorum) return [`Approved by ${[...approvals.values()].join('; ')}`];
  const counts = `It had ${approvals.size} of ${counted(quorum, 'approval')}.`;
  if (outcome) return [`${outcome.outcome}${because(outcome.reasons.join('; '))}. ${counts}`];
  return [`${failure?.message ?? 'Nothing waits for approval here any more'}. ${counts}`];
}

/** A gate that is closed shows its rules no more; the plan has them. */
function quorumOf(plan: Plan, gate: string): number {
  if (gate === REVIEW) return reviewOf(plan)?.quorum ?? 1;
  const [, when, name = ''] = /^(before|after)-(.+)$/.exec(gate) ?? [];
  if (gate === FIRST_GATE) return gateAt(plan, 'BeforeCanary')?.quorum ?? 1;
  if (name === 'rollback') return gateAt(plan, 'BeforeRollback')?.quorum ?? 1;
  return gateAt(plan, when === 'after' ? 'AfterCanary' : 'BeforeWave', { name })?.quorum ?? 1;
}

/** Returns the message of a notice; people whose account is unknown are named. */
export function noticeMessage(
  notice: Notice,
  people: Policy['spec']['people'],
  service: string,
): ChatMessage {
  const meant = (notice.people ?? []).map((name) => {
    const account = people.find((person) => same(person.name, name))?.chat.find(isOf(service));
    return { name, account };
  });
  const names = meant.filter(({ account }) => !account).map(({ name }) => name);
  const [headline = notice.cause, ...lines] = notice.lines;
  return {
    headline,
    sections: lines.length > 0 ? [{ lines }] : [],
    state: names.length > 0 ? [`For ${names.join(', ')}`] : [],
    buttons: [],
    mentions: meant.flatMap(({ account }) => account ?? []),
  };
}

/** Returns a list of lines under a title, cut where it gets long; nothing where it is empty. */
export function section(title: string, lines: readonly string[], most = MAX_LINES): Section[] {
  if (lines.length === 0) return [];
  const more = lines.length - most;
  const shown = more > 0 ? [...lines.slice(0, most), `and ${more} more`] : lines;
  return [{ title, lines: shown }];
}

function facts(plan: Plan): string[] {
  const { bundle, direction } = plan;
  const nodes = plan.waves.reduce((sum, wave) => sum + wave.nodes.length, 0);
  const clusters = plan.clusters.map((entry) => entry.cluster).join(', ');
  const fixes = bundle.fixes.join(', ') || 'no CVE named';
  return [
    `Requested by ${plan.requestedBy}: ${plan.reason}`,
    ...(plan.urgent ? [`Urgent: ${plan.urgent.reason}`] : []),
    `Bundle ${bundle.name}: ${bundle.reason}`,
    direction === 'Back' ? `Takes back the update that fixes ${fixes}` : `Fixes ${fixes}`,
    `${bundle.disruption}: ${MEANS[bundle.disruption]}`,
    `${counted(nodes, 'node')} in ${counted(plan.waves.length, 'wave')}, clusters: ${clusters}`,
  ];
}

function impact({ impact: nodes, drains = [], warnings = [] }: PlanResult): string[] {
  const pods = nodes.flatMap((node) => node.pods);
  const effect = (kind: (typeof pods)[number]['effect']) =>
    pods.filter((pod) => pod.effect === kind).length;
  const survive = nodes.reduce((sum, node) => sum + node.containersThatMustSurvive, 0);
  const blockers = drains.flatMap((drain) => drain.blockers);
  const numbers = [
    `${counted(effect('Evicted'), 'pod')} evicted`,
    `${counted(effect('WaitedFor'), 'Job pod')} waited for`,
    `${counted(survive, 'container')} must survive`,
    `${counted(Math.max(blockers.length, effect('Blocks')), 'blocker')}`,
    `${counted(warnings.length, 'warning')}`,
  ];
  return [
    numbers.join(', '),
    ...blockers.map(({ node, pod, reason }) => `${node}: ${pod} blocks the drain: ${reason}`),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
}

function soFar({ approvedBy, rules: { quorum } }: GateStatus): string {
  const names = approvedBy.length > 0 ? ` (${approvedBy.join(', ')})` : '';
  return `${approvedBy.length} of ${counted(quorum, 'approval')}${names}`;
}

function rules({ rules: needs, expiresAt }: GateStatus, { requestedBy }: Plan): string {
  const { roles, requesterMayApprove, identity } = needs;
  return [
    roles.length > 0
      ? `Takes the role ${roles.join(' or ')}`
      : 'Everybody whom the policy knows may',
    ...(requesterMayApprove ? [] : [`not ${requestedBy}, who requested it`]),
    ...(identity === 'Attested' ? ['signed votes only'] : []),
    `until ${stamp(expiresAt)}`,
  ].join('; ');
}

function because(reason: string | undefined): string {
  return reason ? `: ${reason}` : '';
}

function isOf(service: string): (account: string) => boolean {
  return (account) => account.startsWith(`${service}:`);
}

function same(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
