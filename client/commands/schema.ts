/** `tidegate schema [KIND]`: JSON Schemas of the documents, for editors and other programs. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { DOCUMENT_KINDS, kindNamed } from '../../workflows/domain/documents.ts';
import type { DocumentKind } from '../../workflows/domain/spec.ts';
import { refused } from '../errors.ts';
import { jsonSchema, schemaText } from '../json-schema.ts';
import { type CommandContext, print, withExamples } from './command.ts';

/** Adds the command `schema`. */
export function addSchema(program: Command, context: CommandContext): void {
  const command = program
    .command('schema')
    .description('print the JSON Schema of a kind of document, or write all of them')
    .argument('[kind]', `one of ${DOCUMENT_KINDS.join(', ')}`)
    .option('--write <folder>', 'write one file for each kind into this folder')
    .action(async (word: string | undefined, options: { write?: string }, self: Command) => {
      const kinds = word === undefined ? DOCUMENT_KINDS : [kindOf(word)];
      if (options.write !== undefined) {
        await writeSchemas(kinds, options.write, context);
        return;
      }
      if (word === undefined) {
        const all = Object.fromEntries(kinds.map((kind) => [kind, jsonSchema(kind)]));
        print(context, self, { json: all, text: () => kinds.join('\n') });
        return;
      }
      for (const kind of kinds) context.terminal.out(schemaText(kind));
    });
  withExamples(command, [
    'tidegate schema rollout',
    'tidegate schema --write examples/schemas',
    '# yaml-language-server: $schema=schemas/rollout.json   (first line of a document)',
  ]);
}

function kindOf(word: string): DocumentKind {
  const { kind, nearest } = kindNamed(word);
  if (kind) return kind;
  const hint = nearest ? ` Did you mean ${nearest}?` : '';
  throw refused(`There is no kind "${word}"; known are ${DOCUMENT_KINDS.join(', ')}.${hint}`);
}

async function writeSchemas(
  kinds: readonly DocumentKind[],
  folder: string,
  { terminal }: CommandContext,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const kind of kinds) {
    const file = join(folder, `${kind.toLowerCase()}.json`);
    await writeFile(file, schemaText(kind));
    terminal.err(`wrote ${file}\n`);
  }
}
