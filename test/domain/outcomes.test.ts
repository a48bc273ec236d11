/** The measures over many rollouts, each with what it is a part of. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exceptedFor } from '../../workflows/domain/exceptions.ts';
import { measureOutcomes, type OutcomesQuestion } from '../../workflows/domain/outcomes.ts';
import { exceptionIn } from '../../workflows/domain/outcomes-found.ts';
import type { ReportEntry } from '../../workflows/domain/report-entries.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { CLUSTER, Diary, nodeBody, planBody, stored } from '../client/report-kit.ts';
import { rolledBack, succeeded } from '../client/report-stories.ts';

const DAY_MS = 86_400_000;
const NOW = '2026-12-24T00:00:00.000Z';

function measure(entries: readonly ReportEntry[], change: Partial<OutcomesQuestion> = {}) {
  return measureOutcomes(entries, { since: '2026-09-25T00:00:00Z', now: NOW, ...change });
}

/** A rollout with one wave of its own nodes, each of which ends as given. */
function run(args: {
  readonly name: string;
  readonly from: string;
  readonly ends: Readonly<Record<string, 'Updated' | 'RolledBack' | 'NeedsAttention' | 'Skipped'>>;
  readonly outcome?: 'Succeeded' | 'Halted';
  readonly urgent?: boolean;
  readonly published?: string | null;
}): Diary {
  const { name, from, ends, outcome = 'Succeeded' } = args;
  const diary = new Diary({ rollout: name, run: `${name}-run`, from });
  const usual = planBody({ canary: Object.keys(ends) });
  const { published: _, ...bundle } = usual.bundle;
  const published = args.published === null ? {} : { published: args.published ?? '2026-11-18' };
  diary.note('Requested', { request: {}, run: diary.run });
  diary.note('Planned', {
    ...{ ...usual, bundle: { ...bundle, ...published } },
    ...(args.urgent ? { urgent: { reason: 'exploited' } } : {}),
  });
  diary.wait(60);
  for (const [node, end] of Object.entries(ends)) {
    diary.update(node).note('Node', nodeBody(node, 'canary', { outcome: end }));
  }
  return diary.note('Outcome', {
    ...{ rollout: name, outcome, reasons: [], digest: usual.digest, untouched: [] },
    ...{ needsAttention: [], startedAt: from, finishedAt: diary.now },
  });
}

