/** A validation: rounds before and after, load that always ends, a node that goes back where it should. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type PreparedValidation,
  TASK_QUEUE,
  type ValidationInput,
  type ValidationOutcome,
  validationWorkflowId,
} from '../../workflows/contract.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import { invertPlan } from '../../workflows/domain/plan.ts';
import { validationWorkflow } from '../../workflows/validation.ts';
import { startTestBed, type TestBed } from './environment.ts';
import { type FakeFleet, FROM, TO } from './fake-fleet.ts';
import { hash, planOf, policy, rolloutOf } from './fixtures.ts';

let bed: TestBed;
before(async () => {
  bed = await startTestBed();
});
after(() => bed.close());

const INPUT: ValidationInput = {
  ...{ name: 'check', bundle: 'containerd-deb12u3', fleet: 'lab', policy: 'measured' },
  ...{ node: 'east-1', control: 'east-2', requestedBy: 'ada', reason: 'before production' },
  putBack: false,
};

/** A validation of east-1 beside east-2, in a policy that asks nobody for approval. */
function prepare(fleet: FakeFleet, load?: object): PreparedValidation {
  const free = { ...policy.spec, approval: { ...policy.spec.approval, required: false } };
  const plan = planOf({ count: 1, policy: { ...policy, spec: free } });
  const [target] = plan.waves.flatMap((wave) => wave.nodes);
  const [access] = plan.clusters;
  assert.ok(target && access);
  fleet.planned = { plan, impact: [] };
  fleet.rollbackPlan = (given, nodes) => invertPlan({ plan: given, nodes, hash });
  const prepared = {
    ...{ bundle: 'containerd-deb12u3', bundleDigest: 'sha256:1', access, target },
    control: { ...target, node: 'east-2' },
    analysis: analysisSchema.parse({
      ...{ intervalSeconds: 5, baselineRounds: 3, minSamples: 5 },
      ...(load ? { load } : {}),
    }),
    verification: policy.spec.verification,
    rollout: { ...rolloutOf(), metadata: { name: 'check' } },
  };
  fleet.validation.prepared = prepared;
  return prepared;
}

async function validate(input: ValidationInput = INPUT): Promise<ValidationOutcome> {
  return await bed.env.client.workflow.execute(validationWorkflow, {
    taskQueue: TASK_QUEUE,
    workflowId: validationWorkflowId(input.name),
    args: [input],
  });
}

describe('a validation', () => {
  it('measures idle and at peak, before and after, and records what it found', async () => {
    await bed.withFleet(['east-1', 'east-2'], async (fleet) => {
      prepare(fleet, { image: 'busybox', churnPods: 2 });
      const outcome = await validate();
      assert.equal(outcome.update, 'Succeeded');
      assert.equal(fleet.node('east-1').version, TO);
      assert.equal(fleet.node('east-2').version, FROM, 'the control node stays as it is');
      assert.deepEqual(
        outcome.judgements.map(({ wave }) => wave),
        ['idle', 'peak'],
      );
      const { calls } = fleet.validation;
      assert.equal(calls.filter((call) => call === 'startLoad east-1 east-2').length, 2);
      assert.equal(calls.filter((call) => call === 'stopLoad east-1 east-2').length, 2);
      assert.equal(calls.filter((call) => call === 'churn east-1 east-2').length, 3 + 5);
      assert.equal(fleet.validation.loaded, false);
      const [entry, ...more] = fleet.records.of('Validation');
      assert.deepEqual(more, []);
      assert.ok(entry);
      assert.equal(entry.actor, 'ada');
      assert.equal((entry.body as ValidationOutcome).verdict, outcome.verdict);
    });
  });

  it('does without a peak where the policy has no load', async () => {
    await bed.withFleet(['east-1', 'east-2'], async (fleet) => {
      prepare(fleet);
      const outcome = await validate();
      assert.deepEqual(fleet.validation.calls, []);
      assert.ok(outcome.findings.includes('no peak: the policy has no analysis.load'));
    });
  });

  it('measures nothing after an update that failed, and says so', async () => {
    await bed.withFleet(['east-1', 'east-2'], async (fleet) => {
      prepare(fleet);
      const fault = { when: 'After', times: 1, type: 'ApplyFailed', retryable: false } as const;
      fleet.inject({ step: 'apply', node: 'east-1', ...fault });
      const outcome = await validate();
      assert.deepEqual(outcome.judgements, []);
      assert.equal(outcome.verdict, outcome.update === 'RolledBack' ? 'Fail' : 'Error');
      assert.match(outcome.findings[0] ?? '', /^the update ended as /);
      assert.equal(fleet.node('east-1').version, FROM);
    });
  });

  it('puts the node back where that is asked for', async () => {
    await bed.withFleet(['east-1', 'east-2'], async (fleet) => {
      const { rollout } = prepare(fleet);
      const forward = fleet.planned;
      const plans = fleet.activities().plan;
      assert.ok(forward && rollout && plans);
      const names: string[] = [];
      fleet.planFor = (request) => {
        const { metadata, spec } = request as typeof rollout;
        names.push(`${metadata.name} ${spec.direction}`);
        if (spec.direction === 'Forward') return forward;
        return {
          ...forward,
          plan: invertPlan({ plan: forward.plan, nodes: ['east/east-1'], hash }),
        };
      };
      const outcome = await validate({ ...INPUT, putBack: true });
      assert.deepEqual(names, ['check Forward', 'check-back Back']);
      assert.equal(outcome.putBack, 'Succeeded');
      assert.equal(fleet.node('east-1').version, FROM);
    });
  });

  it('ends its load whatever happens', async () => {
    await bed.withFleet(['east-1', 'east-2'], async (fleet) => {
      prepare(fleet, { image: 'busybox' });
      fleet.validation.churnFails = true;
      await assert.rejects(validate());
      assert.equal(fleet.validation.loaded, false);
      assert.equal(fleet.node('east-1').version, FROM, 'nothing was updated');
    });
  });
});
