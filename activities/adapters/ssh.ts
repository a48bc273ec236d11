/** Hosts over SSH: pinned host keys only, one connection an activity, output with a limit. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Client, type ServerHostKeyAlgorithm } from 'ssh2';
import type { SshAccess } from '../../workflows/domain/spec.ts';
import { loggedCommand } from '../command-log.ts';
import { fail, failure, messageOf } from '../failure.ts';
import type { HostAdapter, HostTarget } from './host-adapter.ts';
import {
  entriesFor,
  fingerprint,
  judgeKey,
  type KnownHost,
  parseKnownHosts,
} from './known-hosts.ts';
import { commandLine } from './quote.ts';
import { execOn, forwardOn, where } from './ssh-channel.ts';

const READY_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 5_000;

/** Returns the adapter of one host; connects at the first command. */
export function sshHost(ssh: SshAccess, target: HostTarget): HostAdapter {
  let connecting: Promise<Client> | undefined;
  const connected = () => {
    connecting ??= connect(ssh, target);
    return connecting;
  };
  const exec: HostAdapter['exec'] = async (argv, options = {}) => {
    target.signal.throwIfAborted();
    const client = await connected();
    const line = commandLine(ssh.sudo ? ['sudo', '-n', ...argv] : argv);
    const command = { node: target.node, line, stdin: options.stdin };
    const result = await loggedCommand(command, () => execOn(client, line, options, target));
    if (ssh.sudo && result.code === 1 && /^sudo: .*password/m.test(result.stderr)) {
      fail(
        'HostAuthRefused',
        `${where(target)}: sudo asks for a password. Allow "${ssh.user}" to run commands without one, or connect as root.`,
      );
    }
    return result;
  };
  return {
    exec,
    run: (script, args, options) =>
      exec(['sh', '-s', '--', ...args], { ...options, stdin: script }),
    connect: async (port) => {
      target.signal.throwIfAborted();
      return await forwardOn(await connected(), port, target);
    },
    close: () => {
      connecting?.then(
        (client) => client.destroy(),
        () => undefined, // The command that wanted the connection has reported why there is none.
      );
    },
  };
}

async function connect(ssh: SshAccess, target: HostTarget): Promise<Client> {
  const [pinned, privateKey] = await Promise.all([readPinned(ssh, target), readKey(ssh)]);
  const client = new Client();
  let refused: Error | undefined;
  const onAbort = () => client.destroy();
  target.signal.addEventListener('abort', onAbort, { once: true });
  client.once('close', () => target.signal.removeEventListener('abort', onAbort));
  return await new Promise<Client>((ready, reject) => {
    // One handler for the client's whole life: ssh2 emits errors late, and unheard ones end the process.
    client.on('error', (error: Error & { level?: string }) =>
      reject(target.signal.reason ?? refused ?? connectFailure(error, ssh, target)),
    );
    client.once('close', () =>
      reject(target.signal.reason ?? refused ?? connectFailure(new Error('closed'), ssh, target)),
    );
    client.once('ready', () => ready(client));
    client.connect({
      host: target.address,
      port: ssh.port,
      username: ssh.user,
      privateKey,
      readyTimeout: READY_TIMEOUT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: pinnedFirst(pinned) },
      hostVerifier: (key: Buffer) => {
        refused = judge(pinned, key, ssh, target);
        return refused === undefined;
      },
    });
    // Commands are short exchanges; waiting to fill packets costs each 80 ms.
    client.setNoDelay(true);
  });
}

async function readPinned(ssh: SshAccess, target: HostTarget): Promise<readonly KnownHost[]> {
  const file = resolve(ssh.knownHostsFile);
  const text = await readFile(file, 'utf8').catch((error: unknown) =>
    fail(
      'HostKeyMismatch',
      `${where(target)}: the known_hosts file cannot be read: ${messageOf(error)}. Correct the Fleet's ssh.knownHostsFile.`,
    ),
  );
  const { entries } = parseKnownHosts(text);
  const found = new Set([
    ...entriesFor(entries, target.address, ssh.port),
    ...entriesFor(entries, target.node, ssh.port),
  ]);
  return [...found];
}

async function readKey(ssh: SshAccess): Promise<Buffer> {
  return await readFile(resolve(ssh.privateKeyFile)).catch((error: unknown) =>
    fail(
      'HostAuthRefused',
      `The SSH key cannot be read: ${messageOf(error)}. Correct the Fleet's ssh.privateKeyFile.`,
    ),
  );
}

/** Asks for pinned key types first, so that a host with several keys shows one that can be checked. */
function pinnedFirst(pinned: readonly KnownHost[]): ServerHostKeyAlgorithm[] {
  const all: ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  const types = new Set(pinned.map((entry) => entry.keyType));
  const isPinned = (name: string) => types.has(name.startsWith('rsa-sha2') ? 'ssh-rsa' : name);
  return [...all.filter(isPinned), ...all.filter((name) => !isPinned(name))];
}

function judge(
  pinned: readonly KnownHost[],
  key: Buffer,
  ssh: SshAccess,
  target: HostTarget,
): Error | undefined {
  const verdict = judgeKey(pinned, key);
  if (verdict === 'Pinned') return undefined;
  const why = {
    Revoked: 'is marked @revoked',
    OtherKey: 'is not the one that is pinned',
    NoneForHost: 'is not pinned: no key is pinned for this host',
  }[verdict];
  return failure(
    'HostKeyMismatch',
    `${where(target)}: the host's key ${fingerprint(key)} ${why} in ${ssh.knownHostsFile}. Find out why; then pin the right key there.`,
  );
}

function connectFailure(
  error: Error & { level?: string },
  ssh: SshAccess,
  target: HostTarget,
): Error {
  if (error.level === 'client-authentication') {
    return failure(
      'HostAuthRefused',
      `${where(target)}: the host refused user "${ssh.user}" with key ${ssh.privateKeyFile}. Correct the Fleet's ssh settings or the host's authorized_keys.`,
    );
  }
  return failure(
    'HostUnreachable',
    `${where(target)}: no SSH connection to port ${ssh.port}: ${messageOf(error)}. Look at the host, its sshd and the network.`,
  );
}
