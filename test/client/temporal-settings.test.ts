/** What Temporal's own variables and configuration file say reaches the client and the worker. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { temporalSettings } from '../../client/temporal-settings.ts';
import { readConfig } from '../../worker/config.ts';

let folder = '';
const file = (name: string) => join(folder, name);
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-settings-'));
  for (const name of ['ca', 'crt', 'key']) await writeFile(file(name), `the ${name}`);
  await writeFile(
    file('temporal.toml'),
    '[profile.prod]\naddress = "prod:7233"\nnamespace = "prod"\napi_key = "of the file"\n',
  );
});
after(() => rm(folder, { recursive: true, force: true }));

const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString();
const MTLS = () => ({
  TEMPORAL_CONFIG_FILE: file('none.toml'),
  TEMPORAL_ADDRESS: 'temporal.example:7233',
  TEMPORAL_NAMESPACE: 'rollouts',
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca'),
  TEMPORAL_TLS_CLIENT_CERT_PATH: file('crt'),
  TEMPORAL_TLS_CLIENT_KEY_PATH: file('key'),
  TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
});

/** The same settings as the client gets them, and as the worker does. */
async function both(env: Record<string, string>) {
  const { connectionOptions, namespace } = temporalSettings(env, env['TEMPORAL_PROFILE']);
  const worker = await readConfig({ ...env, TIDEGATE_CLUSTERS: 'east' });
  return [
    { ...connectionOptions, namespace },
    { ...worker.connection, namespace: worker.namespace },
  ];
}

describe('settings of the connection to Temporal', () => {
  it('take certificates from files, for client and worker alike', async () => {
    for (const { address, namespace, tls } of await both(MTLS())) {
      assert.deepEqual([address, namespace], ['temporal.example:7233', 'rollouts']);
      assert.ok(typeof tls === 'object' && tls !== null);
      assert.equal(tls.serverNameOverride, 'temporal.internal');
      assert.equal(text(tls.serverRootCACertificate), 'the ca');
      assert.equal(text(tls.clientCertPair?.crt), 'the crt');
      assert.equal(text(tls.clientCertPair?.key), 'the key');
    }
  });

  it('take certificates from variables', async () => {
    const env = { TEMPORAL_TLS_CLIENT_CERT_DATA: 'a crt', TEMPORAL_TLS_CLIENT_KEY_DATA: 'a key' };
    for (const { tls } of await both({ TEMPORAL_CONFIG_FILE: file('none.toml'), ...env })) {
      assert.ok(typeof tls === 'object' && tls !== null);
      assert.equal(text(tls.clientCertPair?.crt), 'a crt');
      assert.equal(text(tls.clientCertPair?.key), 'a key');
    }
  });

  it('take an API key, which turns TLS on, and headers', async () => {
    const env = { TEMPORAL_API_KEY: 'secret', TEMPORAL_GRPC_META_TEAM: 'platform' };
    for (const given of await both({ TEMPORAL_CONFIG_FILE: file('none.toml'), ...env })) {
      assert.equal(given.apiKey, 'secret');
      assert.equal(given.tls, true);
      assert.deepEqual(given.metadata, { team: 'platform' });
    }
  });

  it('come from a profile, and variables come before it', async () => {
    const env = { TEMPORAL_CONFIG_FILE: file('temporal.toml'), TEMPORAL_PROFILE: 'prod' };
    for (const given of await both({ ...env, TEMPORAL_NAMESPACE: 'other' })) {
      assert.deepEqual([given.address, given.namespace], ['prod:7233', 'other']);
      assert.equal(given.apiKey, 'of the file');
    }
    assert.throws(() => temporalSettings(env, 'staging'), /Profile 'staging' not found/);
  });

  it('refuse half of a pair, which the SDK would leave out in silence', async () => {
    for (const name of ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH'] as const) {
      const { [name]: _, ...rest } = MTLS();
      await assert.rejects(
        both(rest),
        /there is a client (certificate|key) without its (key|cert)/,
      );
    }
  });

  it('name a file that is not there', () => {
    const env = { ...MTLS(), TEMPORAL_TLS_CLIENT_KEY_PATH: file('gone') };
    assert.throws(() => temporalSettings(env), /ENOENT.*gone/);
  });
});
