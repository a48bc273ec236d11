/** What is said of measurements: who gives no answer, what a gate and a screen show, what has to be validated first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgementLines, measuringRules } from '../../client/render/evidence.ts';
import { PLAIN } from '../../client/render/look.ts';
import { renderPlan } from '../../client/render/plan.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import type {
  IndicatorVerdict,
  Reading,
  RecordedJudgement,
  Round,
  ValidationSummary,
} from '../../workflows/domain/analysis-types.ts';
import { planEvidence, withJudgement } from '../../workflows/domain/evidence.ts';
import { judgementEvidence, wholeJudgement } from '../../workflows/domain/judgement-words.ts';
import { analysisOf, unanswered, unvalidated } from '../../workflows/domain/measuring.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

const analysis = analysisSchema.parse({
  providers: [{ name: 'prom', kind: 'Prometheus', url: 'http://127.0.0.1:9090' }],
  indicators: [
    { name: 'container-start', source: 'ContainerStart' },
    { name: 'errors', source: 'Query', provider: 'prom', query: 'up', tolerance: 1 },
  ],
});
const measured = policySchema.parse({ ...policy, spec: { analysis } });
const plan = planOf({ count: 3, policy: measured });

const at = '2026-11-24T22:00:00Z';
const roundOf = (readings: Record<string, Reading[]>): Round => ({ cluster: 'east', at, readings });

describe('an indicator that nobody answers', () => {
  const good = { 'container-start': [{ node: 'east-1', value: 400 }] };
  const lost = { node: 'east-1', error: 'connect ECONNREFUSED' };

  it('is named with its provider and what was met last', () => {
    const rounds = [roundOf({ ...good, errors: [lost] }), roundOf({ ...good, errors: [lost] })];
    assert.deepEqual(unanswered(rounds, analysis), [
      'indicator errors of provider prom: connect ECONNREFUSED; look at the provider, or take the indicator out',
    ]);
  });

  it('has answered where there is nothing to measure, and where one node has', () => {
    const quiet = { node: 'east-1', noData: 'no traffic' };
    assert.deepEqual(unanswered([roundOf({ errors: [quiet] })], analysis), []);
    const other = { node: 'east-2', value: 1 };
    assert.deepEqual(unanswered([roundOf({ errors: [lost, other] })], analysis), []);
    assert.deepEqual(unanswered([], analysis), []);
  });
});

function verdictOf(verdict: IndicatorVerdict['verdict'], sentence: string): IndicatorVerdict {
  const numbers = { unit: 'ms', samples: 8, tolerance: 150, against: 'Control' } as const;
  return { indicator: 'container-start', verdict, sentence, ...numbers };
}

function judgementOf(wave: string, change: Partial<RecordedJudgement> = {}): RecordedJudgement {
  return {
    ...{ wave, at, extensions: 0, verdict: 'Pass', reason: 'nothing became worse', method: 'test' },
    comparison: {
      cluster: 'east',
      patched: ['a'],
      control: ['b'],
      patchedAt: { a: at },
      soakFrom: at,
    },
    soakTo: at,
    indicators: [verdictOf('Pass', 'container-start is 3 ms slower')],
    ...change,
  };
}

const unclear = judgementOf('wave-1', {
  ...{ verdict: 'Inconclusive', reason: 'too few samples', extensions: 2 },
  indicators: [
    verdictOf('Pass', 'container-start is as it was'),
    verdictOf('Inconclusive', 'container-start has 3 samples of 8'),
  ],
});

describe('judgements', () => {
  it('show at later gates the newest first, and of those before it what did not pass', () => {
    const all = [judgementOf('canary'), unclear, judgementOf('wave-2'), judgementOf('wave-3')];
    assert.deepEqual(judgementEvidence(all), [
      'measured after wave-3: Pass: nothing became worse',
      'measured after wave-1: Inconclusive (its soak was extended 2 times): too few samples',
      'measured after wave-1: Inconclusive: container-start has 3 samples of 8',
      'measured after earlier waves: 2 Pass',
    ]);
    assert.deepEqual(judgementEvidence([]), []);
  });

  it('show everything where people decide about one', () => {
    assert.deepEqual(wholeJudgement(unclear), [
      'measured after wave-1: Inconclusive (its soak was extended 2 times): too few samples',
      'Pass: container-start is as it was',
      'Inconclusive: container-start has 3 samples of 8',
    ]);
  });

  it('are a line a wave on a screen, with what did not pass', () => {
    assert.deepEqual(judgementLines([judgementOf('canary'), unclear], PLAIN), [
      'canary Pass: nothing became worse',
      'wave-1 Inconclusive after 2 extensions: too few samples',
      '  Inconclusive: container-start has 3 samples of 8',
    ]);
  });

  it('are kept the newest of each wave, and good ones of long ago in short', () => {
    let known: readonly RecordedJudgement[] = [];
    known = withJudgement(known, unclear);
    known = withJudgement(known, judgementOf('wave-1'));
    assert.deepEqual(
      known.map(({ verdict }) => verdict),
      ['Pass'],
    );
    known = withJudgement(known, unclear);
    for (let i = 2; i < 40; i++) known = withJudgement(known, judgementOf(`wave-${i}`));
    assert.equal(known.length, 39);
    assert.deepEqual(known[0], unclear);
    assert.deepEqual([known[1]?.indicators, known[1]?.reason], [[], 'nothing became worse']);
    assert.equal(known.at(-1)?.indicators.length, 1);
  });
});

describe('validations', () => {
  const validation: ValidationSummary = {
    ...{ name: 'try', bundle: plan.bundle.name, bundleDigest: plan.bundle.digest },
    ...{ cluster: 'east', node: 'east-1', finishedAt: at, verdict: 'Fail' },
    findings: ['peak: Fail, container-start is 410 ms slower'],
  };

  it('are asked for only where the policy requires one, and have to have passed', () => {
    const required = { ...analysis, validation: 'Require' } as const;
    assert.deepEqual(unvalidated(plan, analysis, []), []);
    const [none = ''] = unvalidated(plan, required, []);
    assert.match(none, /and it has none: run "tidegate validate containerd-deb12u3" first/);
    const [failed = ''] = unvalidated(plan, required, [validation]);
    assert.match(failed, /its newest, try, came to Fail/);
    assert.deepEqual(unvalidated(plan, required, [{ ...validation, verdict: 'Pass' }]), []);
  });

  it('stand with a plan, and among what its first gate is judged by', () => {
    const result = { plan, impact: [], validations: [validation] };
    const line =
      'validation try on east/east-1, 2026-11-24T22:00:00Z: Fail: peak: Fail, container-start is 410 ms slower';
    assert.deepEqual(planEvidence(result), [line]);
    assert.ok(renderPlan(result, { next: [] }, PLAIN).includes(line));
  });
});

describe('what a plan has measured', () => {
  it('stands in it, and is nothing on a way back', () => {
    assert.deepEqual(measuringRules(plan), [
      ['Measured', 'container-start, errors'],
      ['', '8 rounds before each wave and at least 8 after it, 30 s apart'],
      [
        '',
        'what is worse than on nodes not yet updated fails the wave; what stays unclear soaks 5 min longer, 2 times at most; then somebody decides',
      ],
    ]);
    const back = { ...plan, direction: 'Back' as const };
    assert.equal(analysisOf(back), undefined);
    assert.deepEqual(measuringRules(back), []);
  });
});
