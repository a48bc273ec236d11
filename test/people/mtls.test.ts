/** Client and worker show their certificate to a Temporal that asks for one: here a proxy before the lab's, which itself knows no TLS. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { certificate, key } from '../../lab/pki.ts';
import { attempt } from '../../lab/run.ts';
import { host } from '../../lab/settings.ts';
import { startWorker, stopWorker, useLabTemporal } from '../../lab/worker.ts';

/** Names of the certificates that were shown, one a connection. */
const shown: string[] = [];
let proxy: Server;
let settings: Record<string, string>;

before(async () => {
  await useLabTemporal();
  proxy = createServer(
    {
      cert: await readFile(certificate('apiserver')),
      key: await readFile(key('apiserver')),
      ca: await readFile(certificate('ca')),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    },
    (client) => {
      shown.push(String(client.getPeerCertificate().subject.CN));
      const temporal = connect(host.temporalPort, '127.0.0.1');
      client.pipe(temporal).pipe(client);
      for (const [one, other] of [[client, temporal] as const, [temporal, client] as const]) {
        one.on('error', () => other.destroy());
      }
    },
  );
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  settings = {
    TEMPORAL_ADDRESS: `localhost:${(proxy.address() as AddressInfo).port}`,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificate('ca'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: certificate('scheduler'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: key('scheduler'),
  };
});
after(async () => {
  await stopWorker();
  await new Promise((closed) => proxy.close(closed));
});

/** Runs `tidegate status` with these settings besides the lab's. */
const status = (env: Record<string, string>) => attempt(['bin/tidegate', 'status'], { env });

describe('a Temporal that asks for a client certificate', () => {
  it('is shown that of the command line', async () => {
    const { code, stderr } = await status(settings);
    assert.equal(code, 0, stderr);
    assert.deepEqual(shown.splice(0), ['system:kube-scheduler']);
  });

  it('is shown that of the worker, which works through it', async () => {
    await startWorker({ env: settings });
    assert.ok(shown.length > 0);
    assert.deepEqual([...new Set(shown.splice(0))], ['system:kube-scheduler']);
    const { code, stdout, stderr } = await attempt(['bin/tidegate', 'inventory', 'lab'], {
      env: settings,
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /east-5/);
    await stopWorker();
    shown.splice(0);
  });

  it('refuses a client without one, which says where it tried', async () => {
    const { TEMPORAL_ADDRESS = '', TEMPORAL_TLS_SERVER_CA_CERT_PATH = '' } = settings;
    const { code, stderr } = await status({ TEMPORAL_ADDRESS, TEMPORAL_TLS_SERVER_CA_CERT_PATH });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error: Temporal does not answer at ${TEMPORAL_ADDRESS}`));
    const { TEMPORAL_TLS_CLIENT_KEY_PATH: _, ...half } = settings;
    const refused = await status(half);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /there is a client certificate without its key/);
    assert.deepEqual(shown.splice(0), []);
  });

  it('is not believed with a certificate of an authority that is not named', async () => {
    const { code, stderr } = await status({
      ...settings,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificate('scheduler'),
    });
    assert.equal(code, 1, stderr);
    assert.deepEqual(shown.splice(0), []);
  });
});
