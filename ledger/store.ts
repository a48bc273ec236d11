/** The ledger in PostgreSQL. The only place that talks to it. */
import pg from 'pg';
import { canonicalJson } from '../workflows/domain/canonical.ts';
import type { LedgerEntry } from '../workflows/ledger-contract.ts';
import { chained, GENESIS, type Head, type StoredEntry } from './chain.ts';
import { keptEntry } from './entry.ts';
import { LedgerUnavailableError } from './errors.ts';
import { migrate } from './migrations.ts';
import { type RawRecord, storedEntry } from './record.ts';

/** Where a database is that may come and go; `lost` is called when it does not answer. */
export interface DatabaseSource {
  url(): Promise<string>;
  lost(): void;
  close(): Promise<void>;
}

/** Which records, and from which on: after this place in the chain. */
export interface PageQuery {
  readonly after: number;
  readonly rollout?: string;
  readonly since?: string;
  readonly kinds?: readonly string[];
}

/** Everything as it was at one moment, whatever is added meanwhile. */
export interface Snapshot {
  /** Undefined where it is gone. */
  readonly head: Head | undefined;
  records(): AsyncIterable<RawRecord>;
}

/** A ledger; it connects at its first use, and again after the database was away. */
export interface Ledger {
  /** Makes the tables where they are missing, as appending does. */
  prepare(): Promise<void>;
  /** Adds entries in their order; one whose id is there already is left. */
  append(entries: readonly LedgerEntry[], recordedAt: string): Promise<{ readonly added: number }>;
  /** Some hundred records in the order of the chain; none where there are no more. */
  page(query: PageQuery): Promise<readonly StoredEntry[]>;
  /** The newest ones of a kind, newest first. */
  newest(kind: string, limit: number): Promise<readonly StoredEntry[]>;
  snapshot<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  head(): Promise<Head | undefined>;
  /** Whether a record of a kind stands after a place in the chain. */
  hasSince(kind: string, after: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Of PostgreSQL's advisory locks; must differ from that of migrations.ts. */
const APPEND_LOCK = 7_233_000_002;
const PAGE_ROWS = 500;
const SECOND = 1000;
/** An attempt of the activity `append` has 30 s (workflows/ledger.ts): all of these are below. */
const POOL = {
  max: 4,
  application_name: 'tidegate-ledger',
  connectionTimeoutMillis: 5 * SECOND,
  statement_timeout: 20 * SECOND,
  lock_timeout: 15 * SECOND,
  query_timeout: 25 * SECOND,
  keepAlive: true,
} as const;

const COLUMNS = 'seq, id, at, recorded_at, rollout, kind, subject, actor, body, prev_hash, hash';
const UNDEFINED_TABLE = '42P01';

/** Returns the ledger in a database. */
export function ledgerAt(where: string | DatabaseSource): Ledger {
  return new PostgresLedger(typeof where === 'string' ? fixed(where) : where);
}

function fixed(url: string): DatabaseSource {
  return { url: async () => url, lost: () => undefined, close: async () => undefined };
}

class PostgresLedger implements Ledger {
  private readonly source: DatabaseSource;
  private pool: Promise<pg.Pool> | undefined;
  private migrated = false;

  constructor(source: DatabaseSource) {
    this.source = source;
  }

  async prepare(): Promise<void> {
    await this.connected((client) => this.prepareOn(client));
  }

  async append(entries: readonly LedgerEntry[], recordedAt: string): Promise<{ added: number }> {
    const wanted = uniqueById(entries.map(keptEntry));
    if (wanted.length === 0) return { added: 0 };
    return await this.connected(async (client) => {
      await this.prepareOn(client);
      // Looked at again after any error: it may be another database by then.
      this.migrated = false;
      const added = await inTransaction(client, 'read write', () =>
        add(client, wanted, recordedAt),
      );
      this.migrated = true;
      return added;
    });
  }

  async page({ after, rollout, since, kinds }: PageQuery): Promise<readonly StoredEntry[]> {
    const from = since === undefined ? null : new Date(since).toISOString();
    const rows = await this.rows(
      `select ${COLUMNS} from tidegate.records where seq > $1
         and ($2::text is null or rollout = $2) and ($3::text is null or at >= $3)
         and ($4::text[] is null or kind = any($4)) order by seq limit ${PAGE_ROWS}`,
      [after, rollout ?? null, from, kinds ?? null],
    );
    return rows.map((row) => storedEntry(rawRecord(row)));
  }

  async newest(kind: string, limit: number): Promise<readonly StoredEntry[]> {
    const rows = await this.rows(
      `select ${COLUMNS} from tidegate.records where kind = $1 order by seq desc limit $2`,
      [kind, limit],
    );
    return rows.map((row) => storedEntry(rawRecord(row)));
  }

  async head(): Promise<Head | undefined> {
    return await this.connected(headOf);
  }

  async hasSince(kind: string, after: number): Promise<boolean> {
    const rows = await this.rows(
      'select 1 from tidegate.records where kind = $1 and seq > $2 limit 1',
      [kind, after],
    );
    return rows.length > 0;
  }

  async snapshot<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    return await this.connected((client) =>
      inTransaction(client, 'isolation level repeatable read read only', async () =>
        read({ head: await headOf(client), records: () => allRecords(client) }),
      ),
    );
  }

  async close(): Promise<void> {
    const pool = await this.pool?.catch(() => undefined);
    this.pool = undefined;
    await pool?.end();
    await this.source.close();
  }

  private async prepareOn(client: pg.PoolClient): Promise<void> {
    if (!this.migrated) await migrate((sql, values) => client.query(sql, values?.slice()));
    this.migrated = true;
  }

  private async rows(sql: string, values: unknown[]): Promise<readonly Row[]> {
    return await this.connected(async (client) => (await client.query<Row>(sql, values)).rows);
  }

  private async connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // After an error nobody knows what state the connection is in.
      client.release(true);
      throw explained(error);
    }
  }

  private async connect(): Promise<pg.PoolClient> {
    try {
      this.pool ??= this.source.url().then(newPool);
      return await (await this.pool).connect();
    } catch (error) {
      // A database that was started anew may listen elsewhere.
      const pool = this.pool;
      this.pool = undefined;
      this.source.lost();
      await pool?.then((old) => old.end()).catch(() => undefined);
      throw explained(error);
    }
  }
}

