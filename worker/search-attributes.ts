/** Registers the search attributes that workflows set; a missing one would stop every workflow. */
import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE_TYPES, SEARCH_ATTRIBUTES } from '../workflows/contract.ts';

/** Values of Temporal's IndexedValueType. */
const TYPES = { Keyword: 2, Int: 3, KeywordList: 7 } as const;
type AttributeName = keyof typeof SEARCH_ATTRIBUTE_TYPES;
const WAIT_MS = 15_000;

/** Registers what is missing and waits until the server knows it; fails with the command to type. */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  const typeOf = (name: AttributeName) => SEARCH_ATTRIBUTE_TYPES[name];
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, TYPES[typeOf(name)]])),
    });
  } catch (error) {
    const flags = missing.map((name) => `--name ${name} --type ${typeOf(name)}`).join(' ');
    throw new Error(
      `Search attributes ${missing.join(', ')} are missing in namespace ${namespace} and could not be registered (${error instanceof Error ? error.message : String(error)}). Somebody who may should run: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
      { cause: error },
    );
  }
  const deadline = Date.now() + WAIT_MS;
  while ((await missingAttributes(connection, namespace)).length > 0) {
    if (Date.now() > deadline) {
      throw new Error(`Search attributes ${missing.join(', ')} were registered but do not appear.`);
    }
    await delay(200);
  }
}

async function missingAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<readonly AttributeName[]> {
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const names = new Set(Object.keys(known.customAttributes ?? {}));
  return Object.values(SEARCH_ATTRIBUTES).filter((name) => !names.has(name));
}
