/** The command `report` in each of its formats, from an export of a ledger. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { escapeMarkdown } from '../../client/report/markdown.ts';
import { run, TTY } from './kit.ts';
import { exported, stored } from './report-kit.ts';
import { HOSTILE, hostile, NAME, rolledBack, succeeded } from './report-stories.ts';

const FILES = {
  'ledger.jsonl': exported(stored(rolledBack(), succeeded())),
  'hostile.jsonl': exported(stored(hostile())),
};
const FROM = ['--from', 'ledger.jsonl'];

/** Every section that a report has where there is something to say. */
const SECTIONS = [
  ...['What and why', 'Surprises', 'What to do next', 'Nodes', 'Verdicts', 'Measurements'],
  ...['Disruption', 'Approvals', 'Timeline', 'Plan', 'Steps and commands', 'Proof'],
];

async function report(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await run(['report', ...argv], { files: FILES });
  assert.equal(err, '');
  assert.equal(code, 0);
  return out;
}

describe('as text', () => {
  it('begins with what came of it, and has every section', async () => {
    const text = await report(NAME, ...FROM);
    const [title, lead] = text.split('\n');
    assert.equal(title, `Rollout report ${NAME}: Succeeded`);
    assert.match(lead ?? '', /^7 of 9 nodes run/);
    for (const section of SECTIONS)
      assert.match(text, new RegExp(`^${section.toUpperCase()}$`, 'm'));
  });

  it('draws both sides of an indicator on one scale', async () => {
    const text = await report(NAME, ...FROM, '--run', 'run-1');
    const [, patched = '', control = ''] =
      /container-start\n+ +with the update +([▁-█ ]+) median.*\n +without it +([▁-█ ]+) median/.exec(
        text,
      ) ?? [];
    assert.equal([...patched].filter((mark) => mark === '▇' || mark === '█').length, 10);
    assert.match(control, /^[▁▂]+$/);
  });

  it('has colours only for a terminal that shows them', async () => {
    const options = { files: FILES, look: { ...TTY, colour: true } };
    const { out } = await run(['report', NAME, ...FROM], options);
    assert.ok(out.includes('\u001b[33mSucceeded'));
    assert.ok(!(await report(NAME, ...FROM)).includes('\u001b'));
  });

  it('says who voted, by which identity, and who was refused', async () => {
    const text = await report(NAME, ...FROM);
    assert.match(text, /ada +approved +attested, signed by ada \(SHA256:Zk3v8l1qP0\)/);
    assert.match(text, /grace +approved +asserted: the name is believed +slack/);
    assert.match(text, /platform-oncall +refused/);
  });
});

describe('as JSON', () => {
  it('is the whole report', async () => {
    const { rollout, state, nodes, charts } = JSON.parse(
      await report(NAME, ...FROM, '--output', 'json'),
    );
    assert.deepEqual([rollout, state, nodes.length, charts.length], [NAME, 'Succeeded', 9, 4]);
  });
});

