/** Every failure that an activity can end with is made to happen in a test, on a fake or on the lab. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { FAILURE_TYPES } from '../../workflows/domain/failures.ts';

const TESTS = join(import.meta.dirname, '..');
let sources: { file: string; text: string }[];

before(async () => {
  const folders = ['activities', 'lab', 'matrix'];
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(TESTS, folder)))
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => join(folder, name)),
    ),
  );
  sources = await Promise.all(
    files.flat().map(async (file) => ({ file, text: await readFile(join(TESTS, file), 'utf8') })),
  );
});

describe('every failure type', () => {
  for (const type of FAILURE_TYPES) {
    it(`${type} is expected by a test of activities or of the lab`, () => {
      const named = new RegExp(`['"/(|]${type}\\b`);
      const seen = sources.filter(({ text }) => named.test(text)).map(({ file }) => file);
      assert.notDeepEqual(seen, [], `make ${type} happen in test/activities or test/lab`);
    });
  }
});