describe('outcomes', () => {
  it('of nothing are nothing, and divide by nothing', () => {
    const outcomes = measure([]);
    assert.equal(outcomes.rollouts.requested, 0);
    assert.deepEqual(outcomes.changes.failed, { count: 0, of: 0 });
    assert.deepEqual(outcomes.timeToPatch, { of: 0, count: 0 });
    assert.equal(outcomes.changes.hotfixesPerMonth, 0);
    assert.doesNotMatch(JSON.stringify(outcomes), /null|NaN/);
    assert.equal(measure([], { since: NOW }).changes.hotfixesPerMonth, undefined);
  });

  it('count rollouts by how they ended', () => {
    const { rollouts } = measure(stored(rolledBack(), succeeded()));
    assert.deepEqual(rollouts, {
      ...{ requested: 2, inWork: 0, touching: 2, withoutPlan: 0 },
      ended: { Succeeded: 1, RolledBack: 1, Halted: 0, Rejected: 0 },
    });
  });

  it('look at rollouts that were requested in the time, and no others', () => {
    const entries = stored(rolledBack(), succeeded());
    assert.equal(measure(entries, { since: '2026-11-24T00:00:00Z' }).rollouts.requested, 1);
    assert.equal(measure(entries, { since: '2026-11-25T00:00:00Z' }).rollouts.requested, 0);
  });

  it('cover a bundle as the newest rollout of it has left each node', () => {
    const [coverage, ...others] = measure(stored(rolledBack(), succeeded())).coverage;
    assert.deepEqual(others, []);
    assert.deepEqual(coverage?.covered, { count: 7, of: 9 });
    assert.deepEqual([coverage?.rollouts, coverage?.excepted, coverage?.excluded], [2, 1, 0]);
  });

  it('take away from the coverage what a rollout back has taken', () => {
    const back = new Diary({ rollout: 'undo', run: 'u', from: '2026-11-26T08:00:00Z' });
    back.note('Requested', { request: {}, run: 'u' });
    back.note('Planned', planBody({ canary: ['east-1'] }, { direction: 'Back' }));
    back.note('Node', nodeBody('east-1', 'canary', { direction: 'Back' }));
    const { coverage, timeToPatch } = measure(stored(succeeded(), back));
    assert.deepEqual(coverage[0]?.covered, { count: 6, of: 9 });
    assert.equal(coverage[0]?.rollouts, 1);
    assert.equal(timeToPatch.of, 6);
  });

  it('measure the time to patch from the day of publication, where the bundle says it', () => {
    const a = run({ name: 'a', from: '2026-11-20T00:00:00Z', ends: { n1: 'Updated' } });
    const b = run({ name: 'b', from: '2026-11-22T00:00:00Z', ends: { n2: 'Updated' } });
    const c = run({
      name: 'c',
      from: '2026-11-22T00:00:00Z',
      ends: { n3: 'Updated' },
      published: null,
    });
    const { timeToPatch } = measure(stored(a, b, c));
    assert.deepEqual([timeToPatch.count, timeToPatch.of], [2, 3]);
    const days = (ms: number | undefined) => Math.floor((ms ?? 0) / DAY_MS);
    assert.deepEqual(
      [days(timeToPatch.meanMs), days(timeToPatch.medianMs), days(timeToPatch.p90Ms)],
      [3, 3, 4],
    );
  });

  it('tell waiting for approval from the rest of the time to apply', () => {
    const { timeToApply } = measure(stored(succeeded()));
    assert.equal(timeToApply.whole.count, 1);
    assert.equal(timeToApply.whole.meanMs, 1_777_680);
    assert.equal(timeToApply.approvals.meanMs, 506_000);
    assert.equal(timeToApply.work.meanMs, 1_777_680 - 506_000);
  });

  it('count nodes that were put back, by themselves and with their rollout', () => {
    const alone = run({
      ...{ name: 'alone', from: '2026-11-20T00:00:00Z', outcome: 'Halted' },
      ends: { n1: 'Updated', n2: 'RolledBack', n3: 'NeedsAttention' },
    });
    const { changes } = measure(stored(alone, rolledBack(), succeeded()));
    assert.deepEqual(changes.putBack, { count: 2, of: 3 });
    assert.deepEqual(changes.rolledBack, { count: 1, of: 3 });
    assert.deepEqual(changes.failed, { count: 2, of: 3 });
  });

  it('count a node of the way back that never went there as not put back', () => {
    const cut = rolledBack();
    const until = cut.entries.findIndex(
      ({ kind, body }) => kind === 'Phase' && 'phase' in body && body.phase === 'RollingBack',
    );
    const { changes } = measure(cut.entries.slice(0, until + 1));
    assert.deepEqual(changes.putBack, { count: 0, of: 1 });
  });

  it('count no rollout as failed that touched nothing, or was stopped by people alone', () => {
    const none = run({ name: 'none', from: '2026-11-20T00:00:00Z', ends: { n1: 'Skipped' } });
    const stopped = run({
      ...{ name: 'stopped', from: '2026-11-21T00:00:00Z', outcome: 'Halted' },
      ends: { n1: 'Updated' },
    });
    assert.deepEqual(measure(stored(none, stopped)).changes.failed, { count: 0, of: 1 });
  });

  it('say how often rollouts are urgent', () => {
    const usual = run({ name: 'a', from: '2026-11-20T00:00:00Z', ends: { n1: 'Updated' } });
    const hot = run({
      name: 'b',
      from: '2026-12-01T00:00:00Z',
      ends: { n1: 'Updated' },
      urgent: true,
    });
    const { changes, months } = measure(stored(usual, hot));
    assert.deepEqual(changes.hotfixes, { count: 1, of: 2 });
    assert.equal(changes.hotfixesPerMonth, 1 / 3);
    assert.deepEqual(
      months.map(({ month, requested, hotfixes }) => [month, requested, hotfixes]),
      [
        ['2026-11', 1, 0],
        ['2026-12', 1, 1],
      ],
    );
  });

  it('sum up indicators before and after, with their verdicts', () => {
    const { indicators } = measure(stored(rolledBack(), succeeded()));
    const starts = indicators.find(({ indicator }) => indicator === 'container-start');
    assert.deepEqual(starts?.verdicts, { Pass: 4, Fail: 1, Inconclusive: 0, Error: 0 });
    assert.deepEqual([starts?.compared, starts?.before, starts?.after], [5, 440, 441]);
    assert.equal(starts?.shift, 3);
  });
});

describe('exceptions', () => {
  const policy = policySchema.parse({
    ...{ apiVersion: 'tidegate.dev/v1alpha1', kind: 'Policy', metadata: { name: 'p' } },
    spec: {
      exceptions: [
        {
          name: 'gpu-driver',
          nodes: ['east-8'],
          reason: 'vendor: not yet',
          approvedBy: 'grace (CTO)',
          until: '2026-12-31',
        },
        {
          name: 'old-app',
          nodes: ['east/n9'],
          reason: 'moves away',
          approvedBy: 'ada',
          until: '2026-12-01',
        },
      ],
    },
  });

  it('are read from the very words that plans give as their reason', () => {
    const { exceptions } = policy.spec;
    const why = exceptedFor(exceptions, { cluster: CLUSTER, node: 'east-8' }, '2026-12-01');
    assert.deepEqual(exceptionIn(why), {
      ...{ name: 'gpu-driver', until: '2026-12-31' },
      ...{ reason: 'vendor: not yet', approvedBy: 'grace (CTO)' },
    });
    assert.equal(exceptionIn('the node is not Ready'), undefined);
    assert.equal(exceptionIn(undefined), undefined);
  });

  it('of plans and of a policy stand together, with what is over', () => {
    const { exceptions } = measure(stored(succeeded()), { policy });
    assert.deepEqual(
      exceptions.map(({ name, over, lastUsedAt }) => [name, over, lastUsedAt]),
      [
        ['old-app', true, undefined],
        ['gpu-driver', false, '2026-11-24T22:00:04.000Z'],
      ],
    );
    const [known] = measure(stored(succeeded())).exceptions;
    assert.deepEqual(known?.nodes, ['east/east-8']);
    assert.equal(known?.approvedBy, 'grace');
  });
});
