import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type VoteContent, voteStatement } from '../../workflows/domain/vote-statement.ts';

const vote: VoteContent = {
  rollout: 'r1',
  run: 'run-1',
  gate: 'before-canary',
  digest: 'sha256:aa',
  decision: 'Approve',
  by: 'ada',
};

/** Letters that make trouble are frequent; lone surrogates, which are no text at all, come as well. */
const letters = ['a', '"', '\\', '\n', '\r', ':', ' ', '{', '\u2028', '\u202e', '\ud800', '\udc00'];
const text = fc.oneof(
  fc.array(fc.constantFrom(...letters), { maxLength: 12 }).map((list) => list.join('')),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a\nby: "eve"', 'a"\nby: "eve', 'ada\\u000a', 'ada\n'),
);
const votes: fc.Arbitrary<VoteContent> = fc.record(
  {
    ...{ rollout: text, run: text, gate: text, digest: text, by: text, reason: text },
    decision: fc.constantFrom('Approve', 'Reject'),
  },
  { requiredKeys: ['rollout', 'run', 'gate', 'digest', 'by', 'decision'] },
);

/** Reads a statement back, as nobody needs to. */
function parsed(statement: string): VoteContent {
  const [head, ...lines] = statement.split('\n');
  assert.equal(head, 'tidegate vote 1');
  assert.equal(lines.pop(), '', 'it ends with a newline');
  const fields = lines.map((line) => /^([a-z]+): (.*)$/s.exec(line) ?? assert.fail(line));
  return Object.fromEntries(
    fields.map(([, name, value]) => [name, JSON.parse(value ?? '')]),
  ) as unknown as VoteContent;
}

describe('voteStatement', () => {
  it('is this text, and no other: signatures depend on each letter', () => {
    const given = { ...vote, by: 'Zoë "Z"', reason: 'two\nlines \u202e' };
    assert.equal(
      voteStatement(given),
      `tidegate vote 1
rollout: "r1"
run: "run-1"
gate: "before-canary"
digest: "sha256:aa"
decision: "Approve"
by: "Zoë \\"Z\\""
reason: "two\\nlines \\u202e"
`,
    );
  });

  it('makes no difference between no reason and an empty one', () => {
    assert.equal(voteStatement({ ...vote, reason: '' }), voteStatement(vote));
    assert.equal(voteStatement({ ...vote, reason: undefined }), voteStatement(vote));
  });

  it('can be read back, so two different votes never have the same text', () => {
    fc.assert(
      fc.property(votes, (one) => {
        assert.deepEqual(parsed(voteStatement(one)), { ...one, reason: one.reason ?? '' });
      }),
      { numRuns: 1000 },
    );
  });

  it('shows nothing that a screen could show as something else', () => {
    fc.assert(
      fc.property(votes, (one) => {
        const statement = voteStatement(one);
        assert.equal(statement.split('\n').length, 9);
        assert.doesNotMatch(statement.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
