/** Reads OpenSSH known_hosts files: which keys a host may show, which never. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** One line of a known_hosts file. */
export interface KnownHost {
  readonly marker?: string;
  readonly patterns: readonly string[];
  readonly keyType: string;
  readonly key: Buffer;
}

/** What a known_hosts file says of a key that a host showed. */
export type Verdict = 'Pinned' | 'Revoked' | 'OtherKey' | 'NoneForHost';

/** Parses a known_hosts file; lines that are no entry are returned by number, never skipped silently. */
export function parseKnownHosts(text: string): {
  readonly entries: readonly KnownHost[];
  readonly badLines: readonly number[];
} {
  const entries: KnownHost[] = [];
  const badLines: number[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [hosts, keyType, base64] = fields;
    const key = Buffer.from(base64 ?? '', 'base64');
    if (!hosts || !keyType || key.length === 0 || keyTypeOf(key) !== keyType) {
      badLines.push(index + 1);
      continue;
    }
    entries.push({ ...(marker && { marker }), patterns: hosts.split(','), keyType, key });
  }
  return { entries, badLines };
}

/** Returns the key type that a public key blob names itself. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

/** Returns the entries for a host; port 22 is written plainly, others as "[host]:port". */
export function entriesFor(entries: readonly KnownHost[], host: string, port: number) {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  return entries.filter((entry) => matches(entry.patterns, name));
}

/** Decides about a key; entries marked @cert-authority pin no host key and are left out. */
export function judgeKey(entries: readonly KnownHost[], key: Buffer): Verdict {
  const same = entries.filter((entry) => entry.key.equals(key));
  if (same.some((entry) => entry.marker === '@revoked')) return 'Revoked';
  if (same.some((entry) => entry.marker === undefined)) return 'Pinned';
  return entries.some((entry) => entry.marker === undefined) ? 'OtherKey' : 'NoneForHost';
}

/** Returns a key's fingerprint as ssh-keygen prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function matches(patterns: readonly string[], name: string): boolean {
  let found = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (globMatches(pattern.slice(1), name)) return false;
    } else if (
      pattern.startsWith('|1|') ? hashMatches(pattern, name) : globMatches(pattern, name)
    ) {
      found = true;
    }
  }
  return found;
}

/** Hashed entries are "|1|salt|HMAC-SHA1(salt, name)", both in base64. */
function hashMatches(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split('|');
  if (!salt || !hash) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function globMatches(pattern: string, name: string): boolean {
  const expression = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(name);
}
