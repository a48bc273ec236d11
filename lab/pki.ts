import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { paths, stateDir } from './paths.ts';
import { run } from './run.ts';
import { host, nodes } from './settings.ts';

const config = `
[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
`;

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-sha256'];

/** Returns the path of a certificate of the lab's own authority. */
export function certificate(name: string): string {
  return join(paths.pki, `${name}.crt`);
}

/** Returns the path of a key. */
export function key(name: string): string {
  return join(paths.pki, `${name}.key`);
}

/** Makes the cluster's certificates with openssl, all at once or not at all. */
export async function ensurePki(): Promise<void> {
  if (await exists(paths.pki)) return;
  await mkdir(stateDir, { recursive: true });
  const work = await mkdtemp(join(stateDir, '.pki-'));
  await writeFile(join(work, 'openssl.cnf'), config);
  const request = ['openssl', 'req', '-config', 'openssl.cnf', '-x509', '-days', '3650', ...curve];
  const files = (name: string) => ['-out', `${name}.crt`, '-keyout', `${name}.key`];
  const options = { cwd: work };
  await run(
    [...request, '-extensions', 'ca', '-subj', '/CN=tidegate-lab', ...files('ca')],
    options,
  );
  const issue = async (name: string, profile: string, subject: string, alt?: string) => {
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-extensions', profile];
    const names = alt === undefined ? [] : ['-addext', `subjectAltName=${alt}`];
    await run([...request, ...signed, '-subj', subject, ...names, ...files(name)], options);
  };
  const loopback = 'DNS:localhost,IP:127.0.0.1';
  const service = `DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc`;
  const addresses = `IP:${host.address},IP:${host.serviceAddress}`;
  await Promise.all([
    issue('apiserver', 'server', '/CN=kube-apiserver', `${loopback},${service},${addresses}`),
    issue('apiserver-kubelet-client', 'client', '/O=system:masters/CN=apiserver-kubelet-client'),
    issue('admin', 'client', '/O=system:masters/CN=admin'),
    issue('controller-manager', 'client', '/CN=system:kube-controller-manager'),
    issue('scheduler', 'client', '/CN=system:kube-scheduler'),
    ...nodes.flatMap(({ name, address }) => [
      issue(name, 'client', `/O=system:nodes/CN=system:node:${name}`),
      issue(`${name}-serving`, 'server', `/CN=${name}`, `DNS:${name},IP:${address}`),
    ]),
    run(['openssl', 'genrsa', '-out', 'service-account.key', '2048'], options),
  ]);
  await rename(work, paths.pki);
  await rm(join(paths.pki, 'openssl.cnf'));
}
