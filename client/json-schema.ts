/** JSON Schemas of the documents, made from the schemas that check them. */
import { DOCUMENT_SCHEMAS, type DocumentKind } from '../workflows/domain/spec.ts';

/** Returns the JSON Schema of what a person writes: defaults may be left out. */
export function jsonSchema(kind: DocumentKind): object {
  const { $schema, ...rest } = DOCUMENT_SCHEMAS[kind].toJSONSchema({ io: 'input' });
  return { $schema, title: `Tidegate ${kind}`, ...rest };
}

/** Returns the text of the schema's file. */
export function schemaText(kind: DocumentKind): string {
  return `${JSON.stringify(jsonSchema(kind), null, 2)}\n`;
}
