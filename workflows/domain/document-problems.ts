/** Turns what a schema found into sentences: where, what was expected, what was found. */
import { nearest } from './nearest.ts';
import { DOCUMENT_SCHEMAS, type rolloutSchema } from './spec.ts';

/** One thing that is wrong in a document. */
export interface Problem {
  /** Where, e.g. "spec.clusters[0].name"; "document" for the document itself. */
  readonly path: string;
  /** What was expected, what was found, and what was probably meant. */
  readonly message: string;
}

type Issue = NonNullable<ReturnType<typeof rolloutSchema.safeParse>['error']>['issues'][number];
type Path = readonly PropertyKey[];

/** The part of a schema that is looked at to name its keys; any schema of zod has it. */
export interface SchemaNode {
  readonly def: {
    readonly type: string;
    readonly shape?: Readonly<Record<string, SchemaNode>>;
    readonly element?: SchemaNode;
    readonly innerType?: SchemaNode;
    readonly options?: readonly SchemaNode[];
    readonly values?: readonly unknown[];
  };
}

/** Returns every problem that a schema's issues name, in words, in the order of the issues. */
export function problemsOf(args: {
  readonly issues: readonly Issue[];
  readonly schema: SchemaNode;
  readonly value: unknown;
  readonly at?: Path;
}): Problem[] {
  const { issues, schema, value, at = [] } = args;
  const found = issues.flatMap((issue) => explain({ issue, schema, value, at }));
  return onlyWrongKind(found, { value, at }) ?? found;
}

interface Question {
  readonly issue: Issue;
  readonly schema: SchemaNode;
  readonly value: unknown;
  readonly at: Path;
}

function explain({ issue, schema, value, at }: Question): Problem[] {
  const path = [...at, ...issue.path];
  const found = valueAt(value, issue.path);
  const node = nodeAt(schema, issue.path);
  const say = (message: string) => [{ path: pathText(path), message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: pathText([...path, key]),
        message: `unknown key${meant(key, keysOf(node)) || knownKeys(keysOf(node))}`,
      }));
    case 'invalid_union':
      return explainUnion({ issue, schema: unionAt(schema, issue.path), value: found, at: path });
    case 'invalid_value':
      return say(
        mismatch(issue.values.map((known) => JSON.stringify(known)).join(' or '), found) +
          (typeof found === 'string' ? meant(found, issue.values.map(String)) : ''),
      );
    case 'invalid_type':
      return say(
        mismatch(typeName(issue.expected, node), found) + quoteHint(issue.expected, found),
      );
    case 'too_small':
      return say(mismatch(limit('at least', issue.origin, Number(issue.minimum)), found));
    case 'too_big':
      return say(mismatch(limit('at most', issue.origin, Number(issue.maximum)), found));
    case 'invalid_format':
      return say(mismatch(issue.message, found));
    case 'custom':
      return say(issue.message);
    default:
      return say(`${issue.message}, found ${show(found)}`);
  }
}

/** Of a union only the branch counts that the given value is of the type of. */
function explainUnion(args: Question & { issue: { code: 'invalid_union' } }): Problem[] {
  const { issue, schema, value, at } = args;
  const branches = issue.errors.map((issues, index) => ({
    issues,
    schema: schema.def.options?.[index] ?? schema,
  }));
  const fitting = branches.filter(({ issues }) => !issues.some(isOfOtherType));
  const [branch] = fitting;
  if (fitting.length === 1 && branch) {
    return problemsOf({ issues: branch.issues, schema: branch.schema, value, at });
  }
  const kind = branches.map((entry) => kindOf(entry.schema)).find((known) => known !== undefined);
  if (kind !== undefined) {
    const expected = `the name of a ${kind} or a ${kind} document`;
    return [{ path: pathText(at), message: mismatch(expected, value) }];
  }
  const names = branches.map((entry) => typeName(entry.schema.def.type, entry.schema));
  return [{ path: pathText(at), message: mismatch([...new Set(names)].join(' or '), value) }];
}

function isOfOtherType(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type';
}

/** A document of another known kind gets that one sentence, not a list of missing keys. */
function onlyWrongKind(
  problems: readonly Problem[],
  { value, at }: { value: unknown; at: Path },
): Problem[] | undefined {
  const kind = valueAt(value, ['kind']);
  if (typeof kind !== 'string' || !Object.hasOwn(DOCUMENT_SCHEMAS, kind)) return undefined;
  const wrong = problems.filter((problem) => problem.path === pathText([...at, 'kind']));
  return wrong.length > 0 ? wrong : undefined;
}

function mismatch(expected: string, found: unknown): string {
  return found === undefined
    ? `is missing; expected ${expected}`
    : `expected ${expected}, found ${show(found)}`;
}

function meant(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}

function knownKeys(keys: readonly string[]): string {
  return keys.length === 0 ? '' : `; known here: ${keys.join(', ')}`;
}

function quoteHint(expected: string, found: unknown): string {
  const scalar = typeof found === 'number' || typeof found === 'boolean';
  return expected === 'string' && scalar ? '; put it in quotes' : '';
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'a mapping',
};

function typeName(expected: string, node: SchemaNode): string {
  if (expected !== 'object') return TYPE_NAMES[expected] ?? expected;
  const keys = keysOf(node);
  return keys.length === 0 ? 'a mapping' : `a mapping with ${keys.join(', ')}`;
}

/** Returns the kind of a document's schema; undefined for every other schema. */
function kindOf(node: SchemaNode): string | undefined {
  const kind = node.def.shape?.['kind']?.def.values?.[0];
  return kind === undefined ? undefined : String(kind);
}

function limit(word: 'at least' | 'at most', origin: string, bound: number): string {
  switch (origin) {
    case 'string':
      return word === 'at least' && bound === 1
        ? 'text that is not empty'
        : `${word} ${bound} characters`;
    case 'array':
      return `${word} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
    default:
      return `${word} ${bound}`;
  }
}

const MAX_SHOWN = 60;

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value !== null && typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function keysOf(node: SchemaNode): string[] {
  return Object.keys(node.def.shape ?? {});
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (current === null || typeof current !== 'object') return undefined;
    current = Object.hasOwn(current, key) ? Reflect.get(current, key) : undefined;
  }
  return current;
}

/** Like nodeAt, but leaves the union itself in place. */
function unionAt(schema: SchemaNode, path: Path): SchemaNode {
  const key = path.at(-1);
  const parent = nodeAt(schema, path.slice(0, -1));
  let node = typeof key === 'string' ? (parent.def.shape?.[key] ?? parent) : parent;
  while (node.def.innerType) node = node.def.innerType;
  return node;
}

function nodeAt(schema: SchemaNode, path: Path): SchemaNode {
  let node = unwrap(schema);
  for (const key of path) {
    const { shape, element } = node.def;
    const next = typeof key === 'string' ? (shape?.[key] ?? element) : element;
    if (!next) return node;
    node = unwrap(next);
  }
  return node;
}

/** Strips what says nothing about keys: defaults, optionality, and a union's other branches. */
function unwrap(schema: SchemaNode): SchemaNode {
  let node = schema;
  while (node.def.innerType) node = node.def.innerType;
  const nested = node.def.options?.map(unwrap).find(({ def }) => def.shape ?? def.element);
  return nested ?? node;
}

/** Returns a path as a person writes it: spec.clusters[0].name. */
export function pathText(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(key)))
      text += `${text === '' ? '' : '.'}${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text === '' ? 'document' : text;
}
