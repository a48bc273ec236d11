/** Measures what many rollouts have come to, from the ledger alone. Called from clients: may change any day. */
import type { RolloutOutcomeKind } from '../contract.ts';
import { isFailedNode, keyOf } from './lifecycle.ts';
import { exceptionIn, exceptionsOf, indicatorsSummed } from './outcomes-found.ts';
import type { Changes, Coverage, Month, Outcomes, RolloutCounts } from './outcomes-types.ts';
import { stateOf } from './report.ts';
import { type LedgerRun, ofKind, type ReportEntry, runsOf } from './report-entries.ts';
import { awaitedMs, gatesOf } from './report-gates.ts';
import { isPatched, nodesOf, planFollowed, plansOf, wasTouched } from './report-nodes.ts';
import { durationsOf, median } from './report-numbers.ts';
import type { ReportedNode, ReportedPlan } from './report-types.ts';
import type { Policy } from './spec.ts';

const DAY_MS = 86_400_000;
const MONTH_DAYS = 30;

/** Kinds of entries that the measures are made of. */
export const OUTCOME_KINDS = [
  ...(['Requested', 'Planned', 'GateOpened', 'GateClosed', 'Node'] as const),
  ...(['Verdict', 'Outcome'] as const),
];

/** One run of a rollout, as far as it is measured. */
export interface MeasuredRun {
  readonly run: LedgerRun;
  readonly state: ReturnType<typeof stateOf>;
  readonly plan: ReportedPlan | undefined;
  readonly plans: readonly ReportedPlan[];
  readonly nodes: readonly ReportedNode[];
}

export interface OutcomesQuestion {
  /** RFC 3339: rollouts that were requested then or later. */
  readonly since: string;
  readonly now: string;
  /** Whose exceptions are listed as well. */
  readonly policy?: Policy;
}

/** Returns the measures of all rollouts that were requested in a time. */
export function measureOutcomes(
  entries: readonly ReportEntry[],
  { since, now, policy }: OutcomesQuestion,
): Outcomes {
  const runs = runsOf(entries)
    .filter(({ startedAt }) => Date.parse(startedAt) >= Date.parse(since))
    .map(measured);
  return {
    ...{ since, until: now, rollouts: countsOf(runs), coverage: coverageOf(runs) },
    timeToPatch: { of: updatesOf(runs).length, ...durationsOf(patchTimes(runs)) },
    timeToApply: {
      whole: durationsOf(applyTimes(runs).map(({ wholeMs }) => wholeMs)),
      approvals: durationsOf(applyTimes(runs).map(({ awaited }) => awaited)),
      work: durationsOf(applyTimes(runs).map(({ wholeMs, awaited }) => wholeMs - awaited)),
    },
    changes: changesOf(runs, Date.parse(now) - Date.parse(since)),
    exceptions: exceptionsOf(runs, now, policy),
    indicators: indicatorsSummed(runs),
    months: monthsOf(runs),
  };
}

function measured(run: LedgerRun): MeasuredRun {
  const plans = plansOf(run.entries);
  return {
    ...{ run, plans, plan: planFollowed(plans), state: stateOf(run.entries) },
    nodes: nodesOf(run.entries, plans),
  };
}

function countsOf(runs: readonly MeasuredRun[]): RolloutCounts {
  const count = (kind: RolloutOutcomeKind) => runs.filter(({ state }) => state === kind).length;
  return {
    requested: runs.length,
    ended: {
      Succeeded: count('Succeeded'),
      RolledBack: count('RolledBack'),
      Halted: count('Halted'),
      Rejected: count('Rejected'),
    },
    inWork: runs.filter(({ state }) => state === 'InWork').length,
    touching: runs.filter(touches).length,
    withoutPlan: runs.filter(({ plan }) => plan === undefined).length,
  };
}

function touches({ nodes }: MeasuredRun): boolean {
  return nodes.some(wasTouched);
}

interface BundleNodes {
  readonly bundle: ReportedPlan['bundle'];
  rollouts: number;
  /** By "cluster/node": as the newest rollout has left it. */
  readonly nodes: Map<string, ReportedNode>;
}

function coverageOf(runs: readonly MeasuredRun[]): Coverage[] {
  const bundles = new Map<string, BundleNodes>();
  for (const { plan, nodes } of runs) {
    if (!plan) continue;
    const { bundle, direction } = plan;
    const known = bundles.get(bundle.digest) ?? { bundle, rollouts: 0, nodes: new Map() };
    bundles.set(bundle.digest, known);
    if (direction === 'Forward') known.rollouts += 1;
    for (const node of nodes) {
      if (direction === 'Forward') known.nodes.set(keyOf(node), node);
      // A rollout that goes back has taken the bundle away from what it calls updated.
      else if (isPatched(node)) known.nodes.set(keyOf(node), { ...node, end: 'TakenBack' });
    }
  }
  return [...bundles.values()].map(({ bundle, rollouts, nodes: byName }) => {
    const nodes = [...byName.values()];
    const left = nodes.filter(({ end }) => end === 'Excluded');
    const excepted = left.filter(({ why }) => exceptionIn(why) !== undefined).length;
    const { name, digest, published } = bundle;
    return {
      ...{ bundle: name, digest, ...(published ? { published } : {}), rollouts },
      covered: { count: nodes.filter(isPatched).length, of: nodes.length },
      ...{ excepted, excluded: left.length - excepted },
    };
  });
}

