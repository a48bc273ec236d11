/** Writes a document in the format that was asked for. */
import type { Command } from 'commander';
import { refused } from '../errors.ts';
import { type Look, printable } from '../render/look.ts';
import type { ReportDocument } from './document.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import { renderText } from './text.ts';

/** Formats that --output takes; only documents are written as Markdown and HTML. */
export const FORMATS = ['text', 'json', 'markdown', 'html'] as const;
export type Format = (typeof FORMATS)[number];

/** Commands whose result is a document. */
const DOCUMENTS: ReadonlySet<string> = new Set(['report', 'outcomes']);

/** Returns the format that was asked for. */
export function formatOf(command: Command): Format {
  return command.optsWithGlobals<{ readonly output: Format }>().output;
}

/** Refuses a format that the command about to run does not write. */
export function checkFormat(command: Command): void {
  const format = formatOf(command);
  if (format === 'text' || format === 'json' || DOCUMENTS.has(command.name())) return;
  throw refused(
    `--output ${format} is for ${[...DOCUMENTS].join(' and ')} alone. Allowed choices are text, json.`,
  );
}

/** Returns the text; `json` is what stands behind the document. */
export function written(args: {
  readonly format: Format;
  readonly document: ReportDocument;
  readonly json: unknown;
  readonly look: Look;
}): string {
  const { format, document, json, look } = args;
  switch (format) {
    case 'json':
      return `${JSON.stringify(json, null, 2)}\n`;
    case 'html':
      return renderHtml(document);
    case 'markdown':
      return renderMarkdown(document);
    case 'text':
      return `${printable(renderText(document, look))}\n`;
  }
}
