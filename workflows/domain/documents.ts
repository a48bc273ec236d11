/** Reads documents: strict, and with a sentence for everything that is wrong. Pure. */
import { type Problem, problemsOf, type SchemaNode } from './document-problems.ts';
import { nearest } from './nearest.ts';
import { DOCUMENT_SCHEMAS, type DocumentKind } from './spec.ts';

export type { Problem } from './document-problems.ts';

/** The document that a kind stands for, with every default filled in. */
export type DocumentOf<K extends DocumentKind> = ReturnType<(typeof DOCUMENT_SCHEMAS)[K]['parse']>;

/** A valid document, or everything that is wrong in it. */
export type DocumentAnswer<K extends DocumentKind> =
  | { readonly kind: 'Valid'; readonly document: DocumentOf<K> }
  | { readonly kind: 'Invalid'; readonly problems: readonly Problem[] };

/** The kinds of documents, in the order in which they are shown. */
export const DOCUMENT_KINDS = Object.keys(DOCUMENT_SCHEMAS) as DocumentKind[];

/** Returns the document with defaults filled in, or every problem that it has. */
export function parseDocument<K extends DocumentKind>(kind: K, value: unknown): DocumentAnswer<K> {
  const schema = DOCUMENT_SCHEMAS[kind];
  const answer = schema.safeParse(value);
  if (answer.success) return { kind: 'Valid', document: answer.data as DocumentOf<K> };
  const { issues } = answer.error;
  return { kind: 'Invalid', problems: problemsOf({ issues, schema: schema as SchemaNode, value }) };
}

/** Returns the kind that a value says it is, or undefined if it names no known kind. */
export function documentKind(value: unknown): DocumentKind | undefined {
  const kind = member(value, 'kind');
  return DOCUMENT_KINDS.find((known) => known === kind);
}

/** Returns the name that a value gives itself, valid or not; undefined if it gives none. */
export function documentName(value: unknown): string | undefined {
  const name = member(member(value, 'metadata'), 'name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** Returns the kind that a word names whatever its case, or else the nearest one to suggest. */
export function kindNamed(word: string): {
  readonly kind?: DocumentKind;
  readonly nearest?: string;
} {
  const kind = DOCUMENT_KINDS.find((known) => known.toLowerCase() === word.toLowerCase());
  if (kind) return { kind };
  const close = nearest(word, DOCUMENT_KINDS);
  return close === undefined ? {} : { nearest: close };
}

/**
 * Returns the message for an invalid document. The command line and the worker both use it, so
 * that it reads the same wherever a rollout is started; `name` is the document's own name.
 */
export function explainProblems(
  kind: DocumentKind,
  name: string | undefined,
  problems: readonly Problem[],
): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
  return [`${kind}${name ? ` ${name}` : ''} is not valid, ${count}:`, ...lines].join('\n');
}

function member(value: unknown, key: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
