/** Writes a report for a terminal. */

import type { ReportTone } from '../../workflows/domain/report-types.ts';
import {
  alignedTable,
  fields,
  indent,
  type Look,
  paint,
  type Row,
  type Tone,
} from '../render/look.ts';
import type { Block, TableBlock } from './document.ts';
import {
  clock,
  dayOf,
  flat,
  pieces,
  type ReportDocument,
  type Rich,
  SYMBOLS,
  utc,
} from './document.ts';
import { sparkLines } from './spark.ts';

const TONES: Readonly<Record<ReportTone, Tone>> = {
  Good: 'green',
  Careful: 'yellow',
  Bad: 'red',
  Neutral: 'none',
};

/** Returns the whole document as text. */
export function renderText(document: ReportDocument, look: Look): string {
  const { eyebrow, title, badge, lead, stats, callouts, sections } = document;
  const state = badge ? `: ${paint(badge.text, TONES[badge.tone], look)}` : '';
  const head = [
    `${paint(flat(`${eyebrow} ${title}`), 'bold', look)}${state}`,
    flat(lead),
    ...callouts.map(({ tone, text }) => callout(tone, text, look)),
  ].join('\n');
  const figures = fields(
    stats.map(({ label, value, note }) => [label, note ? `${value} (${note})` : value]),
    look,
  );
  const parts = sections.map((section) => {
    const blocks = section.blocks.map((block) => blockText(block, look)).filter(Boolean);
    return `${paint(section.title.toUpperCase(), 'bold', look)}\n${indent(blocks.join('\n\n'))}`;
  });
  return [head, figures, ...parts].join('\n\n');
}

function callout(tone: ReportTone, text: Rich, look: Look): string {
  return paint(`${SYMBOLS[tone]} ${flat(text)}`, TONES[tone], look);
}

function blockText(block: Block, look: Look): string {
  switch (block.kind) {
    case 'Text':
      return rich(block.text, look);
    case 'Heading':
      return paint(flat(block.text), 'bold', look);
    case 'Callout':
      return callout(block.tone, block.text, look);
    case 'Facts':
      return fields(
        block.items.map(([label, value]) => [label, oneLine(rich(value, look))]),
        look,
      );
    case 'List':
      return block.items.map((item) => `- ${oneLine(rich(item, look))}`).join('\n');
    case 'Table':
      return tableText(block, look);
    case 'ToDo':
      return block.items
        .map(({ text, commands }) => [
          rich(text, look),
          ...commands.map((line) => `  ${flat(line)}`),
        ])
        .map((lines) => lines.join('\n'))
        .join('\n');
    case 'Timeline':
      return timelineText(block.items, look);
    case 'Chart':
      return sparkLines(block).join('\n');
    case 'Moments':
    case 'Lanes':
    case 'Fold':
      return '';
  }
}

function tableText({ columns, rows }: TableBlock, look: Look): string {
  const header = columns.map(({ title }) => title.toUpperCase());
  const cells = rows.map((row): Row => {
    return row.map((cell) => {
      const [only, ...more] = pieces(cell);
      const mark = more.length === 0 && typeof only === 'object' && only.kind === 'Badge';
      return { text: oneLine(flat(cell)), tone: mark ? TONES[only.tone] : 'none' };
    });
  });
  return alignedTable(header, cells, look);
}

function timelineText(
  items: Extract<Block, { readonly kind: 'Timeline' }>['items'],
  look: Look,
): string {
  let day = '';
  const rows = items.map(({ at, label, tone, text }): Row => {
    const own = dayOf(at);
    const when = own === day ? `           ${clock(at)}` : utc(at).replace(' UTC', '');
    day = own;
    return [when, label, { text: oneLine(flat(text)), tone: TONES[tone] }];
  });
  return alignedTable(['WHEN (UTC)', 'WHAT', ''], rows, look);
}

function rich(text: Rich, look: Look): string {
  return pieces(text)
    .map((piece) => {
      const plain = flat(piece);
      if (typeof piece === 'string') return plain;
      if (piece.kind === 'Badge') return paint(plain, TONES[piece.tone], look);
      return piece.kind === 'Strong' ? paint(plain, 'bold', look) : plain;
    })
    .join('');
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
