/** Writes a report as one HTML file that needs nothing else: no network, no script, no font. */
import type { Moment } from '../../workflows/domain/report-types.ts';
import { chartSvg, mark } from './chart.ts';
import { lanesSvg } from './chart-lanes.ts';
import {
  type Block,
  type ChartBlock,
  clock,
  dayOf,
  flat,
  type Lane,
  type Piece,
  pieces,
  type ReportDocument,
  type Rich,
  type Section,
  SYMBOLS,
  type TableBlock,
  type TimelineLine,
  utc,
} from './document.ts';
import { escapeHtml } from './escape.ts';
import { STYLE } from './html-style.ts';
import { number } from './numbers.ts';
import { SIDES } from './spark.ts';

/** Returns the whole document as HTML. */
export function renderHtml(document: ReportDocument): string {
  const { eyebrow, title, sections } = document;
  const page = new Page();
  const parts = sections.map((section) => page.section(section));
  const contents = sections.map(
    ({ id, title: name }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(name)}</a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="tidegate">
<title>${escapeHtml(`${title} – ${eyebrow}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the report</a>
${banner(document)}
<div class="page">
<nav aria-label="Contents"><h2>Contents</h2><ol>${contents.join('')}</ol></nav>
<main id="content">
${parts.join('\n')}
</main>
</div>
</body>
</html>
`;
}

function banner({ eyebrow, title, badge, lead, stats, callouts }: ReportDocument): string {
  const figures = stats.map(({ label, value, note }) => {
    const more = note ? `<span class="note">${escapeHtml(note)}</span>` : '';
    return `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}${more}</dd></div>`;
  });
  const notes = callouts.map(({ tone, text }) => calloutHtml(tone, rich(text)));
  return `<header class="banner ${badge ? badge.tone.toLowerCase() : 'neutral'}">
<div class="inner">
<p class="eyebrow">${escapeHtml(eyebrow)}</p>
<h1>${escapeHtml(title)}</h1>
<p class="verdict">${badge ? badgeHtml(badge.text, badge.tone) : ''} <span>${escapeHtml(lead)}</span></p>
<dl class="stats">${figures.join('')}</dl>
${notes.join('')}
</div>
</header>`;
}

/** Counts what has to have a name of its own within the page. */
class Page {
  private charts = 0;
  private readonly regions = new Map<string, number>();

  section({ id, title, blocks }: Section): string {
    const name = escapeHtml(id);
    const inner = blocks.map((block) => this.block(block));
    return `<section aria-labelledby="${name}"><h2 id="${name}">${escapeHtml(title)}</h2>${inner.join('')}</section>`;
  }

  private block(block: Block): string {
    switch (block.kind) {
      case 'Text':
        return `<p>${rich(block.text)}</p>`;
      case 'Heading':
        return `<h3>${escapeHtml(block.text)}</h3>`;
      case 'Callout':
        return calloutHtml(block.tone, rich(block.text));
      case 'Facts':
        return `<dl class="facts">${block.items
          .map(
            ([label, value]) => `<div><dt>${escapeHtml(label)}</dt><dd>${rich(value)}</dd></div>`,
          )
          .join('')}</dl>`;
      case 'List':
        return `<ul>${block.items.map((item) => `<li>${rich(item)}</li>`).join('')}</ul>`;
      case 'Table':
        return this.table(block);
      case 'ToDo':
        return `<ul class="todo">${block.items
          .map(({ text, commands }) => `<li>${rich(text)}${this.commands(commands)}</li>`)
          .join('')}</ul>`;
      case 'Timeline':
        return timelineHtml(block.items);
      case 'Moments':
        return momentsHtml(block.moments);
      case 'Lanes':
        return this.lanes(block.lanes);
      case 'Chart':
        return this.chart(block);
      case 'Fold':
        return `<details><summary>${escapeHtml(block.summary)}</summary>${block.blocks
          .map((inner) => this.block(inner))
          .join('')}</details>`;
    }
  }

  private table({ caption, columns, rows }: TableBlock): string {
    const head = columns
      .map(
        ({ title, numeric }) =>
          `<th scope="col"${numeric ? ' class="num"' : ''}>${escapeHtml(title)}</th>`,
      )
      .join('');
    const body = rows.map((row) => {
      const cells = row.map((cell, index) => {
        const short = flat(cell).length <= SHORT;
        const side = columns[index]?.numeric ? ' class="num"' : short ? ' class="short"' : '';
        return index === 0
          ? `<th scope="row"${side}>${rich(cell)}</th>`
          : `<td${side}>${rich(cell)}</td>`;
      });
      return `<tr>${cells.join('')}</tr>`;
    });
    return this.scrolling(
      caption,
      `<table><caption><span>${escapeHtml(caption)}</span></caption><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`,
    );
  }

  /** What is wider than the page scrolls by itself, also with the keyboard. */
  private scrolling(name: string, inner: string): string {
    return `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(this.unique(name))}">${inner}</div>`;
  }

  private unique(name: string): string {
    const seen = (this.regions.get(name) ?? 0) + 1;
    this.regions.set(name, seen);
    return seen === 1 ? name : `${name} (${seen})`;
  }

  private commands(lines: readonly string[]): string {
    if (lines.length === 0) return '';
    const text = lines.map((line) => escapeHtml(line)).join('\n');
    return `<pre tabindex="0" role="region" aria-label="${escapeHtml(this.unique('Commands to type'))}"><code>${text}</code></pre>`;
  }

  private lanes(lanes: readonly Lane[]): string {
    const id = this.nextChart();
    const looks = new Set(lanes.flatMap(({ bars }) => bars.map(({ look }) => look)));
    const legend = LANE_LOOKS.filter(([look]) => looks.has(look)).map(([look, words]) => {
      return `<li><svg width="22" height="14" aria-hidden="true"><rect class="bar ${look.toLowerCase()}" x="1" y="1" width="20" height="12" rx="2"/></svg> ${words}</li>`;
    });
    return `<figure>${PATTERNS}<ul class="legend">${legend.join('')}</ul>${lanesSvg(lanes, 'wide', `${id}-w`)}${lanesSvg(lanes, 'narrow', `${id}-n`)}<figcaption>Where the time went, in UTC. The list below tells the same in words.</figcaption></figure>`;
  }

  private chart(block: ChartBlock): string {
    const { chart } = block;
    if (chart.points.every(({ patched, control, inWork }) => !patched && !control && !inWork)) {
      return '<p>It was asked for, and never gave a number.</p>';
    }
    const id = this.nextChart();
    const unit = chart.unit ? `in ${escapeHtml(chart.unit)}` : 'in its own unit';
    const since = chart.values === 'SinceFirst' ? ', added since the first measurement' : '';
    return `<figure><ul class="legend">${legendOf(block)}</ul>${chartSvg(block, 'wide', `${id}-w`)}${chartSvg(block, 'narrow', `${id}-n`)}<figcaption>${escapeHtml(chart.indicator)} ${unit}${since}.</figcaption></figure><details><summary>Numbers of ${escapeHtml(chart.indicator)}</summary>${this.table(numbersOf(block))}</details>`;
  }

  private nextChart(): string {
    this.charts += 1;
    return `chart-${this.charts}`;
  }
}

/** Names and times of no more letters are kept on one line. */
const SHORT = 26;

const LANE_LOOKS: readonly (readonly [Lane['bars'][number]['look'], string])[] = [
  ['Wait', 'waiting for people'],
  ['Work', 'node in work'],
  ['Failed', 'node put back by itself'],
  ['Back', 'node on the way back'],
  ['Soak', 'soak'],
];

/** Hatching tells soaks and waits from work without colour. */
const PATTERNS =
  '<svg width="0" height="0" aria-hidden="true" class="defs"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/><line class="hatch-line" x1="0" x2="0" y1="0" y2="6"/></pattern><pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="dots-ground" width="6" height="6"/><circle class="dots-dot" cx="3" cy="3" r="1.2"/></pattern></defs></svg>';

function legendOf({ chart }: ChartBlock): string {
  const shown = SIDES.filter(([side]) => chart.points.some((point) => point[side]));
  const sides = shown.map(([side, name]) => {
    const words = chart.fleet ? 'whole fleet' : `nodes ${name}`;
    return `<li><svg width="34" height="14" aria-hidden="true"><line class="line ${side}" x1="1" x2="33" y1="7" y2="7"/>${mark(side, 17, 7)}</svg> ${words}</li>`;
  });
  const busy = chart.points.some(({ inWork }) => inWork)
    ? '<li><svg width="14" height="14" aria-hidden="true"><path class="mark busy" d="M4 4l6 6m0-6l-6 6"/></svg> node in work</li>'
    : '';
  return `${sides.join('')}${busy}`;
}

function momentsHtml(moments: readonly Moment[]): string {
  if (moments.length === 0) return '';
  const items = moments.map(({ number: own, at, text }) => {
    return `<li><b>${own}</b> <time datetime="${escapeHtml(at)}">${clock(at)}</time> ${escapeHtml(text)}</li>`;
  });
  return `<ol class="moments">${items.join('')}</ol>`;
}

function numbersOf({ chart }: ChartBlock): TableBlock {
  const { points, unit, indicator } = chart;
  return {
    kind: 'Table',
    caption: `${indicator}${unit ? `, ${unit}` : ''}: median (lowest to highest, nodes)`,
    columns: [
      { title: 'When (UTC)' },
      ...['With the update', 'Without it', 'In work', 'No data', 'No answer'].map((title) => {
        return { title, numeric: true } as const;
      }),
    ],
    rows: points.map(({ at, patched, control, inWork, noData, errors }) => [
      { kind: 'Time', at },
      ...[patched, control, inWork].map((spread) =>
        spread
          ? `${number(spread.median)} (${number(spread.low)} to ${number(spread.high)}, ${spread.count})`
          : '–',
      ),
      String(noData),
      String(errors),
    ]),
  };
}

function timelineHtml(items: readonly TimelineLine[]): string {
  const days = [...new Set(items.map(({ at }) => dayOf(at)))];
  return days
    .map((day) => {
      const own = items.filter(({ at }) => dayOf(at) === day).map(lineHtml);
      return `<h3>${escapeHtml(day)} (UTC)</h3><ol class="timeline">${own.join('')}</ol>`;
    })
    .join('');
}

function lineHtml({ at, label, tone, text }: TimelineLine): string {
  return `<li class="${tone.toLowerCase()}"><time datetime="${escapeHtml(at)}">${clock(at)}</time><span class="what"><span class="mark-word" aria-hidden="true">${SYMBOLS[tone]}</span><span class="kind">${escapeHtml(label)}</span> ${rich(text)}</span></li>`;
}

function rich(text: Rich): string {
  return pieces(text).map(pieceHtml).join('');
}

function pieceHtml(piece: Piece): string {
  if (typeof piece === 'string') return escapeHtml(piece);
  switch (piece.kind) {
    case 'Code':
      return `<code>${escapeHtml(piece.text)}</code>`;
    case 'Strong':
      return `<strong>${escapeHtml(piece.text)}</strong>`;
    case 'Badge':
      return badgeHtml(piece.text, piece.tone);
    case 'Time':
      return `<time datetime="${escapeHtml(piece.at)}">${escapeHtml(utc(piece.at))}</time>`;
  }
}

function badgeHtml(text: string, tone: keyof typeof SYMBOLS): string {
  return `<span class="badge ${tone.toLowerCase()}"><span aria-hidden="true">${SYMBOLS[tone]}</span> ${escapeHtml(flat(text))}</span>`;
}

function calloutHtml(tone: keyof typeof SYMBOLS, inner: string): string {
  return `<p class="callout ${tone.toLowerCase()}"><span class="mark-word" aria-hidden="true">${SYMBOLS[tone]}</span><span>${inner}</span></p>`;
}
