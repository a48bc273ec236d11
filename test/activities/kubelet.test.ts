/** The kubelet's adapter over real TLS; the API server and the kubelet are stand-ins, the lab has real ones. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { kubeletThrough } from '../../activities/adapters/kubelet.ts';
import { parseSample, SampleCollector } from '../../activities/adapters/metrics-text.ts';
import { failureType } from '../../activities/failure.ts';
import { countersIn, OPERATION_METRICS } from '../../activities/measuring/runtime-operations.ts';
import { access } from './fakes.ts';

const METRICS = `# HELP kubelet_runtime_operations_total [ALPHA] Cumulative number of runtime operations.
# TYPE kubelet_runtime_operations_total counter
kubelet_runtime_operations_total{operation_type="list_containers"} 174
kubelet_runtime_operations_duration_seconds_bucket{operation_type="run_podsandbox",le="+Inf"} 2
kubelet_runtime_operations_duration_seconds_sum{operation_type="run_podsandbox"} 0.5
kubelet_runtime_operations_duration_seconds_count{operation_type="run_podsandbox"} 2
process_start_time_seconds 1.7e+09
`;

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return (server.address() as AddressInfo).port;
};

describe('kubeletThrough', () => {
  let folder = '';
  let answer: RequestListener = (_, response) => response.end(METRICS);
  /** What the API server says to a request for a token, and how often it was asked. */
  const api = { status: 201, asked: [] as string[] };
  const seen: { authorization?: string | undefined; url?: string | undefined }[] = [];
  const servers: Server[] = [];
  let port = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=x -addext subjectAltName=IP:127.0.0.1`;
    await promisify(execFile)('openssl', [...words.split(' '), '-keyout', key, '-out', cert]);
    const tls = { key: await readFile(key), cert: await readFile(cert) };
    const kubelet = createServer(tls, (request, response) => {
      seen.push({ authorization: request.headers.authorization, url: request.url });
      answer(request, response);
    });
    const apiServer = createServer(tls, (request, response) => {
      api.asked.push(`${request.method} ${request.url}`);
      const status = { token: `token-${api.asked.length}` };
      const body =
        api.status === 201 ? { status } : { message: 'no such account', code: api.status };
      response.writeHead(api.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    servers.push(kubelet, apiServer);
    port = await listen(kubelet);
    await writeFile(
      join(folder, 'kubeconfig'),
      JSON.stringify({
        clusters: [
          {
            name: 'c',
            cluster: {
              server: `https://127.0.0.1:${await listen(apiServer)}`,
              'certificate-authority-data': tls.cert.toString('base64'),
            },
          },
        ],
        users: [{ name: 'u', user: { token: "the worker's own" } }],
        contexts: ['one', 'two', 'three'].map((name) => ({
          name,
          context: { cluster: 'c', user: 'u' },
        })),
      }),
    );
  });
  after(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true });
  });

  /** A way to a port of this machine, as SSH is one to a host's. */
  const host: HostAdapter = {
    exec: async () => assert.fail('no command'),
    run: async () => assert.fail('no script'),
    connect: async (to) => connect(to, '127.0.0.1'),
    close: () => undefined,
  };
  const look = (context = 'one', more: { port?: number; signal?: AbortSignal } = {}) =>
    kubeletThrough({ ...access, kubeconfig: join(folder, 'kubeconfig'), context }, host).metrics(
      { node: 'east-1', port, signal: new AbortController().signal, ...more },
      OPERATION_METRICS,
    );

  it('reads what is asked for, with a token that is good for nothing else', async () => {
    const counters = countersIn(await look(), 'east-1');
    assert.deepEqual([...counters.counts], [['run_podsandbox', 2]]);
    assert.deepEqual([...counters.seconds], [['run_podsandbox', 0.5]]);
    assert.equal(counters.startedAt, 1_700_000_000);
    assert.deepEqual(seen.at(-1), { authorization: 'Bearer token-1', url: '/metrics' });
    assert.deepEqual(api.asked, [
      'POST /api/v1/namespaces/tidegate/serviceaccounts/tidegate-metrics/token',
    ]);
  });

  it('uses a token again, and asks for another one when it is refused', async () => {
    await look();
    assert.equal(api.asked.length, 1);
    answer = (_, response) => response.writeHead(401).end('Unauthorized');
    await assert.rejects(look(), /kubelet of east-1 .* answers 401 \(Unauthorized\).*webhook/);
    answer = (_, response) => response.end(METRICS);
    await look();
    assert.equal(seen.at(-1)?.authorization, 'Bearer token-2');
  });

  it('says which right is missing', async () => {
    const forbidden = (work: Promise<unknown>, message: RegExp) =>
      assert.rejects(work, (error: Error) => {
        assert.match(error.message, message);
        return failureType(error) === 'KubernetesForbidden';
      });
    answer = (_, response) => response.writeHead(403).end('Forbidden (resource=nodes)');
    await forbidden(look(), /kubelet of east-1.*Forbidden \(resource=nodes\).*rbac\.yaml/);
    answer = (_, response) => response.end(METRICS);
    api.status = 404;
    await forbidden(look('two'), /tidegate-metrics in east: 404 no such account.*rbac\.yaml/);
    api.status = 201;
    await look('two');
  });

  it('says that the kubelet gives no answer, or half of one', async () => {
    answer = (request) => request.socket.destroy();
    await assert.rejects(look(), /kubelet of east-1 \(port \d+\) gives no answer/);
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write(METRICS);
      response.destroy();
    };
    await assert.rejects(look());
    answer = (_, response) => response.writeHead(500).end('x'.repeat(10_000));
    await assert.rejects(look(), /answers 500 \(x{300}\)/);
    answer = (_, response) => response.end(METRICS);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    answer = () => stop.abort(new Error('cancelled'));
    await assert.rejects(look('one', { signal: stop.signal }), /cancelled/);
  });
});