describe('as Markdown', () => {
  it('has a heading for each section, and rows as long as their header', async () => {
    const text = await report(NAME, ...FROM, '--output', 'markdown');
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    assert.deepEqual(headings, SECTIONS);
    const tables = text.match(/(?:^\|.*\|\n?)+/gm) ?? [];
    assert.ok(tables.length > 10);
    for (const table of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((line) => line.split(/(?<!\\)\|/).length);
      assert.deepEqual(new Set(cells).size, 1, table);
    }
  });

  it('lets nothing of what others wrote format it, or become HTML', async () => {
    const text = await report(HOSTILE, '--from', 'hostile.jsonl', '--output', 'markdown');
    // Within a fence everything is shown as it stands.
    const prose = text.replace(/^( *)```text\n[\s\S]*?\n\1```$/gm, '');
    assert.doesNotMatch(prose, /<(?!details>|\/details>|summary>|\/summary>)[a-z/]/i);
    assert.doesNotMatch(prose, /(?<!\\)\[a(?<!\\)\]\(/);
    assert.match(text, /^ {2}tidegate watch '<img src=x .*'\\''CVE-2025-64329'\\''.*'$/m);
    assert.ok(!text.includes('\u001b') && !text.includes('\u202e'));
  });

  const escapes: [string, string][] = [
    ['# a', '\\# a'],
    ['---', '\\---'],
    ['+3', '+3'],
    ['- a', '\\- a'],
    ['1. a', '1\\. a'],
    ['a\nb', 'a b'],
    ['a|b', 'a\\|b'],
    ['<b>&', '&lt;b&gt;&amp;'],
    ['_x_ *y* `z` ~q~ [l](u)', '\\_x\\_ \\*y\\* \\`z\\` \\~q\\~ \\[l\\](u)'],
  ];
  for (const [text, escaped] of escapes) {
    it(`escapes ${JSON.stringify(text)}`, () => assert.equal(escapeMarkdown(text), escaped));
  }
});

describe('as HTML', () => {
  it('is one file that asks for nothing else', async () => {
    const html = await report(NAME, ...FROM, '--output', 'html');
    assert.match(html, /^<!doctype html>\n<html lang="en">/);
    assert.doesNotMatch(html, /<script|<link|<img|<iframe|@import|url\((?!#)|src=|https?:/);
    for (const section of SECTIONS) assert.ok(html.includes(`>${section}</h2>`), section);
  });

  it('has ids that are unique, and anchors and labels that are there', async () => {
    const html = await report(NAME, ...FROM, '--output', 'html');
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const wanted = [
      ...html.matchAll(/(?:href="#|aria-labelledby="|aria-describedby="|url\(#)([^")]*)/g),
    ];
    assert.ok(wanted.length > 20);
    for (const [, id] of wanted) assert.ok(ids.includes(id), id);
  });

  it('shows what others wrote as the text that it is', async () => {
    const html = await report(HOSTILE, '--from', 'hostile.jsonl', '--output', 'html');
    assert.doesNotMatch(html, /<img|<script|\p{Cc}(?<!\n)|\u202e/u);
    assert.doesNotMatch(html, /<[^>]*onerror=(?!&quot;)/);
    assert.ok(html.includes('&lt;script&gt;alert(&#39;CVE-2025-64329&#39;)&lt;/script&gt;'));
    // Nothing but tags of its own: every bracket that is left belongs to one.
    const tags = html.replace(/<style>[\s\S]*?<\/style>/, '').match(/<[^>]*>/g) ?? [];
    const names = new Set(tags.map((tag) => /^<[/!]?([a-z0-9]+)/i.exec(tag)?.[1]));
    const known =
      'doctype html head meta title style body a header div p h1 h2 h3 span dl dt dd nav ol ul li main section strong time table caption thead tbody tr th td code b pre figure figcaption svg defs pattern rect line circle polyline polygon path text desc details summary'.split(
        ' ',
      );
    for (const name of names) assert.ok(known.includes(name ?? ''), name);
  });

  it('has a text for every drawing, and its numbers in a table', async () => {
    const html = await report(NAME, ...FROM, '--output', 'html');
    const drawings = html.match(/<svg class="chart [^>]*>.*?<\/svg>/g) ?? [];
    assert.equal(drawings.length, 2 * 5);
    for (const drawing of drawings) assert.match(drawing, /role="img".*?<title id=.*?<desc id=/);
    assert.equal(html.match(/<summary>Numbers of /g)?.length, 4);
    assert.match(html, /Nodes with the update: median \d+ ms, \d+ to \d+\./);
    for (const place of html.matchAll(/ (?:[xy][12]?|c[xy]|width|height|points)="([^"]*)"/g)) {
      assert.doesNotMatch(place[1] ?? '', /NaN|Infinity|undefined/);
    }
  });

  it('tells both sides apart without colour', async () => {
    const html = await report(NAME, ...FROM, '--output', 'html');
    assert.match(html, /\.line\.control \{[^}]*stroke-dasharray/);
    assert.match(html, /<circle class="mark patched"/);
    assert.match(html, /<rect class="mark control"/);
    assert.match(html, /<span aria-hidden="true">✓<\/span> Updated/);
  });
});

describe('the command', () => {
  it('writes into a file, without colours, and says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-report-'));
    try {
      const out = join(folder, 'report.txt');
      const options = { files: FILES, look: { ...TTY, colour: true } };
      const ran = await run(['report', NAME, ...FROM, '--out', out], options);
      assert.deepEqual([ran.code, ran.out, ran.err], [0, '', `wrote ${out}\n`]);
      const text = await readFile(out, 'utf8');
      assert.match(text, /^Rollout report/);
      assert.ok(!text.includes('\u001b'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  const refusals: [string, readonly string[], RegExp][] = [
    [
      'an unknown name',
      ['nope', ...FROM],
      /knows no rollout nope\. What was read is of 1 other rollout: containerd-deb12u3\./,
    ],
    [
      'an unknown run',
      [NAME, ...FROM, '--run', 'x'],
      /has no run x of containerd-deb12u3; it has run-1, run-2\./,
    ],
    ['a file that is not there', [NAME, '--from', 'no.jsonl'], /no\.jsonl: there is no such file/],
    ['a file that is no export', [NAME, '--from', 'bad.jsonl'], /bad\.jsonl:2: is no JSON/],
    [
      'two sources',
      [NAME, ...FROM, '--ledger', 'postgres://x'],
      /--ledger or --from, not with both/,
    ],
    ['a URL that names no ledger', [NAME, '--ledger', 'http://x'], /ledger can't be found/],
  ];
  for (const [name, argv, message] of refusals) {
    it(`refuses ${name}`, async () => {
      const files = { ...FILES, 'bad.jsonl': '{"id": "x"}\nrubbish\n' };
      const { code, out, err } = await run(['report', ...argv], { files });
      assert.equal(code, 3);
      assert.equal(out, '');
      assert.match(err, message);
    });
  }

  it('can read an export from standard input', async () => {
    const stdin = exported(succeeded().entries);
    const { code, out } = await run(['report', NAME, '--from', '-'], { stdin });
    assert.equal(code, 0);
    assert.match(out, /These entries are not chained: nothing proves that they are whole/);
  });
});
