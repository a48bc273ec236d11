/** Where the ledger is kept, as the environment says. */
import { join } from 'node:path';
import { LedgerSettingError } from './errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Off: none is kept. Embedded: a PostgreSQL of its own, with its data in the folder. */
export type LedgerPlace =
  | { readonly kind: 'Off' }
  | { readonly kind: 'Url'; readonly url: string }
  | { readonly kind: 'Embedded'; readonly folder: string };

export interface AnchorSettings {
  /** Private SSH key; without it no anchors are made. */
  readonly keyFile?: string;
  /** Where anchors are added, one JSON line each. */
  readonly file: string;
}

const DEFAULT_DATA = '.tidegate';

/** Returns where the ledger is, by a URL that was given or by the environment. */
export function ledgerPlace(given: string | undefined, env: Env): LedgerPlace {
  const setting = given ?? (env['TIDEGATE_LEDGER'] || undefined);
  if (setting === undefined) return { kind: 'Embedded', folder: join(dataFolder(env), 'ledger') };
  if (setting === 'off') return { kind: 'Off' };
  return { kind: 'Url', url: checkedUrl(setting) };
}

/** Returns how anchors are signed and where they go. */
export function anchorSettings(env: Env): AnchorSettings {
  const keyFile = env['TIDEGATE_ANCHOR_KEY'];
  const file = env['TIDEGATE_ANCHORS'] || join(dataFolder(env), 'anchors.jsonl');
  return { file, ...(keyFile ? { keyFile } : {}) };
}

function dataFolder(env: Env): string {
  return env['TIDEGATE_DATA'] || DEFAULT_DATA;
}

/** The value may hold a password, so that it is in no message. */
function checkedUrl(text: string): string {
  const expected = 'expected "postgres://USER:PASSWORD@HOST:PORT/DATABASE" or "off"';
  if (!URL.canParse(text)) throw new LedgerSettingError(`the ledger's URL is none: ${expected}`);
  const { protocol, pathname } = new URL(text);
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') {
    throw new LedgerSettingError(`the ledger's URL begins with "${protocol}//": ${expected}`);
  }
  if (pathname.replace('/', '') === '') {
    throw new LedgerSettingError(`the ledger's URL names no database: ${expected}`);
  }
  return text;
}

/** Returns where the ledger is, as people may read it: without a password. */
export function ledgerName(given: string | undefined, env: Env): string {
  const place = ledgerPlace(given, env);
  if (place.kind === 'Off') return 'off';
  if (place.kind === 'Embedded') return `embedded, in ${place.folder}`;
  const { protocol, host, pathname } = new URL(place.url);
  return `${protocol}//${host}${pathname}`;
}
