/** What `tidegate validate` asks for, and what it shows. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { stringify } from 'yaml';
import type { RolloutClient } from '../../client/rollout-client.ts';
import type { ValidationView } from '../../client/validations.ts';
import type { ValidationInput, ValidationOutcome } from '../../workflows/contract.ts';
import type { IndicatorVerdict, Verdict } from '../../workflows/domain/analysis-types.ts';
import { bundleOf } from '../workflows/fixtures.ts';
import { run } from './kit.ts';

const ARGV = ['validate', 'containerd-deb12u3', '--fleet', 'lab', '--policy', 'measured'];
const ASKED = ['--node', 'east-1', '--as', 'ada'];

function indicator(verdict: Verdict, of: Partial<IndicatorVerdict> = {}): IndicatorVerdict {
  return {
    ...{ indicator: 'container-start', verdict, unit: 'ms', against: 'Control', samples: 8 },
    ...{ sentence: 'container-start: 402 ms worse, more than 150 ms', tolerance: 150 },
    ...{ baseline: 401.4, patched: 803.2, control: 399, shift: 402.1 },
    ...of,
  };
}

function outcomeOf(verdict: Verdict): ValidationOutcome {
  const comparison = { cluster: 'east', patched: [], control: [], patchedAt: {}, soakFrom: '' };
  return {
    ...{ name: 'validate-containerd-deb12u3', bundle: 'containerd-deb12u3', verdict },
    ...{ bundleDigest: 'sha256:1', cluster: 'east', node: 'east-1', finishedAt: '' },
    findings: ['the update itself succeeded'],
    update: 'Succeeded',
    judgements: [
      {
        ...{ wave: 'idle', verdict, reason: '', at: '', extensions: 0, method: '', soakTo: '' },
        ...{ comparison, indicators: [indicator(verdict)] },
      },
    ],
  };
}

/** A client whose validation runs for one look, and then has ended. */
function clientOf(verdict: Verdict) {
  const started: ValidationInput[] = [];
  const views: ValidationView[] = [
    { kind: 'Running', status: { name: 'v', phase: 'IdleBefore', detail: 'round 1 of 8' } },
    { kind: 'Ended', outcome: outcomeOf(verdict) },
  ];
  const validations = {
    start: async (input: ValidationInput) => {
      started.push(input);
      return { workflowId: `validation/${input.name}` };
    },
    look: async () => views.shift(),
  };
  const client = { validations, close: async () => undefined } as unknown as RolloutClient;
  return { client, started };
}

test('starts it by names, tells what it does, and ends with the verdict as its code', async () => {
  const { client, started } = clientOf('Fail');
  const { code, out, err } = await run([...ARGV, ...ASKED], { client });
  assert.equal(code, 2);
  assert.deepEqual(started, [
    {
      ...{ name: 'validate-containerd-deb12u3', bundle: 'containerd-deb12u3' },
      ...{ fleet: 'lab', policy: 'measured', node: 'east-1', requestedBy: 'ada' },
      ...{ reason: 'validation of the bundle', putBack: false },
    },
  ]);
  assert.match(err, /started \(workflow validation\/validate-containerd-deb12u3\)/);
  assert.match(err, /IdleBefore: round 1 of 8/);
  assert.deepEqual(out.split('\n').slice(0, 4), [
    'Validation validate-containerd-deb12u3 of containerd-deb12u3 on east/east-1: Fail',
    '',
    'LOAD\tINDICATOR\tBEFORE\tAFTER\tCONTROL\tWORSE BY\tVERDICT',
    'idle\tcontainer-start\t401 ms\t803 ms\t399 ms\t402 ms\tFail',
  ]);
  assert.match(out, /idle: container-start: 402 ms worse, more than 150 ms/);
});

test('one that passes ends with 0, also as JSON', async () => {
  const { client } = clientOf('Pass');
  const argv = [...ARGV, ...ASKED, '--control', 'east-2', '--put-back', '--output', 'json'];
  const { code, out } = await run(argv, { client });
  assert.equal(code, 0);
  assert.equal((JSON.parse(out) as ValidationOutcome).verdict, 'Pass');
});

test('a document of a file goes along as it is', async () => {
  const { client, started } = clientOf('Pass');
  const argv = ['validate', 'b.yaml', ...ARGV.slice(2), ...ASKED];
  await run(argv, { client, files: { 'b.yaml': stringify(bundleOf()) } });
  assert.deepEqual(started[0]?.bundle, bundleOf());
});

test('nothing is started for input that is refused', async () => {
  const noNode = await run([...ARGV, '--as', 'ada']);
  assert.equal(noNode.code, 3);
  assert.match(noNode.err, /--node/);
  const noFile = await run(['validate', './b.yaml', ...ARGV.slice(2), ...ASKED]);
  assert.equal(noFile.code, 3);
  assert.match(noFile.err, /there is no such file/);
});
