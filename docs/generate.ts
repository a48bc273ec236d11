/**
 * Writes the parts of these pages that come from the code, between their markers. Run it with
 * `node docs/generate.ts`; test/domain/docs.test.ts fails while a page is not current.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { catalogueRows } from '../test/chaos/catalogue.ts';
import { FAULTS } from '../test/chaos/faults.ts';
import { allPlaces, type Left, SAID } from '../test/workflows/control-cases.ts';
import { NODE_PHASES, type NodePhase } from '../workflows/contract.ts';
import { FAILURE_TYPES, FAILURES } from '../workflows/domain/failures.ts';
import { isFailedNode } from '../workflows/domain/lifecycle.ts';

type End = '[*]';

/** Which phase follows which, and when; the steps are those of workflows/node.ts. */
export const PHASE_EDGES: readonly (readonly [NodePhase | End, NodePhase | End, string])[] = [
  ['[*]', 'Pending', ''],
  ['Pending', 'Inspecting', 'the budget has room'],
  ['Pending', 'Skipped', 'another rollout works on it'],
  ['Inspecting', 'Leasing', 'as planned'],
  ['Inspecting', 'AlreadyDone', 'runs the wanted versions'],
  ['Inspecting', 'Skipped', 'not as planned, or not readable'],
  ['Inspecting', 'NeedsAttention', 'a terminated run left it half-way'],
  ['Leasing', 'Staging', ''],
  ['Leasing', 'Verifying', 'updated by a terminated run'],
  ['Staging', 'Cordoning', 'Restart, Drain, Reboot'],
  ['Staging', 'Applying', 'None'],
  ['Cordoning', 'Draining', 'Drain, Reboot'],
  ['Cordoning', 'Applying', 'Restart'],
  ['Draining', 'Applying', ''],
  ['Draining', 'NeedsAttention', 'blocked, and the policy says Quarantine'],
  ['Applying', 'Verifying', 'None, Restart, Drain'],
  ['Applying', 'Draining', 'Reboot: pods that came meanwhile'],
  ['Draining', 'Rebooting', 'Reboot, once packages are changed'],
  ['Rebooting', 'Verifying', ''],
  ['Verifying', 'Uncordoning', 'Restart, Drain, Reboot'],
  ['Verifying', 'Releasing', 'None'],
  ['Uncordoning', 'Releasing', ''],
  ['Releasing', 'Updated', ''],
  ['Leasing', 'Skipped', 'the Node object is gone'],
  ['Staging', 'Skipped', 'the Node object is gone'],
  ['Cordoning', 'Skipped', 'the Node object is gone'],
  ['Draining', 'Skipped', 'the Node object is gone'],
  ['Leasing', 'Unwinding', 'failed or cancelled'],
  ['Staging', 'Unwinding', 'failed or cancelled'],
  ['Cordoning', 'Unwinding', 'failed or cancelled'],
  ['Draining', 'Unwinding', 'failed or cancelled'],
  ['Applying', 'Unwinding', 'failed or cancelled'],
  ['Rebooting', 'Unwinding', 'failed or cancelled'],
  ['Rebooting', 'NeedsAttention', 'not back in time'],
  ['Verifying', 'Unwinding', 'failed or cancelled'],
  ['Unwinding', 'Skipped', 'never leased, no probe runs, not as planned, or blocked and skipped'],
  [
    'Unwinding',
    'Deferred',
    'Jobs outlasted their time, or its window has closed: its turn comes later',
  ],
  ['Unwinding', 'RolledBack', 'all undone and verified'],
  ['Unwinding', 'NeedsAttention', 'an undo failed'],
  ['Uncordoning', 'NeedsAttention', 'failed'],
  ['Releasing', 'NeedsAttention', 'failed'],
];

/** Returns the phases that a node ends in: those that nothing follows. */
export function finalPhases(): NodePhase[] {
  return NODE_PHASES.filter((phase) => !PHASE_EDGES.some(([from]) => from === phase));
}

/** Returns the state diagram of a node, in Mermaid. */
export function phaseDiagram(): string {
  const ends = finalPhases().map((phase) => [phase, '[*]', ''] as const);
  const lines = [...PHASE_EDGES, ...ends].map(
    ([from, to, when]) => `  ${from} --> ${to}${when === '' ? '' : `: ${when}`}`,
  );
  const failed = NODE_PHASES.filter(isFailedNode).join(',');
  return [
    '```mermaid',
    'stateDiagram-v2',
    ...lines,
    '  classDef failed stroke:#c00,stroke-width:2px',
    `  class ${failed} failed`,
    '```',
  ].join('\n');
}

/** Returns the table of all failure types. */
export function failureTable(): string {
  const rows = FAILURE_TYPES.map((type) => {
    const { retryable, meaning, action } = FAILURES[type];
    return [`\`${type}\``, retryable ? 'yes' : 'no', meaning, action];
  });
  return table(['type', 'retried', 'meaning', 'what to do'], rows);
}

/** Returns the table of the faults that `make chaos` strikes. */
export function faultTable(): string {
  const head = ['fault', 'what is rolled out', 'in', 'what happens', 'healed', 'how it may end'];
  return table(head, catalogueRows(FAULTS));
}

/** Returns the table of what a stop in each mode, and a rollback, leave behind. */
export function controlTable(): string {
  const heads = { Now: '--now', AfterNode: '--after-node', AfterWave: '--after-wave' };
  const said = SAID.map((word) => (word === 'Rollback' ? '`rollback`' : `\`stop ${heads[word]}\``));
  const rows = allPlaces().map(({ where, left }) => [
    where,
    ...SAID.map((word) => leftInWords(left[word])),
  ]);
  return table(['where the rollout is', ...said], rows);
}

function leftInWords({ outcome, updated }: Left): string {
  return `\`${outcome}\`: ${updated.length === 0 ? 'none' : updated.join(', ')}`;
}

/** Pads columns the way the formatter does, so that a page stays as it was written. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** The generated part of each page. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'control.md': controlTable,
  'failures.md': failureTable,
  'faults.md': faultTable,
  'node-lifecycle.md': phaseDiagram,
};

const BEGIN = '<!-- generated by docs/generate.ts -->';
const END = '<!-- end of the generated part -->';

/** Returns a page with its generated part renewed; throws where the markers are missing. */
export function renewed(page: string, content: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`needs ${BEGIN} and ${END}`);
  return `${before}${BEGIN}\n\n${content}\n\n${END}${after}`;
}

if (import.meta.main) {
  for (const [name, content] of Object.entries(GENERATED)) {
    const file = fileURLToPath(new URL(name, import.meta.url));
    await writeFile(file, renewed(await readFile(file, 'utf8'), content()));
    process.stdout.write(`${name} is current\n`);
  }
}
