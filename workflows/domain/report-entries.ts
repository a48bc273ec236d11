/** Reads entries of the ledger: which belong to which run of a rollout, and which are whole. */
import type { EntryOf, LedgerBodies, LedgerEntry, LedgerKind } from '../ledger-contract.ts';

/** Where an entry stands in the chain; absent where it was never written. */
interface Place {
  readonly seq?: number;
  readonly hash?: string;
}

/** An entry as the ledger or its export has it. */
export type ReportEntry = LedgerEntry & Place;

/** The same once its body is known to be what its kind needs. */
export type KnownEntry = { [K in LedgerKind]: EntryOf<K> & Place }[LedgerKind];
type KnownOf<K extends LedgerKind> = Extract<KnownEntry, { readonly kind: K }>;

/** Everything that the ledger holds of one run of a rollout, oldest first. */
export interface LedgerRun {
  readonly rollout: string;
  /** Empty where no entry names it. */
  readonly run: string;
  /** RFC 3339, of its first entry. */
  readonly startedAt: string;
  readonly entries: readonly KnownEntry[];
}

type Shape = 'string' | 'number' | 'object' | 'array';

/** Fields without which an entry of a kind says nothing. */
const FIELDS: Readonly<Record<LedgerKind, Readonly<Record<string, Shape>>>> = {
  Requested: { run: 'string' },
  Planned: {
    ...{ digest: 'string', direction: 'string', requestedBy: 'string', reason: 'string' },
    ...{ bundle: 'object', policy: 'string', strategy: 'object', waves: 'array' },
    ...{ alreadyDone: 'array', excluded: 'array', warnings: 'array', owners: 'array' },
  },
  Phase: { phase: 'string' },
  GateOpened: { id: 'string', digest: 'string', evidence: 'array', rules: 'object' },
  GateClosed: { id: 'string', how: 'string', approvedBy: 'array' },
  Vote: { by: 'string', at: 'string', decision: 'string' },
  VoteRefused: { by: 'string', reason: 'string' },
  VoteVoid: { by: 'string', digest: 'string', why: 'string' },
  Command: { command: 'string', answer: 'string' },
  Measured: { cluster: 'string', at: 'string', readings: 'object' },
  Verdict: { wave: 'string', verdict: 'string', comparison: 'object', indicators: 'array' },
  Step: { activity: 'string', attempt: 'number', ended: 'string', commands: 'array' },
  Node: {
    ...{ cluster: 'string', node: 'string', outcome: 'string', wave: 'string' },
    ...{ direction: 'string', reasons: 'array', packages: 'array', durationMs: 'number' },
    ...{ podsEvicted: 'array', jobPodsLost: 'array', phasesMs: 'object' },
  },
  WaveEnded: { wave: 'string', state: 'string', notStarted: 'array' },
  Outcome: { outcome: 'string', reasons: 'array', startedAt: 'string', finishedAt: 'string' },
  Validation: { name: 'string', bundle: 'string', verdict: 'string', findings: 'array' },
};

/** Tells whether a value, such as a line of an export, is an entry whose body has what its kind needs. */
export function isEntry(value: unknown): value is KnownEntry {
  if (!isRecord(value)) return false;
  const { id, at, rollout, kind, body } = value;
  if (![id, at, rollout, kind].every((field) => typeof field === 'string')) return false;
  if (!isRecord(body) || Number.isNaN(Date.parse(String(at)))) return false;
  const fields = Object.hasOwn(FIELDS, String(kind)) ? FIELDS[kind as LedgerKind] : undefined;
  if (!fields) return false;
  return Object.entries(fields).every(([name, shape]) => has(body[name], shape));
}

function has(value: unknown, shape: Shape): boolean {
  if (shape === 'array') return Array.isArray(value);
  return shape === 'object' ? isRecord(value) : typeof value === shape;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Returns the entries of one kind with their bodies. */
export function ofKind<K extends LedgerKind>(
  entries: readonly KnownEntry[],
  kind: K,
): readonly KnownOf<K>[] {
  return entries.filter((entry): entry is KnownOf<K> => entry.kind === kind);
}

/** Returns the body of the last entry of a kind, or undefined where there is none. */
export function lastOf<K extends LedgerKind>(
  entries: readonly KnownEntry[],
  kind: K,
): LedgerBodies[K] | undefined {
  return ofKind(entries, kind).at(-1)?.body as LedgerBodies[K] | undefined;
}

/** Returns every run of every rollout, oldest first; entries that are not whole are left out. */
export function runsOf(entries: readonly ReportEntry[]): LedgerRun[] {
  const byRollout = new Map<string, KnownEntry[]>();
  for (const entry of inOrder(entries.filter(isEntry))) {
    const known = byRollout.get(entry.rollout);
    if (known) known.push(entry);
    else byRollout.set(entry.rollout, [entry]);
  }
  return [...byRollout]
    .flatMap(([rollout, own]) => splitRuns(rollout, own))
    .sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
}

/** By when it happened; what was written late, after the database was down, comes where it belongs. */
function inOrder(entries: readonly KnownEntry[]): KnownEntry[] {
  return [...entries].sort(
    (a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.seq ?? 0) - (b.seq ?? 0),
  );
}

/** Two runs of one name never overlap: what names no run is of the one that had begun last. */
function splitRuns(rollout: string, entries: readonly KnownEntry[]): LedgerRun[] {
  const runs: { run: string; startedAt: string; entries: KnownEntry[] }[] = [];
  const early: KnownEntry[] = [];
  for (const entry of entries) {
    const run = runNamedBy(entry);
    const known = runs.find((candidate) => run !== undefined && candidate.run === run);
    if (known) known.entries.push(entry);
    else if (run !== undefined) runs.push({ run, startedAt: entry.at, entries: [entry] });
    else (runs.at(-1)?.entries ?? early).push(entry);
  }
  const [first] = runs;
  if (first) first.entries.unshift(...early);
  else if (early[0]) runs.push({ run: '', startedAt: early[0].at, entries: early });
  return runs.map((run) => ({ rollout, ...run }));
}

function runNamedBy(entry: KnownEntry): string | undefined {
  if (entry.kind === 'Requested') return entry.body.run;
  const prefix = `rollout/${entry.rollout}/`;
  if (!entry.id.startsWith(prefix)) return undefined;
  return /^([^/]+)\/\d+(?:\/\d+)?$/.exec(entry.id.slice(prefix.length))?.[1];
}