function newPool(url: string): pg.Pool {
  const pool = new pg.Pool({ ...POOL, connectionString: url });
  // A connection that breaks while nobody uses it: the next use makes another one.
  pool.on('error', () => undefined);
  return pool;
}

async function inTransaction<T>(
  client: pg.PoolClient,
  mode: string,
  work: () => Promise<T>,
): Promise<T> {
  await client.query(`begin transaction ${mode}`);
  const result = await work();
  await client.query('commit');
  return result;
}

async function add(
  client: pg.PoolClient,
  wanted: readonly LedgerEntry[],
  recordedAt: string,
): Promise<{ added: number }> {
  // A worker that hangs in between, or whose machine is gone, must not keep the others out.
  await client.query("set local idle_in_transaction_session_timeout = '30s'");
  await client.query('select pg_advisory_xact_lock($1)', [APPEND_LOCK]);
  const { rows } = await client.query<Row>('select id from tidegate.records where id = any($1)', [
    wanted.map(({ id }) => id),
  ]);
  const known = new Set(rows.map((row) => row['id']));
  const fresh = wanted.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return { added: 0 };
  const records = chained(fresh, { head: await tip(client), recordedAt });
  await insert(client, records);
  return { added: records.length };
}

/**
 * Returns what the next record follows. Where somebody has put in records or removed the head, the
 * chain goes on beside that, and shows the break for ever.
 */
async function tip(client: pg.PoolClient): Promise<Head> {
  const head = (await headOf(client)) ?? GENESIS;
  const { rows } = await client.query<Row>('select max(seq) as seq from tidegate.records');
  return { seq: Math.max(head.seq, Number(rows[0]?.['seq'] ?? 0)), hash: head.hash };
}

async function insert(client: pg.PoolClient, records: readonly StoredEntry[]): Promise<void> {
  const column = (of: (record: StoredEntry) => string | number | null) => records.map(of);
  await client.query(
    `insert into tidegate.records (${COLUMNS}) select * from unnest($1::bigint[], $2::text[],
       $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
       $10::text[], $11::text[])`,
    [
      column(({ seq }) => seq),
      column(({ id }) => id),
      column(({ at }) => at),
      column((record) => record.recordedAt),
      column(({ rollout }) => rollout),
      column(({ kind }) => kind),
      column(({ subject }) => subject ?? null),
      column(({ actor }) => actor ?? null),
      column(({ body }) => canonicalJson(body)),
      column(({ prevHash }) => prevHash),
      column(({ hash }) => hash),
    ],
  );
  const last = records.at(-1);
  await client.query(
    'insert into tidegate.head (seq, hash) values ($1, $2) on conflict (one) do update set seq = excluded.seq, hash = excluded.hash',
    [last?.seq, last?.hash],
  );
}

async function headOf(client: pg.PoolClient): Promise<Head | undefined> {
  const { rows } = await client.query<Row>('select seq, hash from tidegate.head');
  const [row] = rows;
  return row && { seq: Number(row['seq']), hash: String(row['hash']) };
}

async function* allRecords(client: pg.PoolClient): AsyncIterable<RawRecord> {
  let after = '-9223372036854775808';
  for (;;) {
    const { rows } = await client.query<Row>(
      `select ${COLUMNS} from tidegate.records where seq > $1 order by seq limit ${PAGE_ROWS}`,
      [after],
    );
    for (const row of rows) yield rawRecord(row);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = String(last['seq']);
  }
}

type Row = Readonly<Record<string, unknown>>;

function rawRecord(row: Row): RawRecord {
  const text = (column: string) => String(row[column]);
  return {
    seq: Number(row['seq']),
    id: text('id'),
    at: text('at'),
    recordedAt: text('recorded_at'),
    rollout: text('rollout'),
    kind: text('kind'),
    ...(row['subject'] === null ? {} : { subject: text('subject') }),
    ...(row['actor'] === null ? {} : { actor: text('actor') }),
    body: text('body'),
    prevHash: text('prev_hash'),
    hash: text('hash'),
  };
}

function uniqueById(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  const first = new Map<string, LedgerEntry>();
  for (const entry of entries) if (!first.has(entry.id)) first.set(entry.id, entry);
  return [...first.values()];
}

/** Driver and server say little of where they are; nothing here holds the password. */
function explained(error: unknown): Error {
  if (error instanceof LedgerUnavailableError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === UNDEFINED_TABLE) {
    return new LedgerUnavailableError('there is no ledger in this database yet', { cause: error });
  }
  const said = [message, code].find((word) => typeof word === 'string' && word !== '');
  return new LedgerUnavailableError(`the ledger's database does not answer as it should: ${said}`, {
    cause: error,
  });
}
