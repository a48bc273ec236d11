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
     * the same unit or reads its result, and never starts a second one; none of another run's is
     * at work when it begins, and what that one installed is there already.
     * *Heartbeats*: { phase } every 2 s and when the unit reports another one.
     * *Fails with*: ApplyFailed, PackageHeld, DigestMismatch, PackageUnavailable, DpkgBusy, Host….
     */
    async apply(input) {
      return await changing(deps, (onPhase) =>
        withHost(deps, input, async (host) => {
          const records = await runTransaction(host, input, 'apply', onPhase);
          judge(records, input, 'apply');
          return { notes: notesOf(records) };
        }),
      );
    },

    /**
     * *Effect*: the `from` versions are installed and their daemons run them; both units are gone.
     * *Idempotent because*: it waits for units that run, and does nothing where `from` runs.
     * *Heartbeats*: { phase } every 2 s and when the unit reports another one.
     * *Fails with*: HostCommandFailed (the installation as well, so that it is tried again),
     * ApplyFailed (a third version is installed), PackageHeld, DigestMismatch, PackageUnavailable,
     * DpkgBusy, Host….
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

async function changing<T>(
  deps: ActivityDeps,
  work: (onPhase: (phase: string) => void) => Promise<T>,
): Promise<T> {
  let phase = 'Connecting';
  const context = deps.context();
  const onPhase = (now: string) => {
    if (now === phase) return;
    phase = now;
    context.heartbeat({ phase });
  };
  return await withHeartbeats(
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
    const [version, other] =
      direction === 'revert' ? [entry.from, entry.to] : [entry.to, entry.from];
    return [
      ...[entry.name, version.version, version.sha256],
      ...[entry.daemon ?? '-', entry.daemon ? version.daemonVersion : '-'],
      ...[other.version, entry.onHold === 'Rehold' ? 'rehold' : '-'],
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

/** Returns what was met on the way, in words. */
function notesOf(records: readonly HostRecord[]): readonly string[] {
  const kept = fieldsOf(records, 'kept').map(
    ([name, path]) =>
      `${name}: ${path} was changed locally and is kept; the package's own is ${path}.dpkg-dist`,
  );
  return [...fieldsOf(records, 'note').map((fields) => fields.join(' ')), ...kept];
}

/** Turns what the node reported into success or a failure. */
function judge(records: readonly HostRecord[], input: ChangeInput, direction: Direction): void {
  for (const record of records) judgeBeginning(record, input);
  if (fieldsOf(records, 'already').length === 0) judgeEnd(records, input, direction);
  const unheld = fieldsOf(records, 'unheld')[0]?.[0]?.trim();
  if (unheld) {
    fail(
      'DpkgBusy',
      `${input.node}: ${unheld} could not be put on hold again; "apt-mark hold ${unheld}" does it by hand.`,
    );
  }
}

/** Fails where nothing was begun, with the reason; nothing was changed then. */
function judgeBeginning({ kind, fields }: HostRecord, input: ChangeInput): void {
  const { node, packages } = input;
  const [first = '', second = '', third = ''] = fields;
  if (kind === 'drift') {
    const planned = packages.find((entry) => entry.name === first);
    fail(
      'ApplyFailed',
      `${node}: ${first} is ${second}, neither ${planned?.from.version} nor ${planned?.to.version}: something else has changed it. Nothing was installed over it; /var/log/apt/history.log on the node tells what did. Plan again.`,
    );
  }
  if (kind === 'held') {
    fail(
      'PackageHeld',
      `${node}: ${first} is on hold. Nothing was changed; "apt-mark unhold ${first}" takes the hold off, and onHold: Rehold in the bundle changes held packages.`,
    );
  }
  if (kind === 'missing') {
    fail('PackageUnavailable', `${node}: ${first} ${second} is not staged (any more).`);
  }
  if (kind === 'mismatch') {
    const found = { node, name: first, version: second, found: third, packages };
    fail('DigestMismatch', mismatchMessage(found));
  }
  if (kind === 'occupied') {
    fail(
      'DpkgBusy',
      `${node}: still waiting for ${first} of another run. Nothing was begun beside it; "systemctl status" of it on the node tells what it does.`,
    );
  }
  if (kind === 'notStarted') {
    fail('HostCommandFailed', `${node}: systemd did not start the transaction: ${first.trim()}`);
  }
}

function judgeEnd(records: readonly HostRecord[], input: ChangeInput, direction: Direction): void {
  const { node, transaction } = input;
  const [code = '', result = ''] = fieldsOf(records, 'finished')[0] ?? [];
  if (result === 'success') return;
  const waiting = fieldsOf(records, 'busy')[0]?.[0];
  if (waiting !== undefined) {
    fail(
      'DpkgBusy',
      `${node}: still ${waiting || "waiting for dpkg's lock"}. Nothing was changed; wait for that process, or end it on the node.`,
    );
  }
  const log = fieldsOf(records, 'log').map((fields) => fields.join('\t'));
  const tail = log.join('\n').slice(-2000) || 'no output';
  const unit = unitName(transaction, direction);
  if (!result) {
    fail('HostCommandFailed', `${node}: unit ${unit} vanished before its result was read.`);
  }
  const what = code === '76' ? 'the daemon did not start' : `${result}, exit code ${code}`;
  // An undo is retried until the policy's deadline: each attempt starts the failed unit anew.
  const type = direction === 'apply' ? 'ApplyFailed' : 'HostCommandFailed';
  fail(type, `${node}: ${direction} failed (${what}; unit ${unit}): ${tail}`);
}
