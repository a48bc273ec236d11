import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commandLine, quote } from '../../activities/adapters/quote.ts';

/** What a real shell makes of a command line: its words, each closed by NUL. */
function wordsOf(line: string): string[] {
  const output = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

describe('quote', () => {
  it('leaves plain words readable', () => {
    assert.equal(commandLine(['apt-get', 'install', 'a=1']), "apt-get install 'a=1'");
    assert.equal(quote(''), "''");
  });

  it('refuses NUL', () => {
    assert.throws(() => quote('a\0b'), /NUL/);
  });

  it('survives the usual attempts to get out', () => {
    const attempts = [
      "'; reboot; '",
      '$(reboot)',
      '`reboot`',
      '\n reboot',
      '\\',
      "\\'",
      '~',
      '*',
      '!!',
    ];
    assert.deepEqual(wordsOf(commandLine(attempts)), attempts);
  });

  it('gives every word back from a real shell', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    const nasty = fc
      .array(fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', ';', '&', '|', '!', 'a', '-'))
      .map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.array(fc.oneof(word, nasty), { minLength: 1, maxLength: 8 }), (words) => {
        const real = words.filter((text) => Buffer.from(text).toString('utf8') === text);
        if (real.length > 0) assert.deepEqual(wordsOf(commandLine(real)), real);
      }),
      { numRuns: 150 },
    );
  });
});
