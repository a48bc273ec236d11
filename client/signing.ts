/** Signs votes with a person's own SSH key, through their own ssh-keygen and agent. */
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { VOTE_NAMESPACE } from '../workflows/domain/vote-statement.ts';
import { refused, TidegateError } from './errors.ts';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Returns the armored signature over a vote's statement. The key is a private key's file, or a
 * public key's where an agent or a security key holds the private one; a passphrase is asked for
 * on the terminal.
 */
export async function signStatement(statement: string, keyFile: string): Promise<string> {
  const key = keyPath(keyFile);
  const args = ['-Y', 'sign', '-n', VOTE_NAMESPACE, '-f', key];
  const { code, stdout, stderr } = await sshKeygen(args, statement);
  const signature = stdout.trim();
  if (code === 0 && signature.startsWith('-----BEGIN SSH SIGNATURE-----')) return `${signature}\n`;
  throw explain(key, stderr);
}

/** Shells expand "~" in arguments, but not in every place where a variable is set. */
function keyPath(keyFile: string): string {
  return keyFile.startsWith('~/') ? join(homedir(), keyFile.slice(2)) : resolve(keyFile);
}

/** ssh-keygen asks for passphrases on the terminal itself, past its standard streams. */
function sshKeygen(args: readonly string[], input: string): Promise<Ended> {
  return new Promise((done, reject) => {
    const child = spawn('ssh-keygen', args, { stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      // A security key waits for a touch: that is said at once.
      if (/user presence/i.test(text)) process.stderr.write(text);
    });
    child.on('error', (error: NodeJS.ErrnoException) => reject(explainStart(error)));
    child.on('close', (code) => done({ code, stdout, stderr }));
    // It may end before it has read everything; its exit code says so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function explainStart(error: NodeJS.ErrnoException): TidegateError {
  const what =
    error.code === 'ENOENT'
      ? 'There is no ssh-keygen on this machine. Install OpenSSH (on Debian: apt install openssh-client), or sign elsewhere: "tidegate vote-statement --help".'
      : `ssh-keygen could not be started: ${error.message}.`;
  return new TidegateError(what, { cause: error });
}

function explain(key: string, stderr: string): TidegateError {
  const said = stderr
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '' && !/^@+|^Signing data on/.test(line))
    .join('; ');
  if (/No such file or directory|Permission denied|Is a directory/.test(stderr)) {
    return refused(
      `There is no key to be read at ${key} (${said}). Name the file of your private key, or its .pub where ssh-agent holds the private one.`,
    );
  }
  if (/No private key found|agent/.test(stderr)) {
    return new TidegateError(
      `ssh-agent did not sign with ${key} (${said}). "ssh-add -l" lists the keys it holds, "ssh-add FILE" adds one.`,
    );
  }
  if (/passphrase/.test(stderr)) return refused(`The passphrase of ${key} was not right.`);
  return new TidegateError(
    `ssh-keygen did not sign with ${key}: ${said || 'it does not say why'}.`,
  );
}
