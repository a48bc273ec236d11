/**
 * Decides whether a node's turn would harm a firing of a CronJob: one whose pods could run nowhere
 * else meanwhile, or one whose run starts on the node and outlasts the wait for Jobs.
 */
import { words } from './duration-words.ts';
import type { FiringConflict } from './plan-types.ts';
import { type DrainRules, waitOf } from './workload-rules.ts';

/** How far ahead firings are looked at. */
export const HORIZON_MS = 24 * 3_600_000;
/** Between a firing and the moment its pod has a node. */
export const SETTLE_MS = 10_000;
/** Between the start of a turn and the cordon. */
export const CORDON_LEAD_MS = 30_000;
/** Taken for a CronJob that has not finished a run yet. */
export const UNKNOWN_RUN_MS = 300_000;
/** Only so many of the newest runs tell how long one usually takes. */
const RUNS_THAT_COUNT = 20;

/** A CronJob that is not suspended: when it fires, how long it runs, and where. */
export interface CronJobForecast {
  /** "namespace/name". */
  readonly cronJob: string;
  /** Milliseconds since 1970, ascending, up to `untilMs` and from `SETTLE_MS` before now. */
  readonly firings: readonly number[];
  readonly untilMs: number;
  readonly usualMs: number;
  /** False where no finished run says how long it takes. */
  readonly measured: boolean;
  /** When the run that is going on began; absent if there is none. */
  readonly runningSinceMs?: number;
  readonly startingDeadlineMs?: number;
  readonly concurrency: 'Allow' | 'Forbid' | 'Replace';
  /** Of its pods, for the policy's rules. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Names of the cluster's nodes where its pods could run, cordoned or not. */
  readonly nodes: readonly string[];
}

/** One node that could start, and what else is known. */
export interface TurnQuestion {
  readonly node: string;
  readonly nowMs: number;
  /** How long its turn is expected to take. */
  readonly expectedMs: number;
  /** Nodes that are in work, not Ready or unschedulable. */
  readonly unavailable: readonly string[];
  readonly forecasts: readonly CronJobForecast[];
  readonly drain: DrainRules;
}

/** Why a node should not start now; fits the contract's `Hold`. */
export interface FiringHold {
  readonly node: string;
  readonly reason: string;
  /** RFC 3339; the first moment at which no firing would suffer. */
  readonly until: string;
}

/**
 * Returns why a node should wait and until when. Firings that no moment of the next day is free of
 * hold nothing back: they suffer whenever the node has its turn.
 */
export function firingHold(question: TurnQuestion): FiringHold | undefined {
  const { nowMs, node } = question;
  const avoidable = concerned(question).filter((forecast) => isAvoidable(forecast, question));
  const harm = firstHarm(avoidable, nowMs, question);
  if (!harm) return undefined;
  const free = firstFree(avoidable, question);
  if (free === undefined) return undefined;
  return { node, reason: sentence(harm, question), until: time(free) };
}

/** Returns whether a turn of the node could start within the next day without harm to this CronJob. */
export function isAvoidable(forecast: CronJobForecast, question: TurnQuestion): boolean {
  return firstFree([forecast], question) !== undefined;
}

/** Returns the firings of the next day that a turn of the node could harm, at whatever time it has it. */
export function firingConflicts(question: TurnQuestion): readonly FiringConflict[] {
  return concerned(question).flatMap((forecast) => {
    const harm = nextHarm(forecast, question);
    if (!harm) return [];
    return {
      node: question.node,
      cronJob: forecast.cronJob,
      nextAt: time(harm.firing),
      avoidable: isAvoidable(forecast, question),
      reason: sentence(harm, question),
    };
  });
}

/** Returns how long a run usually takes: what nine of ten of the newest finished ones needed. */
export function usualDuration(
  runs: readonly { readonly startedMs: number; readonly endedMs: number }[],
): Pick<CronJobForecast, 'usualMs' | 'measured'> {
  const newest = [...runs].sort((a, b) => b.startedMs - a.startedMs).slice(0, RUNS_THAT_COUNT);
  const took = newest.map((run) => run.endedMs - run.startedMs).sort((a, b) => a - b);
  const usual = took[Math.ceil(took.length * 0.9) - 1];
  return { usualMs: usual ?? UNKNOWN_RUN_MS, measured: usual !== undefined };
}

interface Harm {
  /** Running: a run that has begun already outlasts the wait for Jobs. */
  readonly kind: 'Delayed' | 'Outlasts' | 'Running';
  readonly forecast: CronJobForecast;
  readonly firing: number;
  /** When the turn would end. */
  readonly endMs: number;
}

/** CronJobs that a turn of the node can harm at all. */
function concerned(question: TurnQuestion): readonly CronJobForecast[] {
  if (question.unavailable.includes(question.node)) return [];
  return question.forecasts.filter(
    (forecast) =>
      forecast.nodes.includes(question.node) &&
      (runsOnlyThere(forecast, question) || forecast.usualMs > waitMs(forecast, question)),
  );
}

function runsOnlyThere({ nodes }: CronJobForecast, { node, unavailable }: TurnQuestion): boolean {
  return nodes.every((name) => name === node || unavailable.includes(name));
}

/** Where its pods are evicted at once, or left alone, no run can outlast anything. */
function waitMs({ cronJob, labels = {} }: CronJobForecast, { drain }: TurnQuestion): number {
  const [namespace = '', name = ''] = cronJob.split('/');
  const wait = waitOf({ ...ANY_POD, namespace, name, labels, owner: { kind: 'Job', name } }, drain);
  return wait ? wait.seconds * 1000 : Number.POSITIVE_INFINITY;
}

const ANY_POD = {
  phase: 'Running',
  mirror: false,
  probe: false,
  terminating: false,
  ready: true,
  budgets: [],
} as const;

