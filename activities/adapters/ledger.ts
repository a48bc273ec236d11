/** The ledger as activities know it: entries go to its workflow, and from there to its database. */
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { anchorIsDue, keepAnchor, lastAnchor, signAnchor } from '../../ledger/anchors.ts';
import { keptEntry } from '../../ledger/entry.ts';
import type { AnchorSettings } from '../../ledger/settings.ts';
import type { Ledger } from '../../ledger/store.ts';
import {
  ENTRIES_SIGNAL,
  LEDGER_WORKFLOW,
  type LedgerBodies,
  type LedgerEntry,
  ledgerWorkflowId,
  TASK_QUEUE,
} from '../../workflows/contract.ts';
import type { ValidationSummary } from '../../workflows/domain/analysis-types.ts';
import { inBatches, SIGNAL_LIMITS } from '../../workflows/domain/ledger-intake.ts';
import type { Clock } from '../context.ts';
import type { LedgerPort, Log } from '../deps.ts';

/** For one signal, the client's own retries included. */
const DEADLINE_MS = 10_000;
/** Validations are rare: so many reach back for years. */
const MAX_VALIDATIONS = 500;

/** Returns the port over a ledger and the worker's own connection to Temporal. */
export function ledgerPort(
  connection: NativeConnection,
  settings: {
    readonly namespace: string;
    readonly ledger: Ledger;
    readonly anchors: AnchorSettings;
    readonly clock: Clock;
    readonly log: Log;
  },
): LedgerPort {
  const { namespace, ledger, anchors, clock, log } = settings;
  const client = new Client({ connection, namespace });
  const now = () => new Date(clock.now()).toISOString();
  return {
    submit: async (rollout, entries) => {
      // Without secrets already: what is signalled stands in a history.
      for (const batch of inBatches(entries.map(keptEntry), SIGNAL_LIMITS)) {
        await client.withDeadline(Date.now() + DEADLINE_MS, () => signal(client, rollout, batch));
      }
    },
    append: (entries) => ledger.append(entries, now()),
    anchor: async () => {
      const { keyFile, file } = anchors;
      const head = keyFile ? await dueHead(ledger, file, clock.now()) : undefined;
      if (!keyFile || !head) return;
      await keepAnchor(await signAnchor(head, { at: now(), keyFile }), file);
      log.info({ seq: head.seq, file }, 'the head of the ledger is signed');
    },
    validationsOf: async (bundleDigest) => {
      await ledger.prepare();
      const records = await ledger.newest('Validation', MAX_VALIDATIONS);
      return records
        .map(({ body }) => body as LedgerBodies['Validation'])
        .filter((validation) => validation.bundleDigest === bundleDigest)
        .map(summaryOf);
    },
  };
}

async function signal(
  client: Client,
  rollout: string,
  entries: readonly LedgerEntry[],
): Promise<void> {
  await client.workflow.signalWithStart(LEDGER_WORKFLOW, {
    workflowId: ledgerWorkflowId(rollout),
    taskQueue: TASK_QUEUE,
    args: [{ rollout }],
    signal: ENTRIES_SIGNAL,
    signalArgs: [{ entries }],
    staticSummary: `Records of ${rollout}`,
  });
}

async function dueHead(ledger: Ledger, file: string, nowMs: number) {
  const head = await ledger.head();
  if (!head) return undefined;
  const last = await lastAnchor(file);
  const rolloutEnded = await ledger.hasSince('Outcome', last?.seq ?? 0);
  return anchorIsDue(head, { last, nowMs, rolloutEnded }) ? head : undefined;
}

function summaryOf({ judgements: _, ...summary }: LedgerBodies['Validation']): ValidationSummary {
  return summary;
}
