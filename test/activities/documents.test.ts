import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readDocuments, resolveDocument } from '../../activities/adapters/documents.ts';

const policy = (name: string) =>
  `apiVersion: tidegate.dev/v1alpha1\nkind: Policy\nmetadata: {name: ${name}}\nspec: {}\n`;

describe('the folder of documents', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
    await mkdir(join(folder, 'deep'));
    await writeFile(join(folder, 'two.yaml'), `${policy('strict')}---\n${policy('twice')}`);
    await writeFile(join(folder, 'deep', 'one.yml'), policy('twice'));
    await writeFile(join(folder, 'bad.yaml'), 'kind: [');
    await writeFile(join(folder, 'other.yaml'), 'kind: ConfigMap');
    await writeFile(join(folder, 'wrong.yaml'), policy('wrong').replace('{}', '{drian: {}}'));
  });
  after(() => rm(folder, { recursive: true }));

  const resolve = async (given: unknown) =>
    await resolveDocument('Policy', given, await readDocuments(folder));

  it('finds documents by name, and takes inline ones', async () => {
    const found = await resolve('strict');
    assert.equal(found.spec.drain.jobs, 'Wait');
    assert.deepEqual(await resolve(found), found);
  });

  const cases: [string, unknown, string, RegExp][] = [
    ['an unknown name', 'lax', 'UnknownDocument', /no Policy "lax".*it has: .*strict.*bad\.yaml/s],
    ['a name in two files', 'twice', 'InvalidDocument', /in both .*one\.yml and .*two\.yaml/],
    ['a wrong key', 'wrong', 'InvalidDocument', /drian.*wrong\.yaml/s],
    ['no document', 7, 'InvalidDocument', /Policy is not valid/],
  ];
  for (const [title, given, type, message] of cases) {
    it(`${title}: ${type}`, async () => {
      await assert.rejects(resolve(given), (error: Error & { type?: string }) => {
        assert.equal(error.type, type);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
