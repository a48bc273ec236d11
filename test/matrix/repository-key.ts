/** Signs a copy of the lab's repository with a key that has expired, for tests of what apt says then. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../lab/run.ts';

const LONG_AGO = '20200101T000000';

/** Leaves `expired.gpg`, the key of the signature, and `other.gpg`, a key that signed nothing. */
export async function signedBy(repository: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'tg-gpg-'));
  const gpg = [
    'gpg',
    '--homedir',
    home,
    '--batch',
    '--quiet',
    '--yes',
    '--pinentry-mode',
    'loopback',
  ];
  const makeKey = async (user: string, ...options: string[]) => {
    const key = ['--quick-gen-key', user, 'ed25519', 'sign'];
    await run([
      ...gpg,
      ...options,
      '--passphrase',
      '',
      ...key,
      options.length > 0 ? '1d' : 'never',
    ]);
  };
  const suite = join(repository, 'dists/lab');
  try {
    const past = ['--faked-system-time', LONG_AGO];
    await makeKey('expired@tidegate.invalid', ...past);
    await makeKey('other@tidegate.invalid');
    const sign = [...gpg, ...past, '--local-user', 'expired@tidegate.invalid'];
    const release = join(suite, 'Release');
    await run([...sign, '--clearsign', '--output', join(suite, 'InRelease'), release]);
    await run([...sign, '--armor', '--detach-sign', '--output', `${release}.gpg`, release]);
    for (const name of ['expired', 'other']) {
      const output = ['--output', join(repository, `${name}.gpg`)];
      await run([...gpg, ...output, '--export', `${name}@tidegate.invalid`]);
    }
  } finally {
    await run(['gpgconf', '--homedir', home, '--kill', 'all']);
    await rm(home, { recursive: true, force: true });
  }
}
