/** Makes a report of a rollout from nothing but what the ledger holds of it. Called from clients: may change any day. */
import { chartsOf, soaksOf } from './report-charts.ts';
import {
  isEntry,
  type KnownEntry,
  type LedgerRun,
  lastOf,
  ofKind,
  type ReportEntry,
  runsOf,
} from './report-entries.ts';
import { awaitedMs, gatesOf } from './report-gates.ts';
import { nextSteps } from './report-next.ts';
import { disruptionOf, nodesOf, planFollowed, plansOf } from './report-nodes.ts';
import { fixesOf, missingOf, surprisesOf } from './report-surprises.ts';
import { momentsOf, timelineOf } from './report-timeline.ts';
import type { Proof, Report, ReportedNode, ReportTimes } from './report-types.ts';
import { headline, toneOfReport } from './report-words.ts';

/** What to report on. */
export interface ReportQuestion {
  readonly rollout: string;
  /** Default: the run that began last. */
  readonly run?: string;
}

export type ReportAnswer =
  | { readonly kind: 'Report'; readonly report: Report }
  /** There is nothing of that name or run. */
  | {
      readonly kind: 'Unknown';
      readonly rollouts: readonly string[];
      readonly runs: readonly string[];
    };

/** Returns the report of one run; it never fails for what the ledger lacks, but says so. */
export function buildReport(
  entries: readonly ReportEntry[],
  { rollout, run }: ReportQuestion,
): ReportAnswer {
  const all = runsOf(entries);
  const own = all.filter((known) => known.rollout === rollout);
  const wanted = run === undefined ? own.at(-1) : own.find((known) => known.run === run);
  if (!wanted) {
    const rollouts = [...new Set(all.map((known) => known.rollout))];
    return { kind: 'Unknown', rollouts, runs: own.map((known) => known.run) };
  }
  const others = own.filter((known) => known !== wanted);
  const damaged = entries.filter((entry) => !isEntry(entry)).length;
  return { kind: 'Report', report: reportOf(wanted, others, damaged) };
}

function reportOf(wanted: LedgerRun, others: readonly LedgerRun[], damaged: number): Report {
  const { rollout, run, entries } = wanted;
  const state = stateOf(entries);
  const phase = lastOf(entries, 'Phase')?.phase;
  const plans = plansOf(entries);
  const plan = planFollowed(plans);
  const nodes = nodesOf(entries, plans);
  const { gates, stray } = gatesOf(entries);
  const verdicts = ofKind(entries, 'Verdict').map(({ body }) => body);
  const fixes = fixesOf(plan, nodes);
  const disruption = disruptionOf(nodes, plan);
  const facts = { state, plan, nodes, fixes, ...(phase ? { phase } : {}) };
  const { plannedEvictions, podsEvicted } = disruption;
  const evictions = {
    actual: podsEvicted,
    ...(plannedEvictions === undefined ? {} : { planned: plannedEvictions }),
  };
  return {
    ...{ rollout, run, state, ...(phase ? { phase } : {}) },
    otherRuns: others.map((other) => ({
      ...{ run: other.run, startedAt: other.startedAt, state: stateOf(other.entries) },
    })),
    tone: toneOfReport(facts),
    headline: headline(facts),
    reasons: lastOf(entries, 'Outcome')?.reasons ?? [],
    missing: missingOf({ entries, nodes, gates, damaged, rollout, run }),
    times: timesOf({ entries, nodes, gates, startedAt: wanted.startedAt }),
    ...{ plans, gates, strayRefusals: stray },
    commands: ofKind(entries, 'Command').map(({ at, actor, body: { details, ...body } }) => ({
      ...{ at, by: actor ?? 'somebody', ...body, details: details ?? {} },
    })),
    timeline: timelineOf(entries, nodes),
    ...{ nodes, fixes, disruption, verdicts },
    charts: chartsOf({ entries, nodes, verdicts }),
    moments: momentsOf(entries, nodes),
    soaks: soaksOf(entries, verdicts),
    validations: [
      ...(plan?.validations ?? []),
      ...ofKind(entries, 'Validation').map(({ body: { judgements: _, ...summary } }) => summary),
    ],
    surprises: surprisesOf({
      ...{ entries, plans, nodes, gates, strayRefusals: stray, evictions },
      ended: state !== 'InWork',
    }),
    next: nextSteps({ rollout, state, plan, nodes, gates }),
    proof: proofOf(entries),
  };
}

/** What is not recorded as ended is in work, as far as the ledger knows. */
export function stateOf(entries: readonly KnownEntry[]): Report['state'] {
  return lastOf(entries, 'Outcome')?.outcome ?? 'InWork';
}

function timesOf(args: {
  readonly entries: readonly KnownEntry[];
  readonly nodes: readonly ReportedNode[];
  readonly gates: Report['gates'];
  readonly startedAt: string;
}): ReportTimes {
  const { entries, nodes, gates, startedAt } = args;
  const requestedAt = ofKind(entries, 'Requested')[0]?.at ?? startedAt;
  const outcome = ofKind(entries, 'Outcome')[0];
  const endedAt = outcome?.body.finishedAt ?? entries.at(-1)?.at ?? startedAt;
  const runs = nodes.flatMap((node) => node.runs).filter(({ wayBack }) => !wayBack);
  const [firstNodeAt] = runs.map((run) => run.startedAt).sort(byTime);
  const lastNodeAt = runs
    .flatMap((run) => run.endedAt ?? [])
    .sort(byTime)
    .at(-1);
  return {
    ...{ requestedAt, endedAt },
    ...(firstNodeAt ? { firstNodeAt } : {}),
    ...(lastNodeAt ? { lastNodeAt } : {}),
    awaitedApprovalMs: awaitedMs(gates, Date.parse(endedAt)),
    totalMs: Math.max(0, Date.parse(endedAt) - Date.parse(requestedAt)),
  };
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

function proofOf(entries: readonly KnownEntry[]): Proof {
  const kinds: Partial<Record<KnownEntry['kind'], number>> = {};
  for (const { kind } of entries) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const chained = entries
    .filter(({ seq, hash }) => seq !== undefined && hash !== undefined)
    .sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  const [first, last] = [chained[0], chained.at(-1)];
  return {
    ...{ entries: entries.length, kinds },
    firstAt: entries[0]?.at ?? '',
    lastAt: entries.at(-1)?.at ?? '',
    ...(first && last && chained.length === entries.length
      ? {
          chain: {
            ...{ fromSeq: first.seq ?? 0, toSeq: last.seq ?? 0, headHash: last.hash ?? '' },
          },
        }
      : {}),
  };
}
