/** What a node's own package sources offer. */
import type { OfferedPackage } from '../workflows/domain/inventory.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import { fail } from './failure.ts';
import { untrustedMessage } from './packages.ts';
import { fieldsOf, type HostRecord, runRecords } from './records.ts';
import { OFFERS_SCRIPT } from './scripts/apt.ts';

const OFFERS_TIMEOUT_MS = 3 * 60_000;

/** Reads a node's sources into lists of their own and returns every version of the packages. */
export async function readOffers(
  host: HostAdapter,
  node: string,
  packages: readonly string[],
): Promise<readonly OfferedPackage[]> {
  const records = await runRecords(host, node, {
    what: 'reading package sources',
    script: OFFERS_SCRIPT,
    args: packages,
    options: { timeoutMs: OFFERS_TIMEOUT_MS },
  });
  const offers = parseOffers(records);
  const untrusted = fieldsOf(records, 'untrusted')[0]?.[0];
  if (untrusted !== undefined && offers.length === 0) {
    fail('PackageUnavailable', untrustedMessage(node, untrusted));
  }
  const failed = fieldsOf(records, 'updateFailed')[0]?.[0];
  if (failed !== undefined && offers.length === 0) {
    fail('HostCommandFailed', `${node}: apt-get update failed: ${failed}`);
  }
  return offers;
}

/** Returns the packages in the records; what is only installed has no digest and is not offered. */
export function parseOffers(records: readonly HostRecord[]): readonly OfferedPackage[] {
  const offers: OfferedPackage[] = [];
  let stanza: Record<string, string> = {};
  for (const { kind, fields } of [...records, { kind: '-', fields: [] }]) {
    if (kind !== '-') {
      stanza = { ...stanza, [kind]: fields[0] ?? '' };
      continue;
    }
    const { Package: name, Version: version, SHA256: sha256 } = stanza;
    if (name && version && sha256) offers.push({ name, version, sha256 });
    stanza = {};
  }
  return offers;
}
