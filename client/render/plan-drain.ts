/** Shows what draining a wave would meet: blockers with what helps, and firings of CronJobs. */
import type { DrainBlocker, FiringConflict, WaveDrain } from '../../workflows/domain/plan-types.ts';
import { counted, type Look, paint } from './look.ts';

/** More nodes than this are counted instead of named. */
const NAMED_NODES = 4;
/** Firings that are kept clear of are cut here; the JSON has them all. */
const MAX_AVOIDABLE = 10;

/** Returns the lines about a wave's blockers, those for good first, each with what helps below it. */
export function blockerLines({ blockers }: WaveDrain, look: Look): string[] {
  const lines = (permanent: boolean) =>
    grouped(
      blockers.filter((entry) => entry.permanent === permanent),
      (entry) => `${entry.reason}\n${entry.advice}\n${entry.contact ?? ''}`,
    ).flatMap((same) => blocked(same, look));
  return [...lines(true), ...lines(false)];
}

function blocked(same: readonly DrainBlocker[], look: Look): string[] {
  const [first] = same;
  if (!first) return [];
  const { pod, owner, contact, permanent, reason, advice } = first;
  const more = same.length > 1 ? ` and ${counted(same.length - 1, 'pod')} more` : '';
  const by = controllerAndOwner(owner, contact);
  const how = permanent ? 'BLOCKED for good' : 'blocked for now';
  const line = `${nodesOf(same)} ${how} by ${pod}${more} (${by}): ${reason}`;
  return [paint(line, permanent ? 'red' : 'yellow', look), `  ${advice}`];
}

/** Returns a pod's controller and, where it is known, whose workload it is. */
export function controllerAndOwner(controller: string, contact: string | undefined): string {
  const by = controller === 'none' ? 'no controller' : controller;
  return contact === undefined ? by : `${by}, owner ${contact}`;
}

/** Returns the lines about firings that a turn of a wave's nodes would harm. */
export function firingLines(
  { firings }: WaveDrain,
  holds: 'Wait' | 'Ignore' | undefined,
  look: Look,
): string[] {
  const lines = (avoidable: boolean, one: string, many: string) =>
    grouped(
      firings.filter((entry) => entry.avoidable === avoidable),
      (entry) => entry.reason,
    ).flatMap((same) =>
      same[0] ? [`${nodesOf(same)} ${same.length > 1 ? many : one}: ${same[0].reason}`] : [],
    );
  const harmed = lines(
    false,
    'HARMS a firing whenever its turn is',
    'HARM a firing whenever their turn is',
  );
  const ignored = 'may harm a firing, which the policy ignores';
  const avoided =
    holds === 'Wait'
      ? lines(true, 'keeps clear of a firing', 'keep clear of a firing')
      : lines(true, ignored, ignored);
  const hidden = avoided.length - MAX_AVOIDABLE;
  return [
    ...harmed.map((line) => paint(line, 'yellow', look)),
    ...avoided.slice(0, MAX_AVOIDABLE),
    ...(hidden > 0 ? [`and ${counted(hidden, 'firing')} more; --output json lists them`] : []),
  ];
}

function grouped<T>(entries: readonly T[], keyOf: (entry: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const group = groups.get(keyOf(entry)) ?? [];
    group.push(entry);
    groups.set(keyOf(entry), group);
  }
  return [...groups.values()];
}

function nodesOf(entries: readonly (DrainBlocker | FiringConflict)[]): string {
  const names = [...new Set(entries.map((entry) => entry.node))];
  if (names.length <= NAMED_NODES) return names.join(', ');
  const rest = names.length - NAMED_NODES;
  return `${names.slice(0, NAMED_NODES).join(', ')} and ${counted(rest, 'node')} more`;
}
