/** What Temporal's UI shows of a rollout, a wave and a node while they run; markdown, the sentence that matters first. */
import type {
  GateStatus,
  NodeInput,
  NodeStatus,
  RecordedVote,
  RolloutStatus,
  WaveStatus,
} from '../contract.ts';
import { judgementLine, strikingSentences } from './judgement-words.ts';
import type { Plan } from './plan-types.ts';
import type { Rollout } from './spec.ts';

/** Lines of each list that are shown; the queries have all of them. */
const SHOWN = 20;
const SHOWN_VOTES = 10;
const SHOWN_REFUSED = 5;
const LONGEST_LINE = 300;
/** The UI's frame ends a line too early: what it cuts off is empty. */
const END = '\u00a0';
const FORM = 'In this UI (from another tab than this one): _More Actions_, _Send an Update_';

/** Returns the details of a rollout. */
export function rolloutDetails(status: RolloutStatus, plan: Plan | undefined): string {
  const { phase, waitingFor, gate, outcome, votes, refusedVotes, waves } = status;
  return page([
    `**${phase}**${waitingFor ? `: waiting for ${line(waitingFor)}` : ''}`,
    outcome ? list(outcome.reasons.map(line)) : '',
    plan ? aboutPlan(plan) : '',
    ...(gate ? aboutGate(gate) : outcome ? [] : steering(status)),
    phase === 'Planning' ? '' : status.next.map(code).join('  \n'),
    section('Measured', (status.judgements ?? []).slice(-SHOWN).flatMap(measuredLines)),
    section('Votes', votes.slice(-SHOWN_VOTES).map(voteLine)),
    section('Refused', refusedVotes.slice(-SHOWN_REFUSED).map(refusedLine)),
    section('Nodes', waves.flatMap(remarks).slice(0, SHOWN)),
    waves.length > 0 ? table(waves) : '',
  ]);
}

/** Returns what is said of a rollout when it is started: what was asked for. */
export function requestDetails({ spec }: Rollout): string {
  const { reason, targets, urgent } = spec;
  const named = (document: string | { metadata: { name: string } }) =>
    typeof document === 'string' ? document : document.metadata.name;
  const { clusters, nodeGroups, nodes } = targets;
  const where = [
    ...(clusters ? [`clusters ${clusters.join(', ')}`] : []),
    ...(nodeGroups ? [`node groups ${nodeGroups.join(', ')}`] : []),
    ...(nodes ? [`nodes ${nodes.join(', ')}`] : []),
  ];
  return [
    line(`Reason: ${reason}`),
    line(`Bundle ${named(spec.bundle)}, fleet ${named(spec.fleet)}, policy ${named(spec.policy)}`),
    line(`On ${where.join('; ') || 'every node of the fleet that is not as wanted'}`),
    ...(urgent ? [line(`Urgent: ${urgent.reason}`)] : []),
  ].join('  \n');
}

/** Returns the details of a wave. */
export function waveDetails(status: WaveStatus, rollout: string): string {
  const { wave, nodes, waitingFor } = status;
  const waits = waitingFor ? `: ${line(waitingFor)}` : '';
  const lines = nodes.slice(0, SHOWN).map(({ node, phase, reason }) => {
    // How far a node in work is, only its own workflow knows.
    const state = phase === 'Inspecting' ? 'in work' : phase;
    return `${node} ${state}${reason ? `: ${line(reason)}` : ''}`;
  });
  return page([
    `**${wave}** of ${rollout}${waits}`,
    list([...lines, ...andMore(nodes.length)]),
    'To pause, stop or roll back, send the message to the rollout.',
  ]);
}

/** Returns the details of a node's run. */
export function nodeDetails(
  status: Omit<NodeStatus, 'sinceMs'> & { readonly since: string },
  input: Pick<NodeInput, 'rollout' | 'direction' | 'target'>,
  learned: { readonly notes: readonly string[] },
): string {
  const { cluster, node, phase, detail, asks, since } = status;
  const { packages, disruption } = input.target;
  const changes = packages.map(({ name, from, to }) => `${name} ${from.version} → ${to.version}`);
  const answer = `${FORM}, \`jobs\`: \`{"by": "WHO", "choice": "Wait"}\` (or "Later", "Evict")`;
  return page([
    `**${phase}** ${cluster}/${node}${detail ? `: ${line(detail)}` : ''}`,
    `${changes.join(', ')} (${disruption}), rollout ${input.rollout} (${input.direction}), in this phase since ${since}`,
    asks ? answer : '',
    list(learned.notes.slice(-SHOWN).map(line)),
  ]);
}

