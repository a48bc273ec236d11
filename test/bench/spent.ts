/** Where a rollout's time goes: from systemd's clock on the nodes, and from the nodes' outcomes. */
import type { TemporalConnection } from '../../client/connection.ts';
import { ssh } from '../../lab/node.ts';
import { run } from '../../lab/run.ts';
import { nodeNamed } from '../../lab/settings.ts';
import { type NodeOutcome, nodeWorkflowId, type RolloutOutcome } from '../../workflows/contract.ts';

/** A span of time in milliseconds since 1970. */
export type Span = readonly [from: number, to: number];

/**
 * Returns how much of a rollout some node spent in apt's unit, how much in waiting for a kubelet to
 * start the probe (and for nothing of the former), and the rest: Tidegate's own time.
 */
export async function spentByTidegate(input: {
  readonly connection: TemporalConnection;
  readonly outcome: RolloutOutcome;
  readonly startedMs: number;
  readonly endedMs: number;
}): Promise<Record<string, number>> {
  const { connection, outcome, startedMs, endedMs } = input;
  const whole: Span = [startedMs, endedMs];
  const apt: Span[] = [];
  const kubelet: Span[] = [];
  let firstNodeMs = endedMs;
  for (const entry of outcome.nodes) {
    const id = nodeWorkflowId(entry.cluster, entry.node);
    const { startTime } = await connection.client.workflow.getHandle(id).describe();
    firstNodeMs = Math.min(firstNodeMs, startTime.getTime());
    apt.push(...(await unitSpans(entry.node, whole)));
    const verifying = phaseStart(entry, 'Verifying', startTime.getTime());
    if (verifying !== undefined) kubelet.push([verifying, verifying + (entry.probeMs ?? 0)]);
  }
  const aptMs = covered(apt, whole);
  const bothMs = covered([...apt, ...kubelet], whole);
  const planningMs = firstNodeMs - startedMs;
  return {
    apt: aptMs,
    kubelet: bothMs - aptMs,
    planning: planningMs,
    rest: endedMs - startedMs - bothMs - planningMs,
  };
}

/** Returns how long nodes were in each phase on average, in the order of the phases. */
export function meanPhases(nodes: readonly NodeOutcome[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { phasesMs } of nodes) {
    for (const [phase, ms] of Object.entries(phasesMs)) sums[phase] = (sums[phase] ?? 0) + ms;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, ms]) => [name, ms / nodes.length]));
}

/** Phases follow one another in the order in which they were entered. */
function phaseStart(
  { phasesMs }: NodeOutcome,
  phase: keyof NodeOutcome['phasesMs'],
  startMs: number,
): number | undefined {
  let at = startMs;
  for (const [name, ms] of Object.entries(phasesMs)) {
    if (name === phase) return at;
    at += ms;
  }
  return undefined;
}

// The unit stays, with its times, until the next transaction on the node.
const showUnits = `
for unit in $(systemctl list-units --all --plain --no-legend 'tidegate-tx-*-apply.service' | cut -d ' ' -f 1); do
  systemctl show --timestamp=us+utc -p ExecMainStartTimestamp --value "$unit"
  systemctl show --timestamp=us+utc -p ExecMainExitTimestamp --value "$unit"
done
`;

/** Returns when the transient units of a node ran their installation, within a span of time. */
async function unitSpans(node: string, [from, to]: Span): Promise<Span[]> {
  const times = (await run(ssh(nodeNamed(node), showUnits))).split('\n').map(timeOf);
  const spans: Span[] = [];
  for (let at = 0; at + 1 < times.length; at += 2) {
    const [start = Number.NaN, end = Number.NaN] = times.slice(at, at + 2);
    if (start >= from && end <= to) spans.push([start, end]);
  }
  if (spans.length === 0) throw new Error(`${node} has no unit of this rollout any more`);
  return spans;
}

/** "Tue 2026-11-24 23:34:09.123456 UTC" */
function timeOf(text: string): number {
  const [, date, time] = /(\d{4}-\d\d-\d\d) ([\d:.]+) UTC/.exec(text) ?? [];
  return Date.parse(`${date}T${time}Z`);
}

/** Returns how many milliseconds of a whole are in at least one of the spans. */
export function covered(spans: readonly Span[], [from, to]: Span): number {
  let sum = 0;
  let reached = from;
  for (const [start, end] of [...spans].sort(([a], [b]) => a - b)) {
    const begin = Math.max(start, reached);
    const until = Math.min(end, to);
    if (until > begin) {
      sum += until - begin;
      reached = until;
    }
  }
  return sum;
}
