/** Whether a plan is refused for what is measured or was validated, before anybody approves it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProviderAnswer } from '../../activities/adapters/metrics-provider.ts';
import type { ActivityContext } from '../../activities/context.ts';
import type { LedgerPort } from '../../activities/deps.ts';
import { evidenceReasons, validationsFor } from '../../activities/plan-evidence.ts';
import type { ValidationSummary } from '../../workflows/domain/analysis-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

const ANALYSIS = {
  providers: [{ name: 'prom', kind: 'Prometheus', url: 'http://127.0.0.1:9090' }],
  indicators: [{ name: 'errors', source: 'Query', provider: 'prom', query: 'up', tolerance: 1 }],
};
const planWith = (analysis?: object) =>
  planOf({
    count: 2,
    policy: policySchema.parse({ ...policy, spec: analysis ? { analysis } : {} }),
  });
const context: () => ActivityContext = () => ({
  attempt: 1,
  signal: new AbortController().signal,
  previous: undefined,
  heartbeat: () => undefined,
});
const answering = (answer: ProviderAnswer) => ({
  provider: () => ({ ask: async () => answer }),
  context,
});
const up = answering({ kind: 'Number', value: 1 });
const down = answering({ kind: 'NoAnswer', reason: 'connect ECONNREFUSED' });

const passed: ValidationSummary = {
  ...{ name: 'try', bundle: 'containerd-deb12u3', bundleDigest: 'sha256:1', cluster: 'east' },
  ...{ node: 'east-1', verdict: 'Pass', findings: [], finishedAt: '2026-11-24T22:00:00Z' },
};

/** A ledger that only knows validations, or nothing at all. */
function ledgerOf(validations: () => Promise<readonly ValidationSummary[]>): LedgerPort {
  const unused = () => assert.fail('the plan only reads');
  return { submit: unused, append: unused, anchor: unused, validationsOf: validations };
}
const log = { info: () => undefined, warn: () => undefined };

describe('a plan whose policy measures', () => {
  it('is refused while a provider does not answer', async () => {
    const [reason = '', ...more] = await evidenceReasons(down, planWith(ANALYSIS), {
      validations: [],
    });
    assert.match(reason, /prom .*http:\/\/127\.0\.0\.1:9090.*connect ECONNREFUSED/);
    assert.deepEqual(more, []);
    assert.deepEqual(await evidenceReasons(up, planWith(ANALYSIS), { validations: [] }), []);
  });

  it('asks nobody where nothing is measured, nothing is to be done, or it goes back', async () => {
    const known = { validations: [] };
    const plan = planWith(ANALYSIS);
    assert.deepEqual(await evidenceReasons(down, planWith(), known), []);
    assert.deepEqual(await evidenceReasons(down, { ...plan, waves: [] }, known), []);
    assert.deepEqual(await evidenceReasons(down, { ...plan, direction: 'Back' }, known), []);
  });

  it('is refused with more waves than one history has room to measure', async () => {
    const plan = planWith(ANALYSIS);
    const [wave] = plan.waves;
    assert.ok(wave);
    const waves = Array.from({ length: 126 }, () => wave);
    const [reason = ''] = await evidenceReasons(up, { ...plan, waves }, { validations: [] });
    assert.match(reason, /^126 waves, .* more than the 2000/);
  });

  it('needs a passed validation where the policy requires one', async () => {
    const plan = planWith({ ...ANALYSIS, validation: 'Require' });
    const ledger = ledgerOf(async () => []);
    const [reason = '', ...more] = await evidenceReasons({ ...up, ledger }, plan, {
      validations: [],
    });
    assert.match(reason, /run "tidegate validate containerd-deb12u3" first/);
    assert.deepEqual(more, []);
    const [, without] = await evidenceReasons(up, plan, { validations: [] });
    assert.equal(without, 'the worker that plans keeps no ledger to look it up in');
    const known = { validations: [passed] };
    assert.deepEqual(await evidenceReasons({ ...up, ledger }, plan, known), []);
  });
});

describe('validations of a plan', () => {
  it('are those of its bundle', async () => {
    const plan = planWith();
    const asked: string[] = [];
    const ledger = {
      ...ledgerOf(async () => []),
      validationsOf: async (digest: string) => {
        asked.push(digest);
        return [passed];
      },
    };
    assert.deepEqual(await validationsFor({ ledger, log }, plan), { validations: [passed] });
    assert.deepEqual(asked, [plan.bundle.digest]);
    assert.deepEqual(await validationsFor({ log }, plan), { validations: [] });
  });

  it('are not known while the ledger does not answer, which is told', async () => {
    const ledger = ledgerOf(async () => {
      throw new Error('connect ECONNREFUSED 127.0.0.1:5432');
    });
    const { validations, unknown } = await validationsFor({ ledger, log }, planWith());
    assert.deepEqual(validations, []);
    assert.match(unknown ?? '', /^the ledger does not answer, .*validated: connect ECONNREFUSED/);
    const plan = planWith({ ...ANALYSIS, validation: 'Require' });
    const reasons = await evidenceReasons({ ...up, ledger }, plan, {
      validations,
      unknown: unknown ?? '',
    });
    assert.deepEqual(reasons.slice(1), [unknown]);
  });
});
