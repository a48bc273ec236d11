/** What plans and verdicts of many rollouts have in common: exceptions, and indicators before and after. */
import type { Verdict } from './analysis-types.ts';
import { keyOf } from './lifecycle.ts';
import type { MeasuredRun } from './outcomes.ts';
import type { IndicatorSummary, KnownException } from './outcomes-types.ts';
import { ofKind } from './report-entries.ts';
import { median } from './report-numbers.ts';
import type { Policy } from './spec.ts';

/** As exceptions.ts words it. */
const EXCEPTION = /^exception (\S+) until (\d{4}-\d{2}-\d{2}): (.*) \(approved by (.*)\)$/s;

/** Returns the exception that a plan gives as its reason for a node, or undefined for any other reason. */
export function exceptionIn(
  why: string | undefined,
): Pick<KnownException, 'name' | 'until' | 'reason' | 'approvedBy'> | undefined {
  const [, name, until, reason, approvedBy] = EXCEPTION.exec(why ?? '') ?? [];
  if (!name || !until || reason === undefined || approvedBy === undefined) return undefined;
  return { name, until, reason, approvedBy };
}

/** Returns exceptions by their name, the newest word on each: plans tell what was used, a policy what holds. */
export function exceptionsOf(
  runs: readonly Pick<MeasuredRun, 'plans'>[],
  now: string,
  policy: Policy | undefined,
): KnownException[] {
  const found = new Map<string, KnownException>();
  const today = new Date(Date.parse(now)).toISOString().slice(0, 10);
  for (const { at, excluded } of runs.flatMap(({ plans }) => plans)) {
    for (const left of excluded) {
      const known = exceptionIn(left.reason);
      if (!known) continue;
      const before = found.get(known.name);
      const nodes = [...new Set([...(before?.nodes ?? []), keyOf(left)])];
      found.set(known.name, { ...known, over: today > known.until, nodes, lastUsedAt: at });
    }
  }
  for (const { name, until, reason, approvedBy, nodes } of policy?.spec.exceptions ?? []) {
    const used = found.get(name)?.lastUsedAt;
    found.set(name, {
      ...{ name, until, reason, approvedBy, nodes, over: today > until },
      ...(used ? { lastUsedAt: used } : {}),
    });
  }
  return [...found.values()].sort((a, b) => (a.until < b.until ? -1 : 1));
}

/** Returns what verdicts say of each indicator, before and after. */
export function indicatorsSummed(runs: readonly Pick<MeasuredRun, 'run'>[]): IndicatorSummary[] {
  const all = runs.flatMap(({ run }) =>
    ofKind(run.entries, 'Verdict').flatMap(({ body }) => body.indicators),
  );
  const names = [...new Set(all.map(({ indicator }) => indicator))];
  return names.map((indicator) => {
    const own = all.filter((entry) => entry.indicator === indicator);
    const count = (verdict: Verdict) => own.filter((entry) => entry.verdict === verdict).length;
    const pairs = own.flatMap(({ baseline, patched }) =>
      baseline === undefined || patched === undefined ? [] : [{ baseline, patched }],
    );
    const before = median(pairs.map(({ baseline }) => baseline));
    const after = median(pairs.map(({ patched }) => patched));
    const shift = median(own.flatMap((entry) => entry.shift ?? []));
    return {
      ...{ indicator, unit: own[0]?.unit ?? '', compared: pairs.length },
      verdicts: {
        Pass: count('Pass'),
        Fail: count('Fail'),
        Inconclusive: count('Inconclusive'),
        Error: count('Error'),
      },
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(shift === undefined ? {} : { shift }),
    };
  });
}
