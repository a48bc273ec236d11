/** The pages say what the code says: failures, phases, fields of documents, and links. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonSchema } from '../../client/json-schema.ts';
import { finalPhases, GENERATED, PHASE_EDGES, renewed } from '../../docs/generate.ts';
import {
  MESSAGES,
  NODE_OUTCOMES,
  NODE_PHASES,
  SEARCH_ATTRIBUTES,
} from '../../workflows/contract.ts';
import { DOCUMENT_KINDS } from '../../workflows/domain/documents.ts';
import { FAILURE_TYPES, FAILURES } from '../../workflows/domain/failures.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = (name: string) => readFile(join(ROOT, 'docs', name), 'utf8');

/** Returns the cells of every row of the tables in a text whose first cell is in backquotes. */
function codeRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => /^\| `[^`]+` +\|/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const unquoted = (text: string | undefined) => (text ?? '').replaceAll('`', '');

describe('generated parts', () => {
  for (const [name, content] of Object.entries(GENERATED)) {
    it(`of docs/${name} are current (node docs/generate.ts renews them)`, async () => {
      const text = await page(name);
      assert.equal(renewed(text, content()), text);
    });
  }
});

describe('docs/failures.md', () => {
  it('has every failure type with its meaning and action, and no other', async () => {
    const rows = codeRows(await page('failures.md'));
    assert.deepEqual(
      rows.map(([type]) => unquoted(type)),
      FAILURE_TYPES,
    );
    for (const [type, retried, meaning, action] of rows) {
      const known = FAILURES[unquoted(type) as keyof typeof FAILURES];
      assert.deepEqual([retried === 'yes', meaning, action], Object.values(known));
    }
  });
});

describe('docs/node-lifecycle.md', () => {
  it('shows every phase, and no other', async () => {
    const [, diagram = ''] =
      /```mermaid\n([\s\S]*?)```/.exec(await page('node-lifecycle.md')) ?? [];
    const shown = [...diagram.matchAll(/^ {2}(\S+) --> ([^\s:]+)/gm)].flatMap(([, a, b]) => [a, b]);
    const phases = new Set(shown.filter((name) => name !== '[*]'));
    assert.deepEqual([...phases].sort(), [...NODE_PHASES].sort());
  });

  it('explains every phase in a table', async () => {
    const text = await page('node-lifecycle.md');
    const first = text
      .split('\n')
      .map((line) => /^\| ((?:`\w+`(?:, )?)+) +\|/.exec(line)?.[1] ?? '');
    const explained = first.join(' ').match(/\w+/g);
    assert.deepEqual([...(explained ?? [])].sort(), [...NODE_PHASES].sort());
  });

  it('follows the steps of the workflow in their order', async () => {
    const read = (file: string) => readFile(join(ROOT, 'workflows', file), 'utf8');
    const [saga, endings] = await Promise.all([read('node.ts'), read('node-endings.ts')]);
    const source = `${saga}${endings}`;
    const course = `${saga.split('async fail(')[0]}${endings}`;
    const named = [...course.matchAll(/\.step\('(\w+)'|await this\.(emptied)\(/g)].map(
      ([, step, emptied]) => (emptied ? 'Draining' : (step ?? '')),
    );
    const steps = named.filter((step, index) => step !== named[index - 1]);
    const hasEdge = (from: string, to: string) =>
      PHASE_EDGES.some((edge) => edge[0] === from && edge[1] === to);
    assert.ok(steps.length >= 9, `${steps}`);
    for (const [index, step] of steps.slice(1).entries()) {
      assert.ok(hasEdge(steps[index] ?? '', step), `${steps[index]} --> ${step}`);
    }
    const entered = source.matchAll(/\.(?:step|enter|finish)\('(\w+)'/g);
    for (const [, phase] of entered) assert.ok(PHASE_EDGES.some((edge) => edge[1] === phase));
  });

  it('ends in the outcomes of a node', () => {
    assert.deepEqual(finalPhases(), [...NODE_OUTCOMES]);
  });
});

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
}

/** Returns "path default" for every field that a person may write below `spec`. */
function fieldsOf(schema: Schema, path: string): string[] {
  const { properties, items } = schema;
  if (items?.properties) return fieldsOf(items, `${path}[]`);
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    const nested = fieldsOf(field, here);
    if (nested.length > 0) return nested;
    const text = field.default === undefined ? '' : JSON.stringify(field.default);
    return [`${here} ${text}`.trim()];
  });
}

describe('docs/documents.md', () => {
  for (const kind of DOCUMENT_KINDS) {
    it(`has every field of ${kind} with its default, and no other`, async () => {
      const [, section = ''] = (await page('documents.md')).split(`\n## ${kind}\n`);
      const rows = codeRows(section.split('\n## ')[0] ?? '');
      const told = rows.map(([field, , byDefault]) =>
        `${unquoted(field)} ${unquoted(byDefault)}`.trim(),
      );
      const { spec } = (jsonSchema(kind) as Schema).properties ?? {};
      assert.deepEqual(told.sort(), fieldsOf(spec ?? {}, 'spec').sort());
    });
  }
});

describe('docs/temporal.md', () => {
  it('names every message and every search attribute', async () => {
    const rows = codeRows(await page('temporal.md')).map(([name]) => unquoted(name));
    for (const name of [...MESSAGES, ...Object.values(SEARCH_ATTRIBUTES)]) {
      assert.ok(rows.includes(name), name);
    }
  });
});

describe('docs/temporal.md, on the connection', () => {
  it('names every variable that Temporal reads its settings from', async () => {
    const reader = 'node_modules/@temporalio/envconfig/lib/envconfig-toml.js';
    const source = await readFile(join(ROOT, reader), 'utf8');
    const text = await page('temporal.md');
    const read = [...source.matchAll(/'(TEMPORAL_\w+)'/g)].map(([, name = '']) => name);
    assert.ok(read.length >= 14, read.join());
    for (const name of read.filter((name) => !name.startsWith('TEMPORAL_CODEC_'))) {
      assert.ok(text.includes(`\`${name}`), name);
    }
  });
});

describe('docs/operations.md', () => {
  it("names every variable of the worker's environment", async () => {
    const source = await readFile(join(ROOT, 'worker', 'config.ts'), 'utf8');
    const text = await page('operations.md');
    const read = source.matchAll(/env\['(\w+)'\]/g);
    for (const [, name] of read) assert.ok(text.includes(`\`${name}\``), name);
  });
});

describe('every page', () => {
  it('links to files that are there, and holds no path of a machine', async () => {
    const names = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
    const files = ['CHANGELOG.md', ...names.map((name) => `docs/${name}`)];
    for (const file of files) {
      const text = await readFile(join(ROOT, file), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^https?:/.test(link)) continue;
        assert.ok(existsSync(join(ROOT, dirname(file), link)), `${file} links to ${link}`);
      }
      assert.doesNotMatch(text, /(?:^|[\s`(])\/(?:root|home|work|tmp)\//m, file);
    }
  });
});
