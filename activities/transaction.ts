/** Activities that change a node's packages: each a transient systemd unit, found again by name. */
import { createHash } from 'node:crypto';
import type { NodeActivities, NodeRef } from '../workflows/contract.ts';
import type { PlannedPackage } from '../workflows/domain/plan-types.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { fail } from './failure.ts';
import { mismatchMessage, stageOn } from './packages.ts';
import { fieldsOf, type HostRecord, parseRecord, runRecords } from './records.ts';
import { TRANSACTION_SCRIPT } from './scripts/transaction.ts';

/** Just below the start-to-close timeout of CHANGE_OPTIONS in workflows/contract.ts (15 min). */
const FOLLOW_TIMEOUT_MS = 14 * 60_000;

type ChangeInput = NodeRef & {
  readonly packages: readonly PlannedPackage[];
  readonly transaction: string;
};
type Direction = 'apply' | 'revert';

/** Returns the activities `apply` and `revert`. */
export function transactionActivities(
  deps: ActivityDeps,
): Pick<NodeActivities, 'apply' | 'revert'> {
  return {
    /**
     * *Effect*: the `to` versions are installed and their daemons run them.
     * *Idempotent because*: the unit's name comes from the transaction; a later attempt follows
     * the same unit or reads its result, and never starts a second one.
     * *Heartbeats*: { phase } every 2 s and when the unit reports another one.
     * *Fails with*: ApplyFailed, DigestMismatch, PackageUnavailable, DpkgBusy, Host….
     */
    async apply(input) {
      await changing(deps, async (onPhase) => {
        await withHost(deps, input, async (host) => {
          judge(await runTransaction(host, input, 'apply', onPhase), input, 'apply');
        });
      });
      return {};
    },

    /**
     * *Effect*: the `from` versions are installed and their daemons run them; both units are gone.
     * *Idempotent because*: it waits for units that run, and does nothing where `from` runs.
     * *Heartbeats*: { phase } every 2 s and when the unit reports another one.
     * *Fails with*: HostCommandFailed (the installation as well, so that it is tried again),
     * DigestMismatch, PackageUnavailable, DpkgBusy, Host….
     */
    async revert(input) {
      await changing(deps, async (onPhase) => {
        await withHost(deps, input, async (host) => {
          let records = await runTransaction(host, input, 'revert', onPhase);
          const lost = records.some(({ kind }) => kind === 'missing' || kind === 'mismatch');
          if (lost) {
            await stageOn(host, input.node, backward(input.packages));
            records = await runTransaction(host, input, 'revert', onPhase);
          }
          judge(records, input, 'revert');
        });
      });
    },
  };
}

/** Returns a unit's name: readable, safe, and different for different transactions. */
export function unitName(transaction: string, direction: Direction): string {
  const hash = createHash('sha256').update(transaction).digest('hex').slice(0, 8);
  const readable = transaction.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 100);
  return `tidegate-tx-${readable}-${hash}-${direction}`;
}

/** Only the way back is needed: staged as both directions, it asks apt for nothing else. */
function backward(packages: readonly PlannedPackage[]): readonly PlannedPackage[] {
  return packages.map((entry) => ({ ...entry, to: entry.from }));
}

async function changing(
  deps: ActivityDeps,
  work: (onPhase: (phase: string) => void) => Promise<void>,
): Promise<void> {
  let phase = 'Connecting';
  const context = deps.context();
  const onPhase = (now: string) => {
    if (now === phase) return;
    phase = now;
    context.heartbeat({ phase });
  };
  await withHeartbeats(
    context,
    () => ({ phase }),
    () => work(onPhase),
  );
}

async function runTransaction(
  host: HostAdapter,
  input: ChangeInput,
  direction: Direction,
  onPhase: (phase: string) => void,
): Promise<readonly HostRecord[]> {
  const { transaction, packages, node } = input;
  const before = direction === 'revert' ? unitName(transaction, 'apply') : '-';
  const mode = direction === 'revert' ? 'again' : 'once';
  const wanted = packages.flatMap((entry) => {
    const version = direction === 'revert' ? entry.from : entry.to;
    return [
      ...[entry.name, version.version, version.sha256],
      ...[entry.daemon ?? '-', entry.daemon ? version.daemonVersion : '-'],
    ];
  });
  return await runRecords(host, node, {
    what: `following the ${direction} of ${packages.map((entry) => entry.name).join(', ')}`,
    script: TRANSACTION_SCRIPT,
    args: [unitName(transaction, direction), before, mode, ...wanted],
    options: {
      timeoutMs: FOLLOW_TIMEOUT_MS,
      onLine: (line) => {
        const { kind, fields } = parseRecord(line);
        if (kind === 'phase') onPhase(fields[0] ?? '');
      },
    },
  });
}

/** Turns what the node reported into success or a failure. */
function judge(records: readonly HostRecord[], input: ChangeInput, direction: Direction): void {
  const { node, packages, transaction } = input;
  for (const { kind, fields } of records) {
    const [first = '', second = '', third = ''] = fields;
    if (kind === 'held') {
      fail(
        'ApplyFailed',
        `${node}: ${first} is held. Nothing was changed; "apt-mark unhold ${first}" releases it.`,
      );
    }
    if (kind === 'missing') {
      fail('PackageUnavailable', `${node}: ${first} ${second} is not staged (any more).`);
    }
    if (kind === 'mismatch') {
      const found = { node, name: first, version: second, found: third, packages };
      fail('DigestMismatch', mismatchMessage(found));
    }
    if (kind === 'notStarted') {
      fail('HostCommandFailed', `${node}: systemd did not start the transaction: ${first.trim()}`);
    }
  }
  if (fieldsOf(records, 'already').length > 0) return;
  const [code = '', result = ''] = fieldsOf(records, 'finished')[0] ?? [];
  if (result === 'success') return;
  const log = fieldsOf(records, 'log').map((fields) => fields.join('\t'));
  const tail = log.join('\n').slice(-2000) || 'no output';
  if (code === '75') {
    fail('DpkgBusy', `${node}: another process holds the dpkg lock: ${tail}`);
  }
  const unit = unitName(transaction, direction);
  if (!result) {
    fail('HostCommandFailed', `${node}: unit ${unit} vanished before its result was read.`);
  }
  const what = code === '76' ? 'the daemon did not start' : `${result}, exit code ${code}`;
  // An undo is retried until the policy's deadline: each attempt starts the failed unit anew.
  const type = direction === 'apply' ? 'ApplyFailed' : 'HostCommandFailed';
  fail(type, `${node}: ${direction} failed (${what}; unit ${unit}): ${tail}`);
}
