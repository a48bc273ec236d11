/** docs/edge-cases.md names files that are there, and its runbook holds documents that are valid. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { documentKind, parseDocument } from '../../workflows/domain/documents.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The cells of each row, headings and rules left out. */
const rows = read('docs/edge-cases.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (-|case )/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const FILE = /`([a-z]+\/[\w./-]+\.(?:ts|md|yaml))`/g;
const filesIn = (text = '') => [...text.matchAll(FILE)].map(([, file]) => file ?? '');

describe('docs/edge-cases.md', () => {
  it('says of each case once what is done, where that is decided, and what shows it', () => {
    assert.ok(rows.length > 60, `${rows.length}`);
    for (const row of rows) {
      assert.equal(row.length, 4, row[0]);
      for (const cell of row) assert.notEqual(cell, '', row[0]);
    }
    assert.equal(new Set(rows.map(([name]) => name)).size, rows.length);
  });

  for (const [name = '', does = '', decided = '', shown = ''] of rows) {
    it(`${name}: ${filesIn(shown).join(', ') || shown}`, () => {
      for (const file of [...filesIn(decided), ...filesIn(shown)]) {
        assert.ok(existsSync(join(ROOT, file)), file);
      }
      for (const file of filesIn(shown)) assert.match(file, /^test\//);
      if (filesIn(shown).length === 0) assert.equal(shown, 'decision only');
      // What is not handled is said to be so in both columns, and has no file that decides it.
      assert.equal(does.startsWith('not handled: '), decided === 'not handled');
      if (decided !== 'not handled') assert.ok(filesIn(decided).length > 0, decided);
    });
  }
});

describe('the runbook for emergencies', () => {
  const [, section = ''] = read('docs/operations.md').split(
    '\n### A vulnerability that cannot wait\n',
  );
  const yaml = /```yaml\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
  const documents = parseAllDocuments(yaml).map((entry) => entry.toJS() as unknown);

  it('has a policy and a rollout that are valid', () => {
    assert.deepEqual(documents.map(documentKind), ['Policy', 'Rollout']);
    for (const document of documents) {
      const kind = documentKind(document);
      assert.ok(kind);
      const answer = parseDocument(kind, document);
      assert.deepEqual(answer.kind === 'Invalid' ? answer.problems : [], []);
    }
  });

  it('gives up no proof: nodes are verified, a canary goes first, other tools are waited for', () => {
    const [policy, rollout] = documents;
    const rules = parseDocument('Policy', policy);
    const course = parseDocument('Rollout', rollout);
    assert.ok(rules.kind === 'Valid' && course.kind === 'Valid');
    assert.ok(rules.document.spec.verification.timeoutSeconds >= 60);
    assert.equal(rules.document.spec.holds.otherTools, 'Wait');
    assert.ok(course.document.spec.strategy.canary.soakSeconds > 0);
  });
});
