/** What notices say of a plan, a line each. Called from workflows: deterministic, and visible in queries only. */
import { words } from './duration-words.ts';
import { gateAt, standardApproval } from './gates.ts';
import { TURN_MS } from './lifecycle.ts';
import type { NamedOwner } from './notice-routing.ts';
import { counted, disturbanceWords, listed, podWords, workloadWords } from './owner-words.ts';
import type { OwnerImpact, Plan, PlanResult } from './plan-types.ts';
import type { Disruption, Policy } from './spec.ts';

const DOES: Readonly<Record<Disruption, string>> = {
  None: 'nothing that runs is touched',
  Restart: 'a daemon restarts, containers keep running',
  Drain: 'each node is drained first',
  Reboot: 'each node is drained and rebooted',
};

export const nodesOf = (plan: Plan) => plan.waves.flatMap((wave) => wave.nodes);

/** Returns "12 nodes of east, west". */
export function sizeWords(plan: Plan): string {
  const clusters = [...new Set(plan.waves.map((wave) => wave.cluster))];
  return `${counted(nodesOf(plan).length, 'node')} of ${listed(clusters)}`;
}

export function whyLine({ reason, requestedBy, bundle, urgent }: Plan): string {
  const fixes = bundle.fixes.length > 0 ? `; fixes ${listed(bundle.fixes)}` : '';
  const haste = urgent ? `; URGENT: ${urgent.reason}` : '';
  return `Why: ${reason} (requested by ${requestedBy})${fixes}${haste}`;
}

export function whatLine(plan: Plan): string {
  const changes = nodesOf(plan).flatMap(({ packages }) =>
    packages.map(({ name, from, to }) => `${name} ${from.version} to ${to.version}`),
  );
  return `What: ${listed([...new Set(changes)])}; ${DOES[plan.bundle.disruption]}`;
}

export function whereLine({ waves }: Plan): string {
  const said = waves.map(
    ({ name, cluster, nodes }) => `${name} (${counted(nodes.length, 'node')} of ${cluster})`,
  );
  return `Where: ${listed(said)}`;
}

/** Returns what the plan is expected to do, in numbers. */
export function impactLine({ plan, impact, owners = [] }: PlanResult): string {
  const { disruption } = plan.bundle;
  if (disruption === 'None') return 'Impact: none expected';
  if (disruption === 'Restart') {
    const count = impact.reduce((sum, entry) => sum + entry.containersThatMustSurvive, 0);
    return `Impact: no pod is evicted; ${counted(count, 'container')} must keep running, or their node is put back`;
  }
  if (owners.length === 0) return 'Impact: no pod is disturbed';
  const waves = owners.flatMap((entry) => entry.waves);
  return `Impact: ${podWords(waves)}, of ${counted(
    owners.reduce((sum, entry) => sum + entry.count, 0),
    'workload',
  )}`;
}

/** Returns whose workloads are disturbed; nothing where nobody has named an owner. */
export function ownersLine(owners: readonly OwnerImpact[]): string[] {
  const named = owners.flatMap(({ owner, waves }) =>
    owner === undefined ? [] : [`${owner} (${podWords(waves)})`],
  );
  const nobody = owners.find(({ owner }) => owner === undefined);
  if (named.length === 0) return [];
  const rest = nobody ? `; nobody is named for ${counted(nobody.count, 'workload')}` : '';
  return [`Owners: ${listed(named)}${rest}`];
}

/** Owners that one message names; the others are counted. */
const NAMED_OWNERS = 10;

/** Returns a line for each owner, made by `line`. */
export function eachOwner(
  owners: readonly NamedOwner[],
  line: (owner: NamedOwner) => string,
): string[] {
  const more = owners.length - NAMED_OWNERS;
  return [
    ...owners.slice(0, NAMED_OWNERS).map((entry) => `${entry.owner}: ${line(entry)}`),
    ...(more > 0 ? [`and ${counted(more, 'owner')} more`] : []),
  ];
}

export const affected = (owner: NamedOwner) =>
  `${workloadWords(owner)}: ${disturbanceWords(owner)}`;

