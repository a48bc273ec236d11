/** Brings the ledger's tables up to date, once, however many workers start at the same time. */
import { readdir, readFile } from 'node:fs/promises';

/** Runs SQL on one connection. */
export type Query = (
  sql: string,
  values?: readonly unknown[],
) => Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;

const FOLDER = new URL('./migrations/', import.meta.url);
/** Of PostgreSQL's advisory locks; must differ from that of appending in store.ts. */
const MIGRATION_LOCK = 7_233_000_001;

/** Applies what is missing, all of it or nothing. Needs no right to change tables where all is there. */
export async function migrate(query: Query): Promise<void> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort();
  if (missing(names, await applied(query)).length === 0) return;
  await query('begin');
  try {
    await query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await makePlace(query);
    for (const name of missing(names, await applied(query))) {
      await query(await readFile(new URL(name, FOLDER), 'utf8'));
      await query('insert into tidegate.migrations (name) values ($1)', [name]);
    }
    await query('commit');
  } catch (error) {
    await query('rollback').catch(() => undefined);
    throw error;
  }
}

function missing(names: readonly string[], done: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => !done.has(name));
}

async function applied(query: Query): Promise<ReadonlySet<string>> {
  const { rows } = await query("select to_regclass('tidegate.migrations') is not null as there");
  if (rows[0]?.['there'] !== true) return new Set();
  const done = await query('select name from tidegate.migrations');
  return new Set(done.rows.map((row) => String(row['name'])));
}

/** An account that may not make a schema can be given one that is there. */
async function makePlace(query: Query): Promise<void> {
  const { rows } = await query("select to_regnamespace('tidegate') is not null as there");
  if (rows[0]?.['there'] !== true) await query('create schema tidegate');
  await query(
    'create table if not exists tidegate.migrations (name text primary key, applied_at timestamptz not null default now())',
  );
}
