/** Shows a plan: who, when, from, to, what it will disturb and what it refuses. */
import type { PodImpact } from '../../workflows/domain/inventory.ts';
import type {
  ExcludedNode,
  NodeImpact,
  Plan,
  PlannedNode,
  PlannedWave,
  PlanResult,
  WaveDrain,
} from '../../workflows/domain/plan-types.ts';
import type { Disruption } from '../../workflows/domain/spec.ts';
import { measuringRules, renderValidations } from './evidence.ts';
import { approvalRules } from './gate.ts';
import { alignedTable, counted, fields, indent, type Look, paint } from './look.ts';
import { blockerLines, controllerAndOwner, firingLines } from './plan-drain.ts';
import { ownerLines, timeRules } from './plan-owners.ts';
import { policyRules } from './plan-rules.ts';
import { duration } from './time.ts';

/** What each disruption means for a node. */
export const MEANS: Readonly<Record<Disruption, string>> = {
  None: 'nothing restarts',
  Restart: 'the daemon restarts, containers keep running, nothing is drained',
  Drain: 'each node is drained first',
  Reboot: 'each node is drained and rebooted',
};

/** What is said below a plan. */
export interface PlanHints {
  /** Commands to type next. */
  readonly next: readonly string[];
}

/** Returns the whole plan as text. */
export function renderPlan(result: PlanResult, hints: PlanHints, look: Look): string {
  const { plan } = result;
  const head = `Plan of rollout ${plan.rollout}${plan.direction === 'Back' ? ' (back)' : ''}`;
  return [
    paint(head, 'bold', look),
    fields(facts(result), look),
    ...plan.waves.map((wave) => renderWave(wave, result, look)),
    ...(plan.waves.length === 0 ? ['Nothing to do: every node is as wanted already.'] : []),
    ...listed('Already done', plan.alreadyDone, look),
    ...listed('Excluded', plan.excluded, look),
    ...section('Owners', ownerLines(result), look),
    ...renderValidations(result, look),
    ...warned(result.warnings ?? [], look),
    digestLines(result, look),
    ...(hints.next.length > 0
      ? [`${paint('Next', 'bold', look)}\n${indent(hints.next.join('\n'))}`]
      : []),
  ].join('\n\n');
}

function facts(result: PlanResult): [string, string][] {
  const { plan } = result;
  const { bundle, policy, strategy } = plan;
  const nodes = plan.waves.reduce((sum, wave) => sum + wave.nodes.length, 0);
  const waves = counted(plan.waves.length, 'wave');
  return [
    ['Requested by', plan.requestedBy],
    ['Why', plan.reason],
    ['Bundle', `${bundle.name}: ${bundle.reason}`],
    ['', bundle.digest],
    ...(bundle.published ? [['Published', bundle.published] as [string, string]] : []),
    ...effects(plan),
    ['Disruption', `${bundle.disruption}: ${MEANS[bundle.disruption]}`],
    ['Size', `${counted(nodes, 'node')} in ${waves}, clusters: ${clusterNames(plan)}`],
    ...approvalRules(plan),
    ...timeRules(result),
    ...policyRules(plan),
    ...measuringRules(plan),
    ['On failure', failureRule(strategy)],
    ['Policy', policy.name],
  ];
}

/** With warnings an approval is of them as well, and names another digest. */
function digestLines({ plan, approve }: PlanResult, look: Look): string {
  const line = `${paint('Digest', 'bold', look)}  ${approve ?? plan.digest}`;
  if (approve === undefined || approve === plan.digest) return line;
  return `${line}\n  of the plan ${plan.digest} and what it warns of`;
}

function effects({ bundle, direction }: Plan): [string, string][] {
  const fixes = bundle.fixes.join(', ') || 'no CVE named';
  if (direction === 'Back') return [['Undoes', `the update and what it fixes: ${fixes}`]];
  const changes = bundle.expectedChanges.map((text): [string, string] => ['Will change', text]);
  return [['Fixes', fixes], ...changes];
}

function clusterNames(plan: Plan): string {
  return plan.clusters.map((entry) => entry.cluster).join(', ') || 'none';
}

function failureRule({ failureBudget, onFailure }: Plan['strategy']): string {
  const then =
    onFailure === 'Rollback'
      ? 'all updated nodes are taken back'
      : 'the rollout halts, updated nodes stay updated';
  const budget =
    failureBudget === 0
      ? 'after the first failed node'
      : `after more than ${failureBudget} failed nodes`;
  return `the failed node is put back; ${budget} ${then}`;
}