export const namesOf = (owners: readonly NamedOwner[]) => listed(owners.map(({ owner }) => owner));

/** Returns when the first node starts; `at` is when that is told. */
export function whenLine({ plan, firstOpening }: PlanResult, at: string): string {
  const { notices } = plan.policy.spec;
  const lead = notices?.leadSeconds ?? 0;
  const earliest = firstOpening ?? (lead > 0 ? later(at, lead) : undefined);
  const parts = [
    beginning(plan, at),
    ...(earliest === undefined ? [] : [`not before ${earliest}`]),
    ...calendarWords(plan.policy.spec),
    `then about ${words(expectedMs(plan))} if nothing waits`,
  ];
  return `When: ${parts.join('; ')}`;
}

/** Returns what a policy says of when nodes may start; nothing where it says nothing. */
export function calendarWords({ windows, onCall, freezes }: Partial<Spec>): string[] {
  return [
    ...(windows?.length ? [`in the windows ${listed(windows.map(windowWords))}`] : []),
    ...(onCall?.length ? [`while somebody is on call, ${listed(onCall.map(hoursWords))}`] : []),
    ...(freezes?.length ? [`not in the freezes ${listed(freezes.map(freezeWords))}`] : []),
  ];
}

/** One node after the other as far as the limits say, with every soak. */
function expectedMs({ waves }: Plan): number {
  return waves.reduce((total, { nodes, maxUnavailable, soakSeconds }) => {
    const turns = Math.ceil(nodes.length / Math.max(1, maxUnavailable));
    const turnMs = Math.max(...nodes.map(({ disruption }) => TURN_MS[disruption]), 0);
    return total + turns * turnMs + soakSeconds * 1000;
  }, 0);
}

function beginning(plan: Plan, at: string): string {
  const needs = gateAt(plan, 'BeforeCanary');
  if (!needs) return 'at once, the policy asks for no approval';
  const standard = standardApproval(plan, at.slice(0, 10));
  if (standard)
    return `at once, ${listed(standard.approvedBy)} approved its like (${standard.reason})`;
  const who = needs.quorum === 1 ? '1 person has' : `${needs.quorum} people have`;
  const roles = needs.roles.length > 0 ? ` (${listed(needs.roles)})` : '';
  return `once ${who} approved it${roles}, until ${later(at, needs.expirySeconds)}`;
}

/** Returns a moment some seconds after another one, without fractions. */
export function later(at: string, seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

type Spec = Policy['spec'];

function hoursWords({ days, start, durationMinutes, timeZone }: Spec['onCall'][number]): string {
  return `${days.join(' ')} ${start} for ${words(durationMinutes * 60_000)}, ${timeZone}`;
}

function windowWords(window: Spec['windows'][number]): string {
  const where = window.regions ? `, ${window.regions.join(' ')}` : '';
  return `${window.name} (${hoursWords(window)}${where})`;
}

function freezeWords({ name, from, to, every, reason }: Spec['freezes'][number]): string {
  const [first, last] = every === 'Year' ? [from.slice(5), to.slice(5)] : [from, to];
  return `${name} (${first} to ${last}${every === 'Year' ? ' each year' : ''}: ${reason})`;
}

export function objectLine({ rollout, requestedBy }: Plan, waitsForApproval: boolean): string {
  const reject = `\`tidegate reject ${rollout} --as WHO --reason WHY\` while it waits for approval, `;
  return `To object: ${waitsForApproval ? reject : ''}\`tidegate pause ${rollout} --as WHO --reason WHY\` at any time, or ask ${requestedBy}`;
}

export function backLine({ rollout, strategy }: Plan): string {
  const { failureBudget, onFailure } = strategy;
  const after = `after ${failureBudget === 0 ? 'the first failed node' : `more than ${counted(failureBudget, 'failed node')}`}`;
  const then = onFailure === 'Rollback' ? 'all updated nodes go back' : 'the rollout halts';
  return `Way back: a node that fails is put back at once; ${after} ${then}; by hand \`tidegate rollback ${rollout} --as WHO\``;
}
