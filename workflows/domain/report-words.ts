/** What a report says in sentences. */
import type { NodeOutcome } from '../contract.ts';
import { words } from './duration-words.ts';
import { keyOf } from './lifecycle.ts';
import type { Report, ReportedNode, ReportedPlan, ReportTone } from './report-types.ts';

/** Returns "1 node" or "5 nodes". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Returns such as "east/east-1 Updated in 6 s: containerd 1.6 -> 1.7". */
export function nodeWords(
  node: NodeOutcome & { readonly wave: string; readonly wayBack: boolean },
): string {
  const { durationMs, packages, reasons, wave, wayBack } = node;
  // In an inverted plan "Updated" means that the node runs again what it ran before.
  const outcome = wayBack && node.outcome === 'Updated' ? 'put back' : node.outcome;
  const changed = packages
    .filter(({ before, after }) => before !== after)
    .map(({ name, before, after }) => `${name} ${before} -> ${after}`);
  const facts = [...changed, ...reasons].join('; ');
  return `${keyOf(node)} (${wave}) ${outcome} in ${words(durationMs)}${facts ? `: ${facts}` : ''}`;
}

/** What the headline is made of. */
export interface HeadlineFacts {
  readonly state: Report['state'];
  readonly phase?: Report['phase'];
  readonly plan: ReportedPlan | undefined;
  readonly nodes: readonly ReportedNode[];
  readonly fixes: Report['fixes'];
}

/** Returns what came of a rollout, in one sentence. */
export function headline(facts: HeadlineFacts): string {
  const { state, plan, nodes, phase } = facts;
  if (!plan) return state === 'InWork' ? 'There is no plan yet.' : 'It ended without a plan.';
  const total = counted(nodes.length, 'node');
  const bundle = plan.bundle.name;
  const patched = count(nodes, 'Updated', 'AlreadyDone');
  const attention = count(nodes, 'NeedsAttention');
  const look = attention > 0 ? ` ${counted(attention, 'node')} must be looked at by a person.` : '';
  switch (state) {
    case 'Succeeded':
      return `${patched === nodes.length ? `All ${total} run` : `${patched} of ${total} run`} ${bundle}.${closed(facts)}${look}`;
    case 'RolledBack':
      return `${wentBack(count(nodes, 'TakenBack', 'RolledBack'))}; ${patched === 0 ? 'none' : patched} of ${total} ${patched < 2 ? 'runs' : 'run'} ${bundle}.${look}`;
    case 'Halted':
      return `It stopped early: ${patched} of ${total} ${patched === 1 ? 'runs' : 'run'} ${bundle}, ${count(nodes, 'NotStarted')} were not started.${look}`;
    case 'Rejected':
      return 'It was not approved; no node was touched.';
    case 'InWork':
      return `Still in work${phase ? ` (${phase})` : ''}: ${patched} of ${total} run ${bundle} so far.${look}`;
  }
}

function wentBack(nodes: number): string {
  return `${counted(nodes, 'node')} went back to what ${nodes === 1 ? 'it' : 'they'} ran before`;
}

function closed({ fixes }: HeadlineFacts): string {
  if (fixes.length === 0) return '';
  const everywhere = fixes.filter(({ openOn }) => openOn.length === 0);
  if (everywhere.length === fixes.length) {
    return ` ${fixes.length === 1 ? `${fixes[0]?.id} is` : `All ${fixes.length} CVEs are`} closed on every node.`;
  }
  return ` ${counted(fixes.length - everywhere.length, 'CVE')} still open on some nodes.`;
}

function count(nodes: readonly ReportedNode[], ...ends: readonly ReportedNode['end'][]): number {
  return nodes.filter(({ end }) => ends.includes(end)).length;
}

/** Returns how what came of it is meant: a success that left nodes out is one to look at. */
export function toneOfReport({ state, nodes }: HeadlineFacts): ReportTone {
  if (nodes.some(({ end }) => end === 'NeedsAttention')) return 'Bad';
  const all = nodes.every(({ end }) => end === 'Updated' || end === 'AlreadyDone');
  switch (state) {
    case 'Succeeded':
      return all ? 'Good' : 'Careful';
    case 'Halted':
      return 'Bad';
    case 'RolledBack':
    case 'Rejected':
      return 'Careful';
    case 'InWork':
      return 'Neutral';
  }
}