function firstHarm(
  forecasts: readonly CronJobForecast[],
  startMs: number,
  question: TurnQuestion,
): Harm | undefined {
  const endMs = endOfTurn(forecasts, startMs, question);
  for (const forecast of forecasts) {
    const harm = harmTo({ forecast, startMs, endMs, question });
    if (harm) return harm;
  }
  return undefined;
}

/** A turn lasts longer by the runs that it finds and waits for. */
function endOfTurn(
  forecasts: readonly CronJobForecast[],
  startMs: number,
  question: TurnQuestion,
): number {
  const waits = forecasts.map((forecast) => {
    const limit = waitMs(forecast, question);
    if (limit === Number.POSITIVE_INFINITY || !runsOnlyThere(forecast, question)) return 0;
    return Math.min(limit, (goingOnAt(forecast, startMs)?.endsMs ?? startMs) - startMs);
  });
  return startMs + question.expectedMs + Math.max(0, ...waits);
}

function harmTo(at: {
  readonly forecast: CronJobForecast;
  readonly startMs: number;
  readonly endMs: number;
  readonly question: TurnQuestion;
}): Harm | undefined {
  const { forecast, startMs, endMs, question } = at;
  const next = firstAfter(forecast.firings, startMs - SETTLE_MS);
  const only = runsOnlyThere(forecast, question);
  const wait = waitMs(forecast, question);
  const running = only ? goingOnAt(forecast, startMs) : undefined;
  if (running && running.endsMs - startMs > wait) {
    return { kind: 'Running', forecast, firing: running.firing, endMs };
  }
  if (next === undefined) return undefined;
  if (forecast.usualMs > wait && next < startMs + CORDON_LEAD_MS) {
    return { kind: 'Outlasts', forecast, firing: next, endMs };
  }
  return only && next < endMs ? { kind: 'Delayed', forecast, firing: next, endMs } : undefined;
}

/** The run that is expected to go on at a moment, by the last firing before it. */
function goingOnAt(forecast: CronJobForecast, ms: number) {
  const { firings, runningSinceMs } = forecast;
  const firing = firings[indexAfter(firings, ms - SETTLE_MS) - 1] ?? runningSinceMs;
  return firing === undefined ? undefined : { firing, endsMs: firing + forecast.usualMs };
}

/** The next firing of a day that a turn around it would harm. */
function nextHarm(forecast: CronJobForecast, question: TurnQuestion): Harm | undefined {
  const next = firstAfter(forecast.firings, question.nowMs);
  if (next === undefined) return undefined;
  const kind = forecast.usualMs > waitMs(forecast, question) ? 'Outlasts' : 'Delayed';
  return { kind, forecast, firing: next, endMs: next + question.expectedMs };
}

/** The first moment from now on at which a turn harms none of these, as far as is known. */
function firstFree(
  forecasts: readonly CronJobForecast[],
  question: TurnQuestion,
): number | undefined {
  const { nowMs } = question;
  const until = Math.min(...forecasts.map((forecast) => forecast.untilMs));
  const ends = forecasts.flatMap((forecast) => {
    const { firings, usualMs, runningSinceMs = nowMs } = forecast;
    const waited = Math.min(waitMs(forecast, question), usualMs);
    return [runningSinceMs, ...firings].flatMap((firing) => [
      firing + SETTLE_MS,
      firing + usualMs + SETTLE_MS,
      firing + usualMs - waited,
    ]);
  });
  const later = ends.map((ms) => Math.ceil(ms / 1000) * 1000).filter((ms) => ms > nowMs);
  // Of a turn that goes on for longer than firings are known nobody can say that it is free.
  return [nowMs, ...later.sort((a, b) => a - b)].find(
    (ms) => endOfTurn(forecasts, ms, question) <= until && !firstHarm(forecasts, ms, question),
  );
}

function firstAfter(firings: readonly number[], ms: number): number | undefined {
  return firings[indexAfter(firings, ms)];
}

/** The index of the first firing after a moment; they are ascending, and there can be many. */
function indexAfter(firings: readonly number[], ms: number): number {
  let low = 0;
  let high = firings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((firings[middle] ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sentence({ kind, forecast, firing, endMs }: Harm, question: TurnQuestion): string {
  const begun = kind === 'Running' ? `has been running on ${question.node} since` : 'fires at';
  const fires = `CronJob ${forecast.cronJob} ${begun} ${time(firing)}`;
  if (kind !== 'Delayed') {
    const assumed = forecast.measured ? '' : ' (assumed: no run of it is recorded)';
    const usual = `a run of it takes about ${words(forecast.usualMs)}${assumed}`;
    return `${fires}; ${usual}, longer than the ${words(waitMs(forecast, question))} that it is waited for`;
  }
  const others = forecast.nodes.filter((name) => name !== question.node);
  const away = others.length > 0 ? ` while ${others.join(', ')} cannot take it` : '';
  const only = `its pods can run only on ${question.node}${away}`;
  const turn = `a turn of about ${words(question.expectedMs)} would delay it`;
  return `${fires} and ${only}: ${turn}${consequence(forecast, firing, endMs)}`;
}

/** What a delay means besides being late. */
function consequence(forecast: CronJobForecast, firing: number, endMs: number): string {
  const { startingDeadlineMs, concurrency, firings } = forecast;
  const another = firstAfter(firings, firing);
  const lost = another !== undefined && another < endMs && concurrency !== 'Allow';
  if (lost) return `, and firings meanwhile would be lost (concurrencyPolicy ${concurrency})`;
  if (startingDeadlineMs !== undefined && endMs - firing > startingDeadlineMs) {
    return ` for longer than its startingDeadlineSeconds (${startingDeadlineMs / 1000}) allows`;
  }
  return '';
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