function renderWave(wave: PlannedWave, result: PlanResult, look: Look): string {
  const { impact } = result;
  const soak = wave.soakSeconds > 0 ? `, then soak ${duration(wave.soakSeconds * 1000)}` : '';
  const limits = `at most ${wave.maxUnavailable} unavailable, ${wave.maxPerFailureDomain} per failure domain`;
  const head = `${wave.name} in ${wave.cluster}: ${counted(wave.nodes.length, 'node')}, ${limits}${soak}`;
  const rows = wave.nodes.flatMap((node) => nodeRows(node, impactOn(node, impact)));
  const header = ['NODE', 'ZONE', 'PACKAGE', 'FROM', 'TO', 'DISTURBS'];
  const remarks = remarksOn(wave, result, look);
  return [paint(head, 'bold', look), indent(alignedTable(header, rows, look)), ...remarks].join(
    '\n',
  );
}

function impactOn(node: PlannedNode, impact: readonly NodeImpact[]): NodeImpact | undefined {
  return impact.find((entry) => entry.cluster === node.cluster && entry.node === node.node);
}

function nodeRows(node: PlannedNode, impact: NodeImpact | undefined): string[][] {
  return node.packages.map(({ name, from, to }, index) => [
    index === 0 ? node.node : '',
    index === 0 ? node.failureDomain : '',
    name,
    from.version,
    to.version,
    index === 0 ? disturbs(node, impact) : '',
  ]);
}

function disturbs(node: PlannedNode, impact: NodeImpact | undefined): string {
  if (!impact) return 'unknown';
  const count = (effect: PodImpact['effect']) =>
    impact.pods.filter((pod) => pod.effect === effect).length;
  const parts = [
    [count('Evicted'), 'evicted'],
    [count('WaitedFor'), 'waited for'],
    [count('Blocks'), 'BLOCKS the drain'],
  ]
    .filter(([pods]) => pods !== 0)
    .map(([pods, what]) => `${pods} ${what}`);
  const pods = parts.length === 0 ? 'no pod evicted' : `pods: ${parts.join(', ')}`;
  const surviving = impact.containersThatMustSurvive;
  const kept = node.disruption === 'None' || node.disruption === 'Restart';
  return kept ? `${pods}, ${counted(surviving, 'container')} must survive` : pods;
}

/** Lines about pods that only move are cut here; the JSON has them all. */
const MAX_MOVES = 20;

function remarksOn(wave: PlannedWave, { plan, impact, drains }: PlanResult, look: Look): string[] {
  const drain = drains?.find((entry) => entry.wave === wave.name && entry.cluster === wave.cluster);
  const about = (effects: readonly PodImpact['effect'][]) =>
    wave.nodes.flatMap((node) =>
      (impactOn(node, impact)?.pods ?? [])
        .filter((pod) => effects.includes(pod.effect) && !isTold(pod, drain))
        .map((pod) => podLine(node, pod)),
    );
  const cordoned = wave.nodes
    .filter((node) => node.cordoned)
    .map(({ node }) => `${node} is cordoned already and will be left cordoned`);
  const blocks = about(['Blocks']).map((line) => paint(line, 'red', look));
  const told = drain
    ? [...blockerLines(drain, look), ...firingLines(drain, plan.policy.spec.holds?.cronJobs, look)]
    : [];
  const moves = about(['Evicted', 'WaitedFor']);
  const hidden = moves.length - MAX_MOVES;
  const more = hidden > 0 ? [`and ${hidden} pods more; --output json lists them`] : [];
  const lines = [...cordoned, ...blocks, ...told, ...moves.slice(0, MAX_MOVES), ...more];
  return lines.map((line) => indent(line, 4));
}

/** What the simulated drain says of a pod says more than its impact alone. */
function isTold({ effect, namespace, pod }: PodImpact, drain: WaveDrain | undefined): boolean {
  const blockers = effect === 'Blocks' ? (drain?.blockers ?? []) : [];
  return blockers.some((entry) => entry.pod === `${namespace}/${pod}`);
}

const WORDS = {
  Evicted: 'evicts',
  WaitedFor: 'waits for',
  Blocks: 'BLOCKED by',
  Stays: 'keeps',
} as const;

function podLine({ node }: PlannedNode, impact: PodImpact) {
  const { namespace, pod, owner, effect, reason, contact } = impact;
  const by = controllerAndOwner(owner, contact);
  return `${node} ${WORDS[effect]} ${namespace}/${pod} (${by})${reason ? `: ${reason}` : ''}`;
}

function warned(warnings: readonly string[], look: Look): string[] {
  const lines = warnings.map((line) => paint(line, 'yellow', look));
  return section('Warnings', lines, look);
}

function listed(title: string, nodes: readonly ExcludedNode[], look: Look): string[] {
  const lines = nodes.map(({ cluster, node, reason }) => `${cluster}/${node}: ${reason}`);
  return section(title, lines, look);
}

function section(title: string, lines: readonly string[], look: Look): string[] {
  if (lines.length === 0) return [];
  return [`${paint(title, 'bold', look)}\n${indent(lines.join('\n'))}`];
}