describe('deploy/rbac.yaml', () => {
  it('lets the account whose token kubelets see read metrics, and nothing else', async () => {
    const file = new URL('../../deploy/rbac.yaml', import.meta.url);
    const documents = parseAllDocuments(await readFile(file, 'utf8')).map((one) => one.toJS());
    const bindings = documents.filter(({ subjects = [] }) =>
      subjects.some(({ name }: { name: string }) => name === 'tidegate-metrics'),
    );
    assert.deepEqual(
      bindings.map(({ kind, roleRef }) => [kind, roleRef.kind, roleRef.name]),
      [['ClusterRoleBinding', 'ClusterRole', 'tidegate-metrics']],
    );
    const roles = documents.filter(({ metadata }) => metadata.name === 'tidegate-metrics');
    assert.deepEqual(
      roles.flatMap(({ rules = [] }) => rules),
      [{ apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] }],
    );
    const proxies = documents.filter((one) => JSON.stringify(one).includes('nodes/proxy'));
    assert.deepEqual(proxies, [], 'which would allow to run commands');
  });
});

describe('parseSample', () => {
  for (const [line, wanted] of [
    ['up 1', { name: 'up', labels: {}, value: 1 }],
    ['up{} 1', { name: 'up', labels: {}, value: 1 }],
    [
      'up{a="b",c="d e"} -1.5e3 1700000000000',
      { name: 'up', labels: { a: 'b', c: 'd e' }, value: -1500 },
    ],
    ['up{a="b",} 1', { name: 'up', labels: { a: 'b' }, value: 1 }],
    ['up{a="}\\"\\\\,\\n"} 1', { name: 'up', labels: { a: '}"\\,\n' }, value: 1 }],
    ['up +Inf', { name: 'up', labels: {}, value: Number.POSITIVE_INFINITY }],
    ['up NaN', { name: 'up', labels: {}, value: Number.NaN }],
    ['# HELP up 1', undefined],
    ['', undefined],
    ['up', undefined],
    ['up one', undefined],
    ['up{a=b} 1', undefined],
    ['{"up"} 1', undefined],
  ] as const) {
    it(`reads ${JSON.stringify(line)}`, () => assert.deepEqual(parseSample(line), wanted));
  }

  it('finds the same wherever the text is cut', () => {
    const names = ['process_start_time_seconds', 'kubelet_runtime_operations_total'];
    const whole = new SampleCollector(names);
    whole.add(METRICS);
    assert.equal(whole.end().length, 2);
    for (let at = 1; at < METRICS.length; at += 1) {
      const collector = new SampleCollector(names);
      for (const piece of [METRICS.slice(0, at), METRICS.slice(at)]) collector.add(piece);
      assert.deepEqual(collector.end(), whole.samples);
    }
  });
});
