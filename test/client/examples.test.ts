import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseText } from '../../client/document-file.ts';
import { schemaText } from '../../client/json-schema.ts';
import { DOCUMENT_KINDS, documentKind, parseDocument } from '../../workflows/domain/documents.ts';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const files = (await readdir(folder, { recursive: true })).sort();
const yamlFiles = files.filter((file) => file.endsWith('.yaml'));

async function text(file: string): Promise<string> {
  return await readFile(join(folder, file), 'utf8');
}

test('the committed schemas are current (npm run schemas)', async () => {
  for (const kind of DOCUMENT_KINDS) {
    assert.equal(await text(`schemas/${kind.toLowerCase()}.json`), schemaText(kind), kind);
  }
});

test('there are examples of every kind', async () => {
  const kinds = await Promise.all(
    yamlFiles.map(async (file) => documentKind(parse(await text(file)))),
  );
  assert.deepEqual(new Set(kinds), new Set(DOCUMENT_KINDS));
});

for (const file of yamlFiles) {
  test(`${file} is valid and names its schema`, async () => {
    const source = await text(file);
    const value = parseText(source, file);
    const kind = documentKind(value);
    assert.ok(kind);
    const answer = parseDocument(kind, value);
    assert.deepEqual(answer.kind === 'Invalid' ? answer.problems : [], []);
    const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(source)?.[1];
    assert.equal(join(dirname(file), schema ?? ''), `schemas/${kind.toLowerCase()}.json`);
  });
}

for (const file of files.filter((name) => /^rollouts\/.*\.json$/.test(name))) {
  test(`${file} equals its YAML`, async () => {
    const yaml = parse(await text(file.replace(/json$/, 'yaml')));
    assert.deepEqual(JSON.parse(await text(file)), yaml);
  });
}

test('rollouts and schedules name documents that are there', async () => {
  const named = new Set<string>();
  const wanted: string[] = [];
  for (const file of yamlFiles) {
    const value = parse(await text(file));
    named.add(`${value.kind} ${value.metadata.name}`);
    if (value.kind === 'Schedule') {
      const { rollout, inventory } = value.spec;
      wanted.push(rollout ? `Rollout ${rollout}` : `Fleet ${inventory.fleet}`);
    }
    if (value.kind !== 'Rollout') continue;
    const { fleet, bundle, policy } = value.spec;
    wanted.push(`Fleet ${fleet}`, `Bundle ${bundle}`, `Policy ${policy}`);
  }
  assert.deepEqual(
    wanted.filter((name) => !named.has(name)),
    [],
  );
});
