/** Reads one document from a file or from standard input, YAML or JSON. */
import { parseAllDocuments } from 'yaml';
import {
  type DocumentOf,
  documentName,
  explainProblems,
  parseDocument,
} from '../workflows/domain/documents.ts';
import type { DocumentKind } from '../workflows/domain/spec.ts';
import { refused } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** Name of standard input on the command line. */
export const STDIN = '-';

/** Returns the valid document of a file, or throws with every problem and the file's name. */
export async function readDocument<K extends DocumentKind>(
  kind: K,
  file: string,
  terminal: Terminal,
): Promise<DocumentOf<K>> {
  const source = file === STDIN ? 'standard input' : file;
  const value = parseText(await readText(file, terminal), source);
  const answer = parseDocument(kind, value);
  if (answer.kind === 'Valid') return answer.document;
  throw refused(`${source}: ${explainProblems(kind, documentName(value), answer.problems)}`);
}

/** Returns the document of a file, or the argument itself where it is the name of one at the worker. */
export async function readNamed<K extends DocumentKind>(
  kind: K,
  argument: string,
  terminal: Terminal,
): Promise<DocumentOf<K> | string> {
  return isFile(argument) ? await readDocument(kind, argument, terminal) : argument;
}

/** A name has no slash and no file's ending. */
function isFile(argument: string): boolean {
  return argument === STDIN || argument.includes('/') || /\.(ya?ml|json)$/.test(argument);
}

/** Returns the text of a file or of standard input. */
export async function readText(file: string, terminal: Terminal): Promise<string> {
  const source = file === STDIN ? 'standard input' : file;
  return decode(await readBytes(file, terminal), source);
}

async function readBytes(file: string, terminal: Terminal): Promise<Uint8Array> {
  if (file === STDIN) return await terminal.readStdin();
  try {
    return await terminal.readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a folder; name one file in it',
      EACCES: 'it may not be read',
      ENOTDIR: 'a part of the path is no folder',
    };
    throw refused(`${file}: ${reasons[code ?? ''] ?? (error as Error).message}`);
  }
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw refused(`${source}: is not text in UTF-8`);
  }
}

/** Returns the value of exactly one YAML or JSON document; JSON is read as the YAML it is. */
export function parseText(text: string, source: string): unknown {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents) || documents.length === 0) throw refused(`${source}: is empty`);
  for (const document of documents) {
    const [problem] = [...document.errors, ...document.warnings];
    if (!problem) continue;
    const [at] = problem.linePos ?? [];
    const place = at ? `:${at.line}:${at.col}` : '';
    const [first = problem.message] = problem.message.split('\n');
    throw refused(`${source}${place}: ${first.replace(/ at line \d+, column \d+:?$/, '')}`);
  }
  if (documents.length > 1) {
    throw refused(
      `${source}: holds ${documents.length} documents; Tidegate reads one document from a file. Put each into a file of its own, or write Fleet, Bundle and Policy inside the Rollout.`,
    );
  }
  try {
    return documents[0]?.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refused(`${source}: ${(error as Error).message}`);
  }
}
