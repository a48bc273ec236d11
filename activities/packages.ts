/** Activities that bring packages to a node, and take them away again. */
import type { NodeActivities } from '../workflows/contract.ts';
import type { PlannedPackage } from '../workflows/domain/plan-types.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { fail } from './failure.ts';
import { fieldsOf, type HostRecord, runRecords } from './records.ts';
import { STAGE_SCRIPT, UNSTAGE_SCRIPT } from './scripts/apt.ts';

const STAGE_TIMEOUT_MS = 10 * 60_000;

/** Returns the activities `stage` and `unstage`. */
export function packageActivities(deps: ActivityDeps): Pick<NodeActivities, 'stage' | 'unstage'> {
  return {
    /**
     * *Effect*: the packages of both directions are files in /var/cache/tidegate on the node.
     * *Idempotent because*: files are named by their sha256, and one that is right is kept.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: DiskFull, PackageUnavailable, DigestMismatch, HostCommandFailed, Host….
     */
    async stage(input) {
      const notes = await withHeartbeats(
        deps.context(),
        () => ({ phase: 'Staging' }),
        () => withHost(deps, input, (host) => stageOn(host, input.node, input.packages)),
      );
      return { notes };
    },

    /**
     * *Effect*: staged files whose version is not the installed one are gone.
     * *Idempotent because*: what is gone stays gone.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: HostCommandFailed, Host….
     */
    async unstage(input) {
      const args = input.packages.flatMap(({ name, from, to }) => [
        ...[name, from.version, from.sha256],
        ...[name, to.version, to.sha256],
      ]);
      await withHeartbeats(
        deps.context(),
        () => ({ phase: 'Unstaging' }),
        () =>
          withHost(deps, input, (host) =>
            runRecords(host, input.node, {
              what: 'removing staged packages',
              script: UNSTAGE_SCRIPT,
              args,
            }),
          ),
      );
    },
  };
}

/** Stages both directions of packages on a host and returns notes; fails with what its sources said. */
export async function stageOn(
  host: HostAdapter,
  node: string,
  packages: readonly PlannedPackage[],
): Promise<readonly string[]> {
  const args = packages.flatMap(({ name, from, to }) => [
    ...['from', name, from.version, from.sha256],
    ...['to', name, to.version, to.sha256],
  ]);
  const records = await runRecords(host, node, {
    what: 'staging packages',
    script: STAGE_SCRIPT,
    args,
    options: { timeoutMs: STAGE_TIMEOUT_MS },
  });
  const update = records.find((record) => record.kind === 'updateFailed')?.fields[0];
  judgeStaging(records, node, packages, update);
  return notesOf(records);
}

function notesOf(records: readonly HostRecord[]): readonly string[] {
  const automatic = fieldsOf(records, 'automatic').map(
    ([what]) =>
      `${what} is enabled on the node and may change the same packages; it keeps off those on hold`,
  );
  const pruned = fieldsOf(records, 'pruned').map(
    ([what]) => `removed from /var/cache/tidegate, unused for 30 days: ${what}`,
  );
  return [...automatic, ...pruned];
}

function judgeStaging(
  records: readonly HostRecord[],
  node: string,
  packages: readonly PlannedPackage[],
  updateFailed: string | undefined,
): void {
  for (const { kind, fields } of records) {
    const [name = '', version = '', detail = ''] = fields;
    switch (kind) {
      case 'mismatch':
        fail('DigestMismatch', mismatchMessage({ node, name, version, found: detail, packages }));
        break;
      case 'noSpace':
        fail(
          'DiskFull',
          `${node}: /var/cache has ${name} MiB left, ${version} are needed. Free space there; nothing was changed.`,
        );
        break;
      case 'untrusted':
        if (records.some((record) => record.kind === 'unavailable')) {
          fail('PackageUnavailable', untrustedMessage(node, name));
        }
        break;
      case 'unavailable':
        // With unreadable sources nothing is known of what they offer: a retry may help.
        if (updateFailed !== undefined) {
          fail(
            'HostCommandFailed',
            `${node}: apt-get update failed: ${updateFailed || 'no reason'}`,
          );
        }
        fail(
          'PackageUnavailable',
          `${node}: its package sources do not offer ${name} ${version}; they offer: ${detail.trim() || 'nothing'}. Publish the package, or correct the bundle.`,
        );
        break;
      case 'fetchFailed':
        fail('HostCommandFailed', `${node}: ${name} ${version} could not be fetched: ${detail}`);
        break;
      case 'unsolvable':
        fail(
          'PackageUnavailable',
          `${node}: apt cannot install the bundle's packages by themselves: ${name.trim()}`,
        );
        break;
      case 'surprise':
        fail(
          'PackageUnavailable',
          `${node}: installing the bundle would also ${name === 'Remv' ? 'remove' : 'change'} ${version}, which the bundle does not list. Add it to the bundle.`,
        );
        break;
      default:
    }
  }
}

/** Returns the message of sources whose signature the node cannot check. */
export function untrustedMessage(node: string, said: string): string {
  return `${node}: a package source is not signed by a key that the node trusts: ${said.trim()}. Put the repository's present key into the keyring on the node.`;
}

/** Returns the message of a package whose digest is not the bundle's. */
export function mismatchMessage(input: {
  readonly node: string;
  readonly name: string;
  readonly version: string;
  readonly found: string;
  readonly packages: readonly PlannedPackage[];
}): string {
  const { node, name, version, found, packages } = input;
  const wanted = packages
    .filter((entry) => entry.name === name)
    .flatMap((entry) => [entry.from, entry.to])
    .find((entry) => entry.version === version)?.sha256;
  return `${node}: ${name} ${version} has sha256 ${found}, the bundle says ${wanted}. Do not install it; find out who changed the package or the bundle.`;
}
