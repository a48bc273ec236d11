/** What a validation comes to: as good as the worst of its parts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RolloutOutcomeKind } from '../../workflows/contract.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import type { RecordedJudgement, Verdict } from '../../workflows/domain/analysis-types.ts';
import { summarise } from '../../workflows/domain/validation.ts';
import { planOf } from '../workflows/fixtures.ts';

const [target] = planOf({ count: 1 }).waves.flatMap((wave) => wave.nodes);
assert.ok(target);

function judged(wave: string, verdict: Verdict): RecordedJudgement {
  return {
    ...{ wave, verdict, reason: `${wave} said so`, at: '', extensions: 0, method: '', soakTo: '' },
    comparison: { cluster: 'east', patched: [], control: [], patchedAt: {}, soakFrom: '' },
    indicators: [],
  };
}

function validationOf(of: {
  readonly update?: RolloutOutcomeKind;
  readonly idle?: Verdict;
  readonly peak?: Verdict;
  readonly putBack?: RolloutOutcomeKind;
  readonly load?: object;
}) {
  const { update = 'Succeeded', idle, peak, putBack, load = { image: 'busybox' } } = of;
  const analysis = analysisSchema.parse({ load });
  return summarise({
    name: 'check',
    prepared: { bundle: 'b', bundleDigest: 'sha256:1', target: target as never, analysis },
    judgements: [...(idle ? [judged('idle', idle)] : []), ...(peak ? [judged('peak', peak)] : [])],
    update: { outcome: update, reasons: ['canary failed'] },
    ...(putBack ? { putBack } : {}),
    finishedAt: '2026-11-30T12:00:00Z',
  });
}

describe('the verdict of a validation', () => {
  const table: readonly [RolloutOutcomeKind, Verdict | undefined, Verdict | undefined, Verdict][] =
    [
      ['Succeeded', 'Pass', 'Pass', 'Pass'],
      ['Succeeded', 'Pass', 'Inconclusive', 'Inconclusive'],
      ['Succeeded', 'Fail', 'Pass', 'Fail'],
      ['Succeeded', 'Error', 'Inconclusive', 'Error'],
      ['Succeeded', 'Error', 'Fail', 'Fail'],
      ['RolledBack', undefined, undefined, 'Fail'],
      ['Halted', undefined, undefined, 'Error'],
      ['Rejected', undefined, undefined, 'Error'],
    ];
  for (const [update, idle, peak, verdict] of table) {
    it(`is ${verdict} where the update ${update}, idle ${idle ?? '-'}, peak ${peak ?? '-'}`, () => {
      const found = validationOf({
        update,
        ...(idle ? { idle } : {}),
        ...(peak ? { peak } : {}),
      });
      assert.equal(found.verdict, verdict);
    });
  }

  it('says in words what was found, and what was not looked at', () => {
    const found = validationOf({ idle: 'Pass', peak: 'Fail', putBack: 'Halted' });
    assert.deepEqual(found.findings, [
      'the update itself succeeded',
      'idle: Pass, idle said so',
      'peak: Fail, peak said so',
      'the node could not be put back: its rollout ended as Halted',
    ]);
    const [first] = validationOf({ update: 'RolledBack' }).findings;
    assert.equal(first, 'the update ended as RolledBack: canary failed');
  });

  it('names the node and the bundle that it is about', () => {
    const { bundle, bundleDigest, cluster, node } = validationOf({ idle: 'Pass' });
    assert.deepEqual(
      { bundle, bundleDigest, cluster, node },
      {
        ...{ bundle: 'b', bundleDigest: 'sha256:1' },
        ...{ cluster: 'east', node: 'east-1' },
      },
    );
  });
});
