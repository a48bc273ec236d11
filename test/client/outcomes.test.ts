/** The command `outcomes` in its formats. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { run } from './kit.ts';
import { exported, stored } from './report-kit.ts';
import { rolledBack, succeeded } from './report-stories.ts';

const POLICY = `
apiVersion: tidegate.dev/v1alpha1
kind: Policy
metadata: { name: p }
spec:
  exceptions:
    - { name: old-app, nodes: [n9], reason: moves away, approvedBy: ada, until: "2026-11-01" }
`;
const FILES = {
  'ledger.jsonl': exported(stored(rolledBack(), succeeded())),
  'policy.yaml': POLICY,
  'empty.jsonl': '',
};
// The present of tests is 2026-11-24, before the second rollout has ended.
const ARGV = ['outcomes', '--from', 'ledger.jsonl', '--policy', 'policy.yaml'];

describe('outcomes', () => {
  it('are told as text with what each number is a part of', async () => {
    const { code, out, err } = await run(ARGV, { files: FILES });
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^Outcomes of rollouts 2026-08-26 to 2026-11-24$/m);
    assert.match(out, /^2 rollouts requested: 1 succeeded, 1 rolled back, 0 halted/m);
    assert.match(out, /containerd-deb12u3 +2026-11-18 +7 of 9 \(78 %\) +1 +0 +2/);
    assert.match(out, /Rollback success +1 of 1 \(100 %\) nodes that were to go back/);
    assert.match(out, /old-app +2026-11-01 +over +n9/);
    assert.match(out, /gpu-driver +2026-12-31 +holds +east\/east-8/);
    assert.match(out, /2026-11 +2 +1 +6 /);
  });

  it('are JSON and Markdown where that is asked for', async () => {
    const json = await run([...ARGV, '--output', 'json'], { files: FILES });
    const { rollouts, coverage, since } = JSON.parse(json.out);
    assert.deepEqual([rollouts.requested, coverage.length], [2, 1]);
    assert.equal(since, '2026-08-26T22:10:00.000Z');
    const markdown = await run([...ARGV, '--output', 'markdown'], { files: FILES });
    assert.match(markdown.out, /^# Outcomes of rollouts: 2026-08-26 to 2026-11-24$/m);
    assert.match(markdown.out, /^## Coverage$/m);
  });

  it('of an empty ledger say that there is nothing, in words', async () => {
    const { code, out } = await run(['outcomes', '--from', 'empty.jsonl'], { files: FILES });
    assert.equal(code, 0);
    assert.match(out, /^0 rollouts requested/m);
    assert.match(out, /There is no rollout in this time\./);
    assert.doesNotMatch(out, /NaN|undefined|Infinity/);
  });

  it('begin where it is said', async () => {
    for (const [since, expected] of [
      ['1d', 1],
      ['2026-11-24', 1],
      ['2026-11-25', 0],
    ] as const) {
      const argv = [...ARGV, '--since', since, '--output', 'json'];
      const { out } = await run(argv, { files: FILES });
      assert.equal(JSON.parse(out).rollouts.requested, expected, since);
    }
    for (const since of ['soon', '90', '2026-13-01', '-3d']) {
      const { code, err } = await run([...ARGV, '--since', since], { files: FILES });
      assert.equal(code, 3, since);
      assert.match(err, /Expected days such as "90d"|argument missing/);
    }
  });

  it('are explained in docs/report.md, every measure by its name', async () => {
    const { out } = await run(ARGV, { files: FILES });
    const page = await readFile(new URL('../../docs/report.md', import.meta.url), 'utf8');
    const names = [
      ...['Coverage', 'Time to patch', 'Time to apply', 'Change failure rate', 'Rollback rate'],
      ...['Rollback success', 'Hotfixes', 'Exceptions', 'Indicators', 'Trend'],
    ];
    for (const name of names) {
      assert.match(page, new RegExp(`^\\| ${name} +\\|`, 'm'), name);
      assert.match(out, new RegExp(name.replace('Time t', 't'), 'i'), name);
    }
  });
});
