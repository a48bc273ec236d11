/** The table that the cases end with, in Markdown. */
import type { RolloutOutcomeKind } from '../../workflows/contract.ts';
import type { Verdict } from '../../workflows/domain/analysis-types.ts';

export interface CaseRow {
  readonly id: string;
  readonly shows: string;
  readonly run: number;
  /** Absent where the case came to no end of its own. */
  readonly outcome?: RolloutOutcomeKind;
  /** Why it ended so, in the rollout's own words. */
  readonly reasons?: readonly string[];
  readonly verdicts: readonly {
    readonly wave: string;
    readonly verdict: Verdict;
    readonly reason: string;
  }[];
  readonly seconds: number;
  /** What was not as it has to be. */
  readonly problems: readonly string[];
}

const header = ['case', 'runs', 'as it has to be', 'verdicts', 'ended as', 'seconds'];

/** Returns whether every run was as it has to be, and there was one. */
export function holds(rows: readonly CaseRow[]): boolean {
  return rows.length > 0 && rows.every(({ problems }) => problems.length === 0);
}

/** Returns a line for each case, its verdict in words, and what went wrong. */
export function evidenceReport(rows: readonly CaseRow[]): string {
  const cases = [...new Set(rows.map(({ id }) => id))].map((id) =>
    rows.filter((row) => row.id === id),
  );
  const lines = [header, header.map(() => '---'), ...cases.map(line)];
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const problems = rows.flatMap(({ id, run, problems: all }) =>
    all.map((problem) => `- ${id}, run ${run}: ${problem}`),
  );
  return [table, ...cases.map(words), ...(problems.length > 0 ? [problems.join('\n')] : [])].join(
    '\n\n',
  );
}

function line(rows: readonly CaseRow[]): readonly string[] {
  const good = rows.filter(({ problems }) => problems.length === 0).length;
  const verdicts = rows.flatMap((row) => row.verdicts.map(({ verdict }) => verdict));
  const seconds = rows.map((row) => row.seconds).sort((a, b) => a - b);
  return [
    rows[0]?.shows ?? '',
    `${rows.length}`,
    `${good} of ${rows.length}`,
    counted(verdicts),
    counted(rows.map(({ outcome }) => outcome ?? 'no end')),
    (seconds[Math.floor(seconds.length / 2)] ?? 0).toFixed(0),
  ];
}

/** What the first run of a case was told, in the rollout's own words. */
function words(rows: readonly CaseRow[]): string {
  const [first] = rows;
  const told = (first?.verdicts ?? []).map(
    ({ wave, verdict, reason }) => `${wave}: ${verdict}, ${reason}`,
  );
  const ends = (first?.reasons ?? []).map((reason) => `${first?.outcome}: ${reason}`);
  const quoted = [...told, ...ends].map((text) => `> ${text.replace(/\s+/g, ' ')}`);
  return [`${first?.id}:`, '', quoted.join('\n>\n') || '> nothing was judged'].join('\n');
}

/** E.g. "Pass (60)", or "Pass (59), Fail (1)". */
function counted(all: readonly string[]): string {
  const names = [...new Set(all)];
  const count = (name: string) => all.filter((one) => one === name).length;
  return names.map((name) => `${name} (${count(name)})`).join(', ') || 'none';
}