/** Moments at which nodes began to run a bundle that they have kept to the end of its rollout. */
function updatesOf(runs: readonly MeasuredRun[]): { atMs: number; published?: string }[] {
  return runs.flatMap(({ plan, nodes }) => {
    if (plan?.direction !== 'Forward') return [];
    const { published } = plan.bundle;
    return nodes
      .filter(({ end }) => end === 'Updated')
      .flatMap(({ runs: own }) => own.findLast(({ wayBack }) => !wayBack)?.endedAt ?? [])
      .map((at) => ({ atMs: Date.parse(at), ...(published ? { published } : {}) }));
  });
}

/** A day counts from its beginning in UTC. */
function patchTimes(runs: readonly MeasuredRun[]): number[] {
  return updatesOf(runs).flatMap(({ atMs, published }) =>
    published === undefined ? [] : [Math.max(0, atMs - Date.parse(published))],
  );
}

/** Of rollouts that have ended and updated a node. */
function applyTimes(runs: readonly MeasuredRun[]): { wholeMs: number; awaited: number }[] {
  return runs.flatMap(({ run, nodes, state }) => {
    const ends = nodes
      .filter(({ end }) => end === 'Updated')
      .flatMap(({ runs: own }) => own.findLast(({ wayBack }) => !wayBack)?.endedAt ?? [])
      .map((at) => Date.parse(at));
    if (state === 'InWork' || ends.length === 0) return [];
    const lastMs = Math.max(...ends);
    const { gates } = gatesOf(run.entries);
    const wholeMs = Math.max(0, lastMs - Date.parse(run.startedAt));
    return [{ wholeMs, awaited: Math.min(wholeMs, awaitedMs(gates, lastMs)) }];
  });
}

function changesOf(runs: readonly MeasuredRun[], spanMs: number): Changes {
  const touching = runs.filter(touches);
  const urgent = runs.filter(({ plan }) => plan?.urgent !== undefined).length;
  const tries = runs.flatMap(triesBack);
  const months = spanMs / (MONTH_DAYS * DAY_MS);
  return {
    rolledBack: { count: touching.filter(wentBack).length, of: touching.length },
    putBack: { count: tries.filter((worked) => worked).length, of: tries.length },
    hotfixes: { count: urgent, of: runs.length },
    ...(months > 0 ? { hotfixesPerMonth: urgent / months } : {}),
    failed: { count: touching.filter(hasFailed).length, of: touching.length },
  };
}

function wentBack({ state, plans }: MeasuredRun): boolean {
  return state === 'RolledBack' || plans.some(({ wayBack }) => wayBack);
}

/** For each node that was to go back, by itself or with its rollout: whether that was verified. */
function triesBack({ nodes, plans }: MeasuredRun): boolean[] {
  const named = plans.filter(({ wayBack }) => wayBack).flatMap(({ waves }) => waves);
  const asked = new Set(
    named.flatMap(({ cluster, nodes: names }) =>
      names.map((name) => (name.includes('/') ? name : `${cluster}/${name}`)),
    ),
  );
  return nodes.flatMap((node) => {
    const alone = node.runs.flatMap(({ outcome, wayBack }) => {
      if (wayBack || !outcome || !isFailedNode(outcome.outcome)) return [];
      return [outcome.outcome === 'RolledBack'];
    });
    const back = node.runs.some(({ wayBack }) => wayBack) || asked.has(keyOf(node));
    return back ? [...alone, node.end === 'TakenBack'] : alone;
  });
}

/** A stop by a person alone is no failure of the change. */
function hasFailed(measuredRun: MeasuredRun): boolean {
  const { nodes, run } = measuredRun;
  const node = nodes.some(({ runs }) =>
    runs.some(({ outcome }) => outcome !== undefined && isFailedNode(outcome.outcome)),
  );
  const verdict = ofKind(run.entries, 'Verdict').some(({ body }) => body.verdict === 'Fail');
  return node || verdict || wentBack(measuredRun);
}

function monthsOf(runs: readonly MeasuredRun[]): Month[] {
  const byMonth = new Map<string, MeasuredRun[]>();
  for (const entry of runs) {
    const month = new Date(Date.parse(entry.run.startedAt)).toISOString().slice(0, 7);
    byMonth.set(month, [...(byMonth.get(month) ?? []), entry]);
  }
  return [...byMonth]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([month, own]) => {
      const touching = own.filter(touches);
      const patched = median(patchTimes(own));
      const applied = median(applyTimes(own).map(({ wholeMs }) => wholeMs));
      return {
        ...{ month, requested: own.length },
        succeeded: own.filter(({ state }) => state === 'Succeeded').length,
        nodesUpdated: updatesOf(own).length,
        failed: { count: touching.filter(hasFailed).length, of: touching.length },
        hotfixes: own.filter(({ plan }) => plan?.urgent !== undefined).length,
        ...(patched === undefined ? {} : { medianTimeToPatchMs: patched }),
        ...(applied === undefined ? {} : { medianTimeToApplyMs: applied }),
      };
    });
}
