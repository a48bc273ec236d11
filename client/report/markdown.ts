/** Writes a report as Markdown: it reads well as text, and renders where GitHub's tables do. */
import {
  type Block,
  clock,
  dayOf,
  flat,
  type Piece,
  pieces,
  type ReportDocument,
  type Rich,
  SYMBOLS,
  type TableBlock,
  utc,
} from './document.ts';
import { sparkLines } from './spark.ts';

/** Returns the whole document as Markdown. */
export function renderMarkdown(document: ReportDocument): string {
  const { eyebrow, title, badge, lead, stats, callouts, sections } = document;
  const state = badge ? ` — ${SYMBOLS[badge.tone]} ${escapeMarkdown(badge.text)}` : '';
  const figures = stats.map(({ label, value, note }) => [
    escapeMarkdown(label),
    escapeMarkdown(note ? `${value} (${note})` : value),
  ]);
  return `${[
    `# ${escapeMarkdown(`${eyebrow}: ${title}`)}${state}`,
    `**${escapeMarkdown(lead)}**`,
    ...callouts.map((block) => blockMarkdown(block)),
    rowsOf(['Figure', 'Value'], ['left', 'left'], figures),
    ...sections.flatMap((section) => [
      `## ${escapeMarkdown(section.title)}`,
      ...section.blocks.map(blockMarkdown),
    ]),
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

function blockMarkdown(block: Block): string {
  switch (block.kind) {
    case 'Text':
      return rich(block.text);
    case 'Heading':
      return `### ${escapeMarkdown(block.text)}`;
    case 'Callout':
      return `> ${SYMBOLS[block.tone]} ${rich(block.text)}`;
    case 'Facts':
      return block.items
        .map(([label, value]) => `- ${escapeMarkdown(label)}: ${rich(value)}`)
        .join('\n');
    case 'List':
      return block.items.map((item) => `- ${rich(item)}`).join('\n');
    case 'Table':
      return tableMarkdown(block);
    case 'ToDo':
      return block.items
        .map(({ text, commands }) => {
          const typed = fence(commands, '  ');
          return [`- ${rich(text)}`, ...(typed.length > 0 ? ['', ...typed] : [])].join('\n');
        })
        .join('\n');
    case 'Timeline':
      return timelineMarkdown(block.items);
    case 'Chart':
      return fence(sparkLines(block), '').join('\n');
    case 'Moments':
    case 'Lanes':
      return '';
    case 'Fold':
      return [
        `<details><summary>${escapeMarkdown(block.summary)}</summary>`,
        ...block.blocks.map(blockMarkdown),
        '</details>',
      ].join('\n\n');
  }
}

function tableMarkdown({ caption, columns, rows }: TableBlock): string {
  const table = rowsOf(
    columns.map(({ title }) => escapeMarkdown(title)),
    columns.map(({ numeric }) => (numeric ? 'right' : 'left')),
    rows.map((row) => row.map(rich)),
  );
  return `${escapeMarkdown(caption)}${caption.endsWith('.') ? '' : ':'}\n\n${table}`;
}

function rowsOf(
  header: readonly string[],
  sides: readonly ('left' | 'right')[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = sides.map((side) => (side === 'right' ? '---:' : '---'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

function timelineMarkdown(items: Extract<Block, { readonly kind: 'Timeline' }>['items']): string {
  let day = '';
  return items
    .map(({ at, label, text }) => {
      const own = dayOf(at);
      const head = own === day ? '' : `${day === '' ? '' : '\n'}**${own} (UTC)**\n\n`;
      day = own;
      return `${head}- ${clock(at)} ${escapeMarkdown(label)}: ${rich(text)}`;
    })
    .join('\n');
}

function rich(text: Rich): string {
  return pieces(text).map(pieceMarkdown).join('');
}

function pieceMarkdown(piece: Piece): string {
  if (typeof piece === 'string') return escapeMarkdown(piece);
  switch (piece.kind) {
    case 'Code':
      return inCode(piece.text);
    case 'Strong':
      return `**${escapeMarkdown(piece.text)}**`;
    case 'Badge':
      return `${SYMBOLS[piece.tone]} ${escapeMarkdown(piece.text)}`;
    case 'Time':
      return utc(piece.at);
  }
}

/** A pipe ends a cell even within code, and a backtick the code. */
function inCode(text: string): string {
  const plain = flat(text).replace(/\s+/g, ' ');
  return /[`|\\]/.test(plain) ? escapeMarkdown(plain) : `\`${plain}\``;
}

/** Nothing that a command holds ends the block: its lines are indented and hold no fence. */
function fence(lines: readonly string[], before: string): string[] {
  if (lines.length === 0) return [];
  const body = lines.map(
    (line) =>
      `${before}${flat(line)
        .replace(/\s*\n\s*/g, ' ')
        .replaceAll('```', "'''")}`,
  );
  return [`${before}\`\`\`text`, ...body, `${before}\`\`\``];
}

/** Returns text that Markdown shows as it is: on one line, with nothing in it that formats. */
export function escapeMarkdown(text: string): string {
  return flat(text)
    .replace(/\s*\n\s*/g, ' ')
    .replace(/[\\`*_[\]|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/^(\s*)([-+=#])(?=\s|$|\2)/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, '$1\\$2');
}
