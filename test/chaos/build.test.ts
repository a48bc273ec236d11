import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkout } from '../../lab/paths.ts';
import { withOneMoreStep } from './build.ts';

describe('the newer build', () => {
  it('is this one with a step behind a patch, and nothing else', async () => {
    const source = await readFile(join(checkout, 'workflows', 'node-run.ts'), 'utf8');
    const newer = withOneMoreStep(source).split('\n');
    const added = newer.filter((line) => !source.split('\n').includes(line));
    assert.equal(added.length, 2, added.join('\n'));
    assert.match(added[1] ?? '', /patched\('one-more-step'\)/);
    assert.deepEqual(
      newer.filter((line) => !added.includes(line)),
      source.split('\n'),
    );
  });

  it('is not made where its step would be in no one place', () => {
    assert.throws(() => withOneMoreStep('no step here'), /has to go elsewhere/);
  });
});