function aboutPlan({ waves, bundle, requestedBy, reason, digest }: Plan): string {
  const nodes = waves.reduce((sum, wave) => sum + wave.nodes.length, 0);
  const what = `${bundle.name} (${bundle.disruption}) on ${nodes} nodes`;
  return `${what}, requested by ${line(requestedBy)}: ${line(reason)}  \nPlan \`${digest}\``;
}

/** What is asked for at a gate, what there is to judge by, and how to answer from the UI. */
function aboutGate(gate: GateStatus): string[] {
  const { id, digest, evidence, expiresAt, rules, approvedBy } = gate;
  const attested = rules.identity === 'Attested';
  const conditions = [
    attested ? 'each signed' : 'names are believed',
    ...(rules.roles.length > 0 ? [`of ${rules.roles.join(', ')}`] : []),
    ...(rules.requesterMayApprove ? [] : ['not the requester']),
  ].join('; ');
  const argument = `{"by": "WHO", "digest": "${digest}", "reason": "WHY"}`;
  return [
    `Gate ${id}: ${approvedBy.length} of ${rules.quorum} approvals (${conditions}); open until ${expiresAt}`,
    list([...evidence.slice(0, SHOWN).map(line), ...andMore(evidence.length)]),
    attested
      ? 'Votes carry a signature here: add `--sign-key FILE` to `tidegate approve`, or press the button in chat'
      : `${FORM}, \`approve\`:  \n\`${argument}\``,
  ];
}

function steering({ phase, paused }: RolloutStatus): string[] {
  if (phase === 'Planning') return [];
  const names = paused ? ['resume', 'stop', 'rollback'] : ['pause', 'stop', 'rollback'];
  return [`${FORM}, ${names.map(code).join(', ')}: \`{"by": "WHO", "reason": "WHY"}\``];
}

function voteLine({ by, decision, gate, identity, signedBy, reason, void: why }: RecordedVote) {
  const said = decision === 'Approve' ? 'approved' : 'rejected';
  const proof = identity === 'Attested' ? `signed by ${signedBy ?? 'them'}` : 'name believed';
  const because = reason ? `: ${reason}` : '';
  const gone = why ? `; does not count any more: ${line(why)}` : '';
  return line(`${by} ${said} ${gate ?? 'the plan'} (${proof})${because}${gone}`);
}

function refusedLine({ by, gate, reason }: RolloutStatus['refusedVotes'][number]): string {
  return line(`${by}${gate ? ` at ${gate}` : ''}: ${line(reason)}`);
}

function measuredLines(judgement: NonNullable<RolloutStatus['judgements']>[number]): string[] {
  const sentences = strikingSentences(judgement).map((text) => `${judgement.wave}: ${text}`);
  return [judgementLine(judgement), ...sentences].map(line);
}

function remarks({ nodes }: WaveStatus): string[] {
  return nodes.flatMap(({ node, phase, reason }) =>
    reason ? [line(`${node} ${phase}: ${reason}`)] : [],
  );
}

function table(waves: readonly WaveStatus[]): string {
  const rows = waves.map(({ wave, state, nodes }) => {
    const names = nodes.slice(0, SHOWN).map(({ node, phase }) => `${node} ${phase}`);
    return `| ${wave} | ${state} | ${[...names, ...andMore(nodes.length)].join(', ')} |`;
  });
  return ['| wave | state | nodes |', '| --- | --- | --- |', ...rows].join('\n');
}

function page(parts: readonly string[]): string {
  return [...parts.filter((part) => part !== ''), END].join('\n\n');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n\n${list(lines)}`;
}

function list(lines: readonly string[]): string {
  return lines.map((text) => `- ${text}`).join('\n');
}

function andMore(count: number): string[] {
  return count > SHOWN ? [`and ${count - SHOWN} more`] : [];
}

function code(text: string): string {
  return `\`${text}\``;
}

/**
 * What people have typed stays in its line, and neither becomes a link nor a tag. A digest in full does
 * not fit into a line; where it has to be typed it stands as code.
 */
function line(text: string): string {
  const short = text.replace(/([0-9a-f]{12})[0-9a-f]{28,}/g, '$1…');
  const flat = short.replace(/\s+/g, ' ').replace(/[<[`|]/g, '\\$&');
  return flat.length > LONGEST_LINE ? `${flat.slice(0, LONGEST_LINE)}…` : flat;
}
