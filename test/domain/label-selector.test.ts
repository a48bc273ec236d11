import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSelector, selects } from '../../workflows/domain/label-selector.ts';

describe('parseSelector and selects', () => {
  const labels = { app: 'db', 'app.kubernetes.io/part-of': 'shop', empty: '' };
  const cases: [text: string, selected: boolean][] = [
    ['app=db', true],
    ['app==db', true],
    ['app = web', false],
    ['app!=web', true],
    ['app!=db', false],
    ['missing!=anything', true],
    ['app in (web, db)', true],
    ['app in (web)', false],
    ['app notin (web,queue)', true],
    ['app notin (db)', false],
    ['missing notin (x)', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['! app', false],
    ['empty=', true],
    ['app=', false],
    ['app.kubernetes.io/part-of=shop', true],
    ['app in (web, db), !missing, app.kubernetes.io/part-of', true],
    ['app in (web, db), missing', false],
  ];
  for (const [text, selected] of cases) {
    it(`${text}: ${selected}`, () => {
      const selector = parseSelector(text);
      assert.ok(selector);
      assert.equal(selects(selector, labels), selected);
    });
  }

  for (const text of ['', ',', 'app=db,', 'app in db', 'app in (', 'a b', '=db', 'app=-', '/x=y']) {
    it(`"${text}" is none`, () => assert.equal(parseSelector(text), undefined));
  }
});
