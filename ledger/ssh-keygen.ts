/** Signs and checks with SSH keys, through ssh-keygen. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Namespace of the signatures: one for another purpose is worth nothing here. */
export const ANCHOR_NAMESPACE = 'tidegate-ledger';
const ARMOR = '-----BEGIN SSH SIGNATURE-----';
const TIMEOUT_MS = 10_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly said: string;
}

/** Returns the armored signature of a text; fails in words where the key can't sign by itself. */
export async function signText(text: string, keyFile: string): Promise<string> {
  const { code, stdout, said } = await sshKeygen(
    ['-Y', 'sign', '-n', ANCHOR_NAMESPACE, '-f', keyFile],
    text,
  );
  const signature = stdout.trim();
  if (code === 0 && signature.startsWith(ARMOR)) return `${signature}\n`;
  throw new Error(
    `ssh-keygen did not sign with ${keyFile}: ${said || 'it does not say why'}; a key with a passphrase has to be in ssh-agent`,
  );
}

/** Returns who has signed a text, by an allowed_signers file, or why that is not known. */
export async function signerOf(
  text: string,
  { signature, signersFile }: { readonly signature: string; readonly signersFile: string },
): Promise<{ readonly signer: string } | { readonly problem: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-anchor-'));
  try {
    const file = join(folder, 'signature');
    await writeFile(file, signature, { mode: 0o600 });
    const about = ['-f', signersFile, '-s', file];
    const found = await sshKeygen(['-Y', 'find-principals', ...about], '');
    const [signer] = found.stdout.split(/[\n,]/).filter((name) => name !== '');
    if (found.code !== 0 || !signer) {
      return { problem: `its key is not in ${signersFile} (${found.said || 'no principal'})` };
    }
    const checked = await sshKeygen(
      ['-Y', 'verify', '-n', ANCHOR_NAMESPACE, '-I', signer, ...about],
      text,
    );
    return checked.code === 0
      ? { signer }
      : { problem: `its signature is not over what it says (${checked.said})` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a session of its own, without a terminal: a passphrase is an error, and no question. */
function sshKeygen(args: readonly string[], input: string): Promise<Ended> {
  const { PATH, TZ, HOME, SSH_AUTH_SOCK } = process.env;
  const given = Object.entries({ PATH, TZ, HOME, SSH_AUTH_SOCK }).filter(([, value]) => value);
  const env = { ...Object.fromEntries(given), LC_ALL: 'C', SSH_ASKPASS_REQUIRE: 'never' };
  return new Promise((done, reject) => {
    const child = spawn('ssh-keygen', args, {
      ...{ env, detached: true, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('there is no ssh-keygen here') : error),
    );
    child.on('close', (code) => done({ code, stdout, said: sentence(code, stderr) }));
    // It may end before it has read everything; its exit code says so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function sentence(code: number | null, stderr: string): string {
  if (code === null) return 'it did not answer in time';
  return stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^@+|^Signing data on/.test(line))
    .join('; ');
}
