import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../workflows/domain/canonical.ts';

const cases: [unknown, string][] = [
  [null, 'null'],
  [true, 'true'],
  [-0, '0'],
  [1.5, '1.5'],
  ['ä"', '"ä\\""'],
  [[], '[]'],
  [{}, '{}'],
  [[2, 1], '[2,1]'],
  [{ b: 1, a: { d: 2, c: 3 } }, '{"a":{"c":3,"d":2},"b":1}'],
  [{ B: 1, a: 2 }, '{"B":1,"a":2}'],
  [{ absent: undefined, here: 1 }, '{"here":1}'],
  [[undefined], '[null]'],
];

/** The same value with the keys of every object in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('canonicalJson', () => {
  for (const [value, text] of cases) {
    it(`writes ${text}`, () => assert.equal(canonicalJson(value), text));
  }

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        assert.deepEqual(JSON.parse(canonicalJson(value)), plain);
      }),
    );
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(canonicalJson(reversed(value)), canonicalJson(value));
      }),
    );
  });

  it('differs where values differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = JSON.stringify(reversed(reversed(a))) === JSON.stringify(b);
        if (same) assert.equal(canonicalJson(a), canonicalJson(b));
        if (canonicalJson(a) === canonicalJson(b)) {
          assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
        }
      }),
    );
  });
});
