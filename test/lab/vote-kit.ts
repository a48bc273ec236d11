/** People with keys of their own and an allowed_signers file, made by the real ssh-keygen. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { run } from '../../lab/run.ts';
import { policySchema } from '../../workflows/domain/spec.ts';

/** By name, what stands before the key in allowed_signers; a name after "=" lists another's key. */
const SIGNERS = [
  'ada',
  'eve namespaces="tidegate-vote"',
  '"Grace Hopper"=grace',
  'Zoë=zoe',
  'old valid-before="20200101Z"',
  'soon valid-after="20990101Z"',
  'committer namespaces="git"',
  'slack-bridge',
  'other-bridge',
  'twice,twice@example.com',
  'again',
  '"again, of the night"=again',
  'both',
  'BOTH=both',
  'coder',
  'coder@example.com namespaces="git"=coder',
  '*@guests.example=guest',
  '*=anyone',
  '!mallory,m*=wild',
  '*@certified.example cert-authority=authority',
];
const KEYS = [
  ...['ada', 'eve', 'grace', 'zoe', 'old', 'soon', 'committer', 'slack-bridge', 'other-bridge'],
  ...[
    'twice',
    'again',
    'both',
    'coder',
    'guest',
    'anyone',
    'wild',
    'stranger',
    'authority',
    'certified',
  ],
];

/** Where keys and allowed_signers are, in a folder that lasts as long as the file's tests. */
export function signersFolder(): { readonly path: () => string; keyFile(name: string): string } {
  let folder = '';
  const keyFile = (name: string) => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-votes-'));
    await Promise.all(KEYS.map((name) => makeKey(keyFile(name))));
    const lines = SIGNERS.map(async (signer) => {
      const [, field = '', key = field.split(/[ ,]/)[0]] = /^(.*?)(?:=(\w+))?$/.exec(signer) ?? [];
      const [type, base64] = (await readFile(`${keyFile(key ?? '')}.pub`, 'utf8')).split(' ');
      return `${field} ${type} ${base64}`;
    });
    const text = ['# who votes', 'not a line of signers', ...(await Promise.all(lines)), ''];
    await writeFile(keyFile('allowed_signers'), text.join('\n'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  return { path: () => folder, keyFile };
}

async function makeKey(file: string): Promise<void> {
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file]);
}

/** Returns a policy's rules for signed votes that differ from the usual ones as given. */
export function approvalOf(change: object = {}) {
  const approval = { identity: 'Attested', signersFile: 'allowed_signers', ...change };
  const spec = { approval: { bridges: ['slack-bridge'], ...approval } };
  const metadata = { name: 'standard' };
  const document = { apiVersion: 'tidegate.dev/v1alpha1', kind: 'Policy', metadata, spec };
  return policySchema.parse(document).spec.approval;
}

/** Runs with another PATH, and with a folder of its own for temporary files. */
export async function amid<T>(path: string, work: (temporary: string) => Promise<T>): Promise<T> {
  const { PATH, TMPDIR } = process.env;
  const temporary = await mkdtemp(join(tmpdir(), 'tidegate-amid-'));
  Object.assign(process.env, { PATH: path, TMPDIR: temporary });
  try {
    return await work(temporary);
  } finally {
    process.env['PATH'] = PATH;
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    await rm(temporary, { recursive: true });
  }
}
