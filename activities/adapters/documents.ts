/** The worker's folder of documents: every *.yaml under it, by kind and name. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import {
  type DocumentOf,
  documentKind,
  documentName,
  explainProblems,
  parseDocument,
} from '../../workflows/domain/documents.ts';
import type { DocumentKind } from '../../workflows/domain/spec.ts';
import { fail, messageOf } from '../failure.ts';

/** A document as it stands in a file; valid or not. */
export interface StoredDocument {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly file: string;
  readonly value: unknown;
}

export interface DocumentFolder {
  readonly folder: string;
  readonly documents: readonly StoredDocument[];
  /** Files that are no YAML, with the reason. */
  readonly unreadable: readonly string[];
}

/** Reads all documents of a folder; files of other kinds of things are left aside. */
export async function readDocuments(folder: string): Promise<DocumentFolder> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) =>
      fail(
        'UnknownDocument',
        `The worker's configuration folder ${folder} cannot be read: ${messageOf(error)}. Set TIDEGATE_CONFIG.`,
      ),
  );
  const files = entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const read = await Promise.all(files.map(readFileDocuments));
  return {
    folder,
    documents: read.flatMap((entry) => entry.documents),
    unreadable: read.flatMap((entry) => entry.unreadable),
  };
}

async function readFileDocuments(file: string): Promise<Omit<DocumentFolder, 'folder'>> {
  const parsed = parseAllDocuments(await readFile(file, 'utf8'));
  const documents: StoredDocument[] = [];
  const unreadable: string[] = [];
  for (const document of parsed) {
    const [error] = document.errors;
    if (error) unreadable.push(`${file}: ${error.message}`);
    const value: unknown = error ? undefined : document.toJS();
    const kind = documentKind(value);
    const name = documentName(value);
    if (kind && name) documents.push({ kind, name, file, value });
  }
  return { documents, unreadable };
}

/** Returns the valid document that is given inline or by name; fails saying what is wrong or known. */
export async function resolveDocument<K extends DocumentKind>(
  kind: K,
  given: unknown,
  folder: DocumentFolder,
): Promise<DocumentOf<K>> {
  if (typeof given !== 'string') return valid(kind, given, undefined);
  const known = folder.documents.filter((document) => document.kind === kind);
  const found = known.filter((document) => document.name === given);
  const [only, other] = found;
  if (only && other) {
    fail(
      'InvalidDocument',
      `${kind} ${given} is in both ${only.file} and ${other.file}. Rename or remove one.`,
    );
  }
  if (only) return valid(kind, only.value, only.file);
  const names = [...new Set(known.map((document) => document.name))].join(', ') || 'none';
  const bad = folder.unreadable.length > 0 ? ` Unreadable: ${folder.unreadable.join('; ')}` : '';
  return fail(
    'UnknownDocument',
    `There is no ${kind} "${given}" in the worker's folder ${folder.folder}; it has: ${names}.${bad}`,
  );
}

function valid<K extends DocumentKind>(
  kind: K,
  value: unknown,
  file: string | undefined,
): DocumentOf<K> {
  const answer = parseDocument(kind, value);
  if (answer.kind === 'Valid') return answer.document;
  const text = explainProblems(kind, documentName(value), answer.problems);
  return fail('InvalidDocument', file ? `${text}\n  (in ${file})` : text, answer.problems);
}
