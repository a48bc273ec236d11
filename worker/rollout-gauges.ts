/** How many rollouts and nodes are in work, and what they wait for: from Temporal's index. */
import {
  LEDGER_WORKFLOW,
  nodeOf,
  ROLLOUT_WORKFLOW,
  type RolloutOutcomeKind,
  type RolloutPhase,
} from '../workflows/contract.ts';
import type { Instruments } from './metrics.ts';

type RunningPhase = Exclude<RolloutPhase, RolloutOutcomeKind>;

/** Phases of rollouts that run; a phase that is missing here is no valid program. */
const PHASES: Readonly<Record<RunningPhase, true>> = {
  Planning: true,
  AwaitingApproval: true,
  AwaitingWindow: true,
  AwaitingLease: true,
  Canary: true,
  Wave: true,
  Soaking: true,
  RollingBack: true,
};

export const WAITS = ['approval', 'window', 'lease', 'judgement', 'person', 'other'] as const;
export type Wait = (typeof WAITS)[number];

/** One running workflow, as the index shows it. */
export interface RunningWorkflow {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly startedAtMs: number;
  /** The rollout that it belongs to; "" where it says none. */
  readonly rollout: string;
  /** Of a rollout; "" before it has shown one. */
  readonly phase: string;
  /** What it waits for, in words; "" while it works. */
  readonly waitingFor: string;
  /** Whether somebody has to act before it goes on. */
  readonly asksPeople: boolean;
}

/** A rollout that waits. */
export interface WaitingRollout {
  readonly workflowId: string;
  readonly runId: string;
  readonly wait: Wait;
}

/** Names of the workflows that the gauges are about, for the query. */
export const WATCHED_TYPES = [ROLLOUT_WORKFLOW, 'nodeWorkflow', LEDGER_WORKFLOW] as const;

/** Returns the rollouts that wait, each for one thing. A node that asks somebody lets its rollout wait. */
export function waitingRollouts(running: readonly RunningWorkflow[]): readonly WaitingRollout[] {
  const asked = new Set(
    running
      .filter(({ workflowId, asksPeople }) => nodeOf(workflowId) && asksPeople)
      .map(({ rollout }) => rollout),
  );
  return running.filter(isRollout).flatMap((entry) => {
    const wait = waitOf(entry) ?? (asked.has(entry.rollout) ? 'person' : undefined);
    return wait ? [{ workflowId: entry.workflowId, runId: entry.runId, wait }] : [];
  });
}

function waitOf({ phase, waitingFor, asksPeople }: RunningWorkflow): Wait | undefined {
  switch (phase) {
    case 'AwaitingApproval':
      return 'approval';
    case 'AwaitingWindow':
      return asksPeople ? 'person' : 'window';
    case 'AwaitingLease':
      return asksPeople ? 'person' : 'lease';
    case 'Soaking':
      return asksPeople ? 'person' : 'judgement';
    default:
      if (asksPeople) return 'person';
      return waitingFor === '' ? undefined : 'other';
  }
}

const isRollout = ({ type }: RunningWorkflow) => type === ROLLOUT_WORKFLOW;

export interface Picture {
  readonly running: readonly RunningWorkflow[];
  readonly waiting: readonly (WaitingRollout & { readonly sinceMs: number })[];
  /** Clusters that are told of although no node of theirs is in work. */
  readonly clusters: readonly string[];
  readonly nowMs: number;
}

/** Sets the gauges; what there is none of is set to 0, or it would stay as it was. */
export function showRollouts(to: Instruments, picture: Picture): void {
  const { running, waiting, nowMs } = picture;
  const rollouts = running.filter(isRollout);
  for (const phase of Object.keys(PHASES)) {
    const found = rollouts.filter((entry) => (entry.phase || 'Planning') === phase);
    to.set('tidegate_rollouts', { phase }, found.length);
  }
  for (const wait of WAITS) {
    const found = waiting.filter((entry) => entry.wait === wait);
    to.set('tidegate_rollouts_waiting', { for: wait }, found.length);
    const oldest = secondsSince(
      nowMs,
      found.map((entry) => entry.sinceMs),
    );
    to.set('tidegate_oldest_wait_seconds', { for: wait }, oldest);
  }
  showNodes(to, picture);
  const pending = running.filter(({ type }) => type === LEDGER_WORKFLOW);
  to.set('tidegate_ledger_pending', {}, pending.length);
  to.set('tidegate_temporal_seen_timestamp_seconds', {}, nowMs / 1000);
}

function showNodes(to: Instruments, { running, clusters, nowMs }: Picture): void {
  const inWork = running.flatMap(({ workflowId, startedAtMs }) => {
    const node = nodeOf(workflowId);
    return node ? [{ cluster: node.cluster, startedAtMs }] : [];
  });
  for (const cluster of new Set([...clusters, ...inWork.map((entry) => entry.cluster)])) {
    const found = inWork.filter((entry) => entry.cluster === cluster);
    to.set('tidegate_nodes_in_work', { cluster }, found.length);
    const oldest = secondsSince(
      nowMs,
      found.map((entry) => entry.startedAtMs),
    );
    to.set('tidegate_oldest_node_seconds', { cluster }, oldest);
  }
}

/** Clocks differ: nothing has waited for less than no time. */
function secondsSince(nowMs: number, beginnings: readonly number[]): number {
  return Math.max(0, ...beginnings.map((sinceMs) => (nowMs - sinceMs) / 1000));
}
