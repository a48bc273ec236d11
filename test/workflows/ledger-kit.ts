/** What tests of the ledger's entries share: an entry in a line, and what holds for all entries of a run. */
import assert from 'node:assert/strict';
import type { LedgerEntry } from '../../workflows/contract.ts';
import { isEntry, type KnownEntry } from '../../workflows/domain/report-entries.ts';

/** Returns entries as lines, e.g. "Vote before-canary sre-lead: Approve". */
export function storyOf(entries: readonly LedgerEntry[]): string[] {
  return known(entries).map((entry) => {
    const { kind, subject, actor } = entry;
    const about = [kind, subject, actor].filter((word) => word !== undefined).join(' ');
    return `${about}: ${gistOf(entry)}`;
  });
}

/** Every entry has the shape of its kind, and an id that no other has; times never go back. */
export function known(entries: readonly LedgerEntry[]): KnownEntry[] {
  const ids = entries.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)], 'nothing is handed over twice');
  const numbers = ids.map((id) => Number(id.split('/').at(-1)));
  const expected = numbers.map((_, index) => index + 1);
  assert.deepEqual(numbers, expected, 'nothing is missing, and the order is that of what happened');
  return entries.map((entry, index) => {
    assert.ok(isEntry(entry), JSON.stringify(entry));
    const before = entries[index - 1];
    assert.ok(!before || Date.parse(before.at) <= Date.parse(entry.at));
    return entry;
  });
}

function gistOf(entry: KnownEntry): string {
  switch (entry.kind) {
    case 'Requested':
      return Object.keys(entry.body).join(' ');
    case 'Planned':
      return `${entry.body.direction} ${entry.body.waves.map(({ name }) => name).join(' ')}`;
    case 'Phase':
      return entry.body.phase;
    case 'GateOpened':
      return `${entry.body.rules.quorum} needed`;
    case 'GateClosed':
      return `${entry.body.how} ${entry.body.approvedBy.join(' ')}`.trim();
    case 'Vote':
      return entry.body.decision;
    case 'VoteRefused':
      return entry.body.reason;
    case 'VoteVoid':
      return `${entry.body.by}, ${entry.body.why.replaceAll(/sha256:\w+/g, 'digest')}`;
    case 'Command':
      return `${entry.body.command} -> ${entry.body.answer}`;
    case 'Node':
      return `${entry.body.direction} ${entry.body.outcome} in ${entry.body.wave}`;
    case 'WaveEnded':
      return `${entry.body.direction} ${entry.body.state}`;
    case 'Outcome':
      return [entry.body.outcome, ...(entry.body.ended ? [entry.body.ended] : [])].join(' ');
    case 'Measured':
      return Object.keys(entry.body.readings).join(' ');
    case 'Verdict':
      return entry.body.verdict;
    case 'Step':
    case 'Validation':
      return entry.kind;
  }
}
