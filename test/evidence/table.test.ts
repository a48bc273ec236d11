import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CaseRow, evidenceReport, holds } from './table.ts';

const row = (run: number, over: Partial<CaseRow> = {}): CaseRow => ({
  ...{ id: 'harmless', shows: 'A harmless patch passes', run, outcome: 'Succeeded', seconds: 90 },
  verdicts: [{ wave: 'canary', verdict: 'Pass', reason: 'no indicator became worse' }],
  problems: [],
  ...over,
});

describe("evidence's table", () => {
  it('counts runs, verdicts and ends of a case in one line', () => {
    const report = evidenceReport([row(1), row(2, { seconds: 80 }), row(3, { seconds: 120 })]);
    assert.match(
      report,
      /^\| A harmless patch passes \| 3 \| 3 of 3 \| Pass \(3\) \| Succeeded \(3\) \| 90 \|$/m,
    );
    assert.match(report, /^> canary: Pass, no indicator became worse$/m);
  });

  it('names every run that was not as it has to be', () => {
    const verdicts = [{ wave: 'canary', verdict: 'Fail', reason: 'slow' }] as const;
    const failed = row(2, {
      verdicts,
      outcome: 'RolledBack',
      problems: ['it ended as RolledBack'],
    });
    const report = evidenceReport([row(1), failed]);
    assert.match(
      report,
      /\| 2 \| 1 of 2 \| Pass \(1\), Fail \(1\) \| Succeeded \(1\), RolledBack \(1\) \|/,
    );
    assert.match(report, /^- harmless, run 2: it ended as RolledBack$/m);
    assert.equal(holds([row(1), failed]), false);
  });

  it('holds only where something ran', () => {
    assert.equal(holds([]), false);
    assert.equal(holds([row(1)]), true);
  });
});
