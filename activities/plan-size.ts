/** Keeps results below what fits into one Temporal payload. */
import type { PlanResult } from '../workflows/domain/plan-types.ts';
import { fail } from './failure.ts';

/** Below Temporal's 2 MB a payload, with room for what travels beside the plan. */
const LIMIT_BYTES = 1.5 * 1024 * 1024;

/** Fails where a result is too large. */
export function fitting<T>(value: T): T {
  const bytes = sizeOf(value);
  if (bytes <= LIMIT_BYTES) return value;
  return fail(
    'PlanTooLarge',
    `The result has ${bytes} bytes, more than the ${LIMIT_BYTES} that fit into one Temporal payload. Narrow spec.targets and roll out in several rollouts.`,
  );
}

/** Returns a result with as much detail as fits: what disturbs least is left out first. */
export function withFittingDetail(result: PlanResult): PlanResult {
  let fit = result;
  for (const leaveOut of LESS) {
    if (sizeOf(fit) <= LIMIT_BYTES) return fit;
    fit = leaveOut(fit);
  }
  return fitting(fit);
}

const LESS: readonly ((result: PlanResult) => PlanResult)[] = [
  withoutStays,
  withoutAvoidableFirings,
  withOneOfEachBlocker,
  withoutMoves,
  withFewWorkloads,
];

/** Pods that nothing happens to. */
function withoutStays(result: PlanResult): PlanResult {
  return withPods(result, ['Evicted', 'WaitedFor', 'Blocks']);
}

/** Pods that only move; those that block a drain remain. */
function withoutMoves(result: PlanResult): PlanResult {
  return withPods(result, ['Blocks']);
}

type Effect = PlanResult['impact'][number]['pods'][number]['effect'];

function withPods(result: PlanResult, effects: readonly Effect[]): PlanResult {
  const impact = result.impact.map((entry) => ({
    ...entry,
    pods: entry.pods.filter((pod) => effects.includes(pod.effect)),
  }));
  return { ...result, impact };
}

/** Firings that the rollout keeps clear of by itself. */
function withoutAvoidableFirings(result: PlanResult): PlanResult {
  return withDrains(result, (drain) => ({
    ...drain,
    firings: drain.firings.filter((firing) => !firing.avoidable),
  }));
}

/** A budget that holds a hundred pods of a node is told once for the node. */
function withOneOfEachBlocker(result: PlanResult): PlanResult {
  return withDrains(result, (drain) => {
    const seen = new Set<string>();
    const blockers = drain.blockers.filter(({ node, reason }) => {
      const key = `${node}\n${reason}`;
      return !seen.has(key) && seen.add(key);
    });
    return { ...drain, blockers };
  });
}

const FEW_WORKLOADS = 3;

/** Owners are told what happens to them, if not to which of their workloads. */
function withFewWorkloads(result: PlanResult): PlanResult {
  const owners = result.owners?.map((entry) => ({
    ...entry,
    workloads: entry.workloads.slice(0, FEW_WORKLOADS),
  }));
  return owners ? { ...result, owners } : result;
}

type Drain = NonNullable<PlanResult['drains']>[number];

function withDrains(result: PlanResult, change: (drain: Drain) => Drain): PlanResult {
  return result.drains ? { ...result, drains: result.drains.map(change) } : result;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
