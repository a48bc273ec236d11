import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FAILURE_TYPES } from '../../workflows/domain/failures.ts';
import {
  attentionReason,
  judgeQuarantine,
  quarantineValue,
  releaseCommand,
  saysAlready,
} from '../../workflows/domain/quarantine.ts';

describe('label and taint', () => {
  const rows: [string, string][] = [
    ['DrainBlocked: shop/db-0 is held', 'drain-blocked'],
    ['NodeNotBack: no answer', 'node-not-back'],
    ['Timeout: revert did not end in time', 'timeout'],
    ['cancelled; the undo failed: HostUnreachable: x', 'attention'],
    ['Unheard: of', 'attention'],
    ['', 'attention'],
  ];
  for (const [reason, value] of rows) {
    it(`"${reason}" gives ${value}`, () => assert.equal(quarantineValue(reason), value));
  }

  it('are valid values for every failure', () => {
    for (const type of FAILURE_TYPES) {
      assert.match(quarantineValue(`${type}: x`), /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])$/);
    }
  });
});

describe('what to type', () => {
  it('uncordons a node, unless it was found cordoned', () => {
    const rest =
      'kubectl taint node n tidegate.dev/quarantine- && kubectl label node n tidegate.dev/quarantine- && kubectl annotate node n tidegate.dev/needs-attention-';
    assert.equal(releaseCommand('n', false), `kubectl uncordon n && ${rest}`);
    assert.equal(releaseCommand('n', true), rest);
  });

  it('is there after the longest reason', () => {
    const long = attentionReason('x'.repeat(9000), 'kubectl …');
    assert.ok(long.length < 5000 && long.endsWith(' kubectl …'));
  });

  it('is not said twice, whatever becomes of the lease', () => {
    const said = { holder: 'h', since: 's', reason: attentionReason('It failed.', 'A') };
    assert.ok(saysAlready(said, 'It failed.'));
    assert.ok(!saysAlready(said, 'It failed again.'));
  });
});

describe('the limit', () => {
  const a = { node: 'a', since: '2026-01-01T00:00:01Z' };
  const b = { node: 'b', since: '2026-01-01T00:00:02Z' };
  const sameTime = { node: 'b', since: a.since };
  const byHand = { node: 'z', since: '' };
  const rows: [string, string, (typeof a)[], number, object][] = [
    ['room', 'a', [], 1, { kind: 'Stays' }],
    ['none allowed', 'a', [], 0, { kind: 'Full', others: [] }],
    ['another there', 'b', [a], 1, { kind: 'Full', others: ['a'] }],
    ['room for both', 'b', [a], 2, { kind: 'Stays' }],
    ['it is there itself', 'a', [a], 1, { kind: 'Stays' }],
    ['the earlier of two', 'a', [a, b], 1, { kind: 'Wait', others: ['b'] }],
    ['the later of two', 'b', [a, b], 1, { kind: 'Full', others: ['a'] }],
    ['the same second, first by name', 'a', [sameTime, a], 1, { kind: 'Wait', others: ['b'] }],
    ['the same second, second by name', 'b', [sameTime, a], 1, { kind: 'Full', others: ['a'] }],
    ['one by hand', 'a', [a, byHand], 1, { kind: 'Full', others: ['z'] }],
  ];
  for (const [name, node, quarantined, limit, verdict] of rows) {
    it(`${name}: ${Object.values(verdict)[0]}`, () => {
      assert.deepEqual(judgeQuarantine({ node, quarantined, limit }), verdict);
    });
  }

  it('lets exactly so many of those that are there stay', () => {
    const nodes = fc.uniqueArray(
      fc.record({ node: fc.stringMatching(/^[a-z]{1,3}$/), since: fc.stringMatching(/^[0-9]$/) }),
      { selector: (entry) => entry.node, maxLength: 8 },
    );
    fc.assert(
      fc.property(nodes, fc.nat(6), (quarantined, limit) => {
        const kinds = quarantined.map(
          ({ node }) => judgeQuarantine({ node, quarantined, limit }).kind,
        );
        const staying = kinds.filter((kind) => kind !== 'Full').length;
        assert.equal(staying, Math.min(limit, quarantined.length));
      }),
    );
  });
});
