import { readFile, rename, writeFile } from 'node:fs/promises';
import { certificate, key } from './pki.ts';
import { cluster, host } from './settings.ts';

const server = `https://${host.address}:${host.apiserverPort}`;

/** Who a kubeconfig speaks for: the holder of a certificate of the lab's, or of a token. */
export type Identity = { readonly certificateOf: string } | { readonly token: string };

/** Writes a kubeconfig whose only context is the cluster's; JSON, which YAML readers take as well. */
export async function writeKubeconfig(path: string, user: string, who: Identity): Promise<void> {
  const data = async (file: string) => (await readFile(file)).toString('base64');
  const credentials =
    'token' in who
      ? { token: who.token }
      : {
          'client-certificate-data': await data(certificate(who.certificateOf)),
          'client-key-data': await data(key(who.certificateOf)),
        };
  const ca = await data(certificate('ca'));
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: cluster, context: { cluster, user } }],
    'current-context': cluster,
  };
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
