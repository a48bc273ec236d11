/** What is kept for good of a rollout: entries of the ledger, and the workflow that writes them. */
import type { NodeOutcome, RolloutOutcome, RolloutPhase } from './contract.ts';
import type { RecordedJudgement, Round, ValidationSummary } from './domain/analysis-types.ts';
import type { ExcludedNode, Plan, PlanResult } from './domain/plan-types.ts';
import type { GateStatus, RecordedVote, RefusedVote } from './people-contract.ts';

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
  /** JSON-safe; its shape goes by the kind: LedgerBodies[kind]. */
  readonly body: object;
}

/** An entry of one kind with its body. */
export interface EntryOf<K extends LedgerKind> extends LedgerEntry {
  readonly kind: K;
  readonly body: LedgerBodies[K];
}

/** What each kind of entry says. */
export interface LedgerBodies {
  readonly Requested: { readonly request: unknown; readonly run: string };
  readonly Planned: PlannedBody;
  readonly Phase: { readonly phase: RolloutPhase; readonly waitingFor: string };
  readonly GateOpened: Pick<GateStatus, 'id' | 'digest' | 'evidence' | 'rules' | 'expiresAt'>;
  readonly GateClosed: {
    readonly id: string;
    readonly how: 'Passed' | 'Rejected' | 'Expired' | 'Interrupted' | 'Woken';
    readonly reason?: string;
    readonly approvedBy: readonly string[];
  };
  readonly Vote: RecordedVote;
  readonly VoteRefused: RefusedVote;
  readonly VoteVoid: {
    readonly by: string;
    readonly digest: string;
    readonly gate?: string;
    readonly why: string;
  };
  readonly Command: {
    /** Name of the message, e.g. "pause", "stop", "skipNode", "jobs". */
    readonly command: string;
    readonly reason?: string;
    readonly via?: string;
    /** What else was said, such as the mode of a stop, the node or the freeze. */
    readonly details?: Readonly<Record<string, string>>;
    /** What the rollout answered; "refused: ..." where it did not take it. */
    readonly answer: string;
  };
  readonly Measured: Round;
  readonly Verdict: RecordedJudgement;
  readonly Step: StepBody;
  readonly Node: NodeOutcome & { readonly wave: string; readonly direction: Plan['direction'] };
  readonly WaveEnded: {
    readonly wave: string;
    readonly direction: Plan['direction'];
    readonly state: string;
    readonly reason?: string;
    readonly notStarted: readonly string[];
  };
  /** Where there are several of one run, the last one counts: reasons came up after its end, such as a review. */
  readonly Outcome: Omit<RolloutOutcome, 'nodes' | 'rolledBack'> & {
    /** Set where the workflow returned nothing: it failed, such as without a plan, or was cancelled. */
    readonly ended?: 'Failed' | 'Cancelled';
  };
  readonly Validation: ValidationSummary & { readonly judgements: readonly RecordedJudgement[] };
}

export interface PlannedBody {
  readonly digest: string;
  /** What an approval has to name; absent where that is the plan's digest. */
  readonly approve?: string;
  readonly direction: Plan['direction'];
  readonly requestedBy: string;
  readonly reason: string;
  readonly urgent?: { readonly reason: string };
  readonly bundle: Plan['bundle'];
  readonly policy: string;
  readonly strategy: Plan['strategy'];
  readonly waves: readonly {
    readonly name: string;
    readonly canary: boolean;
    readonly cluster: string;
    readonly soakSeconds: number;
    readonly nodes: readonly string[];
  }[];
  readonly alreadyDone: readonly ExcludedNode[];
  readonly excluded: readonly ExcludedNode[];
  readonly warnings: readonly string[];
  readonly owners: NonNullable<PlanResult['owners']>;
  readonly validations: readonly ValidationSummary[];
}

export interface StepBody {
  readonly activity: string;
  readonly workflowId: string;
  readonly attempt: number;
  readonly ended: 'Completed' | 'Failed' | 'Cancelled';
  readonly failureType?: string;
  readonly message?: string;
  readonly durationMs: number;
  /** Identity of the worker. */
  readonly worker: string;
  readonly commands: readonly CommandRecord[];
  /** Calls of the Kubernetes API that changed something, e.g. "evict default/web-1". */
  readonly changes: readonly string[];
  /** Commands and changes that are not listed, since there were too many; absent where all are. */
  readonly leftOut?: number;
}

/** A command that ran on a host: what, how it ended, and proof of what it printed. */
export interface CommandRecord {
  /** The node on whose host it ran; absent where that is not known. */
  readonly node?: string;
  /** As it was run, redacted; scripts are named by their first line and digest. */
  readonly command: string;
  /** Absent where a signal or a lost connection ended it. */
  readonly exitCode?: number;
  readonly durationMs: number;
  /** sha256 of stdout and stderr as they were read, and their size. */
  readonly outputSha256: string;
  readonly outputBytes: number;
  /** How often it ran in a row with the same result, the last time as long as said; absent for once. */
  readonly times?: number;
}
