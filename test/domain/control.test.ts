/** Which word of a person counts after which: a truth table over stops in each mode and rollbacks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AskedInterruption,
  type Interruption,
  interruptionAfter,
  interruptionAnswer,
  judgeInterruption,
  STOP_MODES,
} from '../../workflows/domain/control.ts';

type Word = 'AfterWave' | 'AfterNode' | 'Now' | 'rollback';

const asked = (word: Word, by = 'ada'): AskedInterruption =>
  word === 'rollback' ? { kind: 'rollback', by } : { kind: 'stop', by, mode: word };

const here = { goingBack: false, paused: false };

/** Says one word after the other; returns what counts then, or why the last was refused. */
function after(words: readonly Word[], standing = here): Interruption | undefined | string {
  let current: Interruption | undefined;
  for (const [index, word] of words.entries()) {
    const question = asked(word, `person-${index}`);
    const refused = judgeInterruption(question, { ...standing, current });
    if (refused.length > 0) return refused.join('; ');
    current = interruptionAfter(question, { ...standing, current });
  }
  return current;
}

describe('a word after another', () => {
  const TABLE: readonly [readonly Word[], string | RegExp][] = [
    [['AfterWave', 'AfterNode'], 'stop AfterNode person-1'],
    [['AfterWave', 'Now'], 'stop Now person-1'],
    [['AfterNode', 'Now'], 'stop Now person-1'],
    [['AfterNode', 'AfterNode'], 'stop AfterNode person-0'],
    [['Now', 'AfterNode'], /stopped by person-0 already, in mode Now; AfterNode would be weaker/],
    [['Now', 'AfterWave'], /AfterWave would be weaker/],
    [['AfterNode', 'AfterWave'], /AfterWave would be weaker/],
    [['AfterWave', 'rollback'], 'rollback AfterNode person-1'],
    [['AfterNode', 'rollback'], 'rollback AfterNode person-1'],
    [['Now', 'rollback'], 'rollback Now person-1'],
    [['rollback', 'rollback'], 'rollback AfterNode person-0'],
    [['rollback', 'AfterWave'], /rolled back by person-0: updated nodes go back/],
    [['rollback', 'AfterNode'], /only a stop in mode Now ends that/],
    [['rollback', 'Now'], 'stop Now person-1'],
    [['rollback', 'Now', 'rollback'], 'rollback Now person-2'],
  ];
  for (const [words, expected] of TABLE) {
    it(words.join(', then '), () => {
      const result = after(words);
      if (expected instanceof RegExp) assert.match(String(result), expected);
      else {
        assert.ok(result && typeof result === 'object', String(result));
        assert.equal(`${result.kind} ${result.mode} ${result.by}`, expected);
      }
    });
  }
});

describe('on the way back', () => {
  const back = { goingBack: true, paused: false };

  it('only a stop means anything', () => {
    assert.equal(after(['rollback'], back), undefined);
    for (const mode of STOP_MODES) {
      const result = after([mode], back);
      assert.ok(result && typeof result === 'object');
      assert.deepEqual([result.kind, result.mode], ['stop', mode]);
    }
  });

  it('one that was stopped does not begin again', () => {
    assert.match(String(after(['AfterNode', 'rollback'], back)), /its way back was stopped by/);
  });
});

describe('a stop', () => {
  it('without a mode is one after the nodes in work', () => {
    const question = { kind: 'stop', by: 'ada' } as const;
    const standing = { ...here, current: undefined };
    assert.equal(interruptionAfter(question, standing)?.mode, 'AfterNode');
    assert.match(interruptionAnswer(question, standing), /the nodes in work are finished first$/);
  });

  it('in another mode is refused', () => {
    const question = { kind: 'stop', by: 'ada', mode: 'now' } as const;
    assert.deepEqual(judgeInterruption(question, { ...here, current: undefined }), [
      '"mode" must be one of Now, AfterNode, AfterWave',
    ]);
  });

  it('after the wave starts nothing that a pause holds', () => {
    const standing = { ...here, paused: true, current: undefined };
    assert.equal(interruptionAfter(asked('AfterWave'), standing)?.mode, 'AfterNode');
    assert.match(interruptionAnswer(asked('AfterWave'), standing), /it is paused, so the rest/);
  });
});
