/** The table that a run of faults ends with. */
import { alignedTable, type Look, type Row } from '../../client/render/look.ts';
import type { Disturbance } from '../../lab/observation.ts';
import type { Told } from './invariant.ts';

export interface CaseRow {
  readonly fault: string;
  readonly does: string;
  /** When it struck, or that the moment was missed. */
  readonly moment: string;
  readonly node: string;
  readonly outcome: Told;
  readonly reason: string;
  readonly seconds: number;
  /** What preparing the fleet and judging it took beside that. */
  readonly aroundSeconds: number;
  /** How often the rollout's version was installed on the node. */
  readonly installs: number;
  /** Absent where the case came to no end of its own. */
  readonly harm: Disturbance | undefined;
  /** How often the API server was away, so that something may not have been seen. */
  readonly gaps: number;
  readonly violations: readonly string[];
}

const header = [
  'FAULT',
  'MOMENT',
  'NODE',
  'OUTCOME',
  'SECONDS',
  'INSTALLS',
  'EVICTED',
  'JOB PODS LOST',
  'CRON MISSED',
  'HTTP FAILED',
  'INVARIANT',
];

/** Returns whether a fault struck in its moment: only then its row shows anything. */
export function struck(row: CaseRow): boolean {
  return !row.moment.startsWith('MISSED');
}

/** Returns the table, the reasons of outcomes that have some, and the sum. */
export function chaosReport(rows: readonly CaseRow[], seed: number, look: Look): string {
  const told = rows
    .filter(({ reason, violations }) => reason !== '' || violations.length > 0)
    .map(({ fault, reason, violations }) => {
      const lines = [
        ...(reason === '' ? [] : [reason.split('\n')[0] ?? '']),
        ...violations.map(loud),
      ];
      return `${fault}: ${lines.map((line) => line.slice(0, 400)).join('\n  ')}`;
    });
  return [alignedTable(header, rows.map(cells), look), ...told, sumOf(rows, seed)].join('\n\n');
}

function loud(violation: string): string {
  return `VIOLATION ${violation}`;
}

function cells(row: CaseRow): Row {
  const { harm } = row;
  const count = (items: readonly unknown[] | undefined) =>
    items ? String(items.length) : 'unseen';
  return [
    row.fault,
    struck(row) ? row.moment : 'MISSED',
    row.node,
    row.outcome,
    row.seconds.toFixed(1),
    String(row.installs),
    count(harm?.evicted),
    count(harm?.jobPodsLost),
    harm ? `${harm.cron.missed.length} of ${harm.cron.scheduled}` : 'unseen',
    harm ? `${harm.http.failed} of ${harm.http.sent}` : 'unseen',
    passed(row) ? 'ok' : `${row.violations.length} VIOLATED`,
  ];
}

/** Returns whether nothing of what must hold was violated. */
export function passed(row: CaseRow): boolean {
  return row.violations.length === 0;
}

/** Says how many points were struck and how they ended, and how to see the same again. */
export function sumOf(rows: readonly CaseRow[], seed: number): string {
  const good = rows.filter((row) => struck(row) && passed(row)).length;
  const bad = rows.filter((row) => !passed(row)).length;
  const missed = rows.length - good - bad;
  const violations = rows.flatMap((row) => row.violations).length;
  const moments = missed === 0 ? '' : `, ${missed} moments missed`;
  const spent = rows.reduce((sum, row) => sum + row.seconds + row.aroundSeconds, 0);
  const inMinutes = `${(spent / 60).toFixed(1)} minutes`;
  return `${good} passed, ${bad} failed${moments}; ${violations} violations; ${inMinutes}; seed ${seed}`;
}

/** Tells whether a run shows what it is for: all passed, and next to none of the moments were missed. */
export function holds(rows: readonly CaseRow[]): boolean {
  const missed = rows.filter((row) => !struck(row)).length;
  return rows.every(passed) && missed <= Math.max(1, rows.length / 20);
}
