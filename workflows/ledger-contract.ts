/** What is kept for good of a rollout: entries of the ledger, and the workflow that writes them. */

export const LEDGER_WORKFLOW = 'ledgerWorkflow';
/** One a rollout; it lives as long as there is something to write. */
export const ledgerWorkflowId = (rollout: string) => `ledger/${rollout}`;
/** Signal of the ledger's workflow: {"entries": LedgerEntry[]}. */
export const ENTRIES_SIGNAL = 'entries';

export const LEDGER_KINDS = [
  /** The request as it was given. */
  'Requested',
  /** The plan with its digest. */
  'Planned',
  'Phase',
  'GateOpened',
  'GateClosed',
  'Vote',
  'VoteRefused',
  'VoteVoid',
  /** What a person told the rollout to do. */
  'Command',
  /** One round of measurements. */
  'Measured',
  'Verdict',
  /** One attempt of a step on a node, with the commands that ran on its host. */
  'Step',
  /** What became of a node. */
  'Node',
  'WaveEnded',
  /** What became of the rollout. */
  'Outcome',
  'Validation',
] as const;
export type LedgerKind = (typeof LEDGER_KINDS)[number];

/** One record before it is chained. Secrets are redacted before it is written. */
export interface LedgerEntry {
  /** Unique and the same after a repeat, e.g. "rollout/x/<run>/12" or "node/c/n/<run>/5/1". */
  readonly id: string;
  /** RFC 3339, of when it happened. */
  readonly at: string;
  readonly rollout: string;
  readonly kind: LedgerKind;
  /** What it is about: "cluster/node", a wave, a gate; absent for the rollout itself. */
  readonly subject?: string;
  /** Who did it; absent where that was Tidegate. */
  readonly actor?: string;
  /** JSON-safe; its shape goes by the kind, see LedgerBodies. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A command that ran on a host: what, how it ended, and proof of what it printed. */
export interface CommandRecord {
  /** As it was run, redacted; scripts are named by their first line and digest. */
  readonly command: string;
  /** Absent where a signal or a lost connection ended it. */
  readonly exitCode?: number;
  readonly durationMs: number;
  /** sha256 of stdout and stderr as they were read, and their size. */
  readonly outputSha256: string;
  readonly outputBytes: number;
}
