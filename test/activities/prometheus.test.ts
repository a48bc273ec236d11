/** The adapter of Prometheus against a stand-in for its odd answers; the lab's tests ask a real one. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { prometheus } from '../../activities/adapters/prometheus.ts';
import { failureType } from '../../activities/failure.ts';
import { fillQuery } from '../../activities/measuring/promql.ts';
import { checkProviders, openProvider } from '../../activities/measuring/providers.ts';
import { analysisSchema, type Provider } from '../../workflows/domain/analysis-spec.ts';
import { FakeKube, fakeDeps } from './fakes.ts';

/** Speaks as much of Prometheus' HTTP API as one instant query needs; what it answers goes by the query. */
class PrometheusStandIn {
  readonly asked: { query: string; timeout: string; path: string; authorization: string }[] = [];
  answer: (query: string, response: ServerResponse) => void = (_, response) => response.end();
  private readonly server = createServer((request, response) => {
    void this.handle(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
  }
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((closed) => this.server.close(() => closed()));
  }
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const piece of request) body += String(piece);
    const form = new URLSearchParams(body);
    const query = form.get('query') ?? '';
    const { authorization = '' } = request.headers;
    this.asked.push({
      ...{ query, timeout: form.get('timeout') ?? '', path: request.url ?? '', authorization },
    });
    this.answer(query, response);
  }
}

const vector = (...values: readonly string[]) => ({
  resultType: 'vector',
  result: values.map((value) => ({ metric: {}, value: [1, value] })),
});
const scalar = (value: string) => ({ resultType: 'scalar', result: [1, value] });
const success = (data: unknown) => JSON.stringify({ status: 'success', data });

describe('prometheus', () => {
  const server = new PrometheusStandIn();
  before(() => server.start());
  after(() => server.stop());
  const never = new AbortController().signal;
  const providerAt = (more: Partial<Provider> = {}): Provider => ({
    ...{ name: 'prom', kind: 'Prometheus', url: server.url, timeoutSeconds: 5 },
    ...more,
  });
  const ask = async (status: number, body: string, more: Partial<Provider> = {}) => {
    server.answer = (_, response) => response.writeHead(status).end(body);
    return await prometheus(providerAt(more)).ask('up', never);
  };

  for (const [what, data, wanted] of [
    ['a scalar', scalar('1.5'), { kind: 'Number', value: 1.5 }],
    ['a vector of one', vector('2e-3'), { kind: 'Number', value: 0.002 }],
    ['zero', vector('0'), { kind: 'Number', value: 0 }],
    ['nothing', vector(), { kind: 'NoData', reason: 'the query gives no series' }],
    ['NaN', vector('NaN'), { kind: 'NoData', reason: 'the query gives NaN' }],
    ['a scalar NaN', scalar('NaN'), { kind: 'NoData', reason: 'the query gives NaN' }],
    ['infinity', vector('+Inf'), { kind: 'NoAnswer', reason: 'the query gives +Inf' }],
  ] as const) {
    it(`understands ${what}`, async () => {
      assert.deepEqual(await ask(200, success(data)), wanted);
    });
  }

  for (const [what, status, body, why] of [
    ['many series', 200, success(vector('1', '2', '3')), /3 series.*aggregate/],
    ['a range', 200, success({ resultType: 'matrix', result: [] }), /gives a matrix/],
    ['a string', 200, success({ resultType: 'string', result: [1, 'x'] }), /gives a string/],
    [
      'a histogram',
      200,
      success({ resultType: 'vector', result: [{ metric: {}, histogram: [1, {}] }] }),
      /no number/,
    ],
    ['null for a sample', 200, success({ resultType: 'vector', result: [null] }), /no number/],
    [
      'a mistake in the query',
      400,
      '{"status":"error","errorType":"bad_data","error":"1:1: parse error: no"}',
      /400: 1:1: parse error/,
    ],
    ['its own timeout', 503, '{"status":"error","error":"query timed out"}', /503: query timed/],
    ['a proxy in its place', 502, '<html>bad gateway</html>', /502: <html>/],
    ['a refused token', 401, '', /401: nothing .*tokenFile/],
    ['a redirect', 302, '', /302, a redirect/],
    ['something else that answers', 200, 'hello', /200: hello/],
    ['an answer without data', 200, '{"status":"success"}', /no result/],
    ['a list', 200, '[]', /200: \[\]/],
  ] as const) {
    it(`has no answer in ${what}`, async () => {
      const answer = await ask(status, body);
      assert.equal(answer.kind, 'NoAnswer');
      assert.match('reason' in answer ? answer.reason : '', why);
    });
  }

  it('does not read more than 1 MiB', async () => {
    const answer = await ask(200, success(vector(...Array<string>(100_000).fill('1'))));
    assert.match('reason' in answer ? answer.reason : '', /larger than 1 MiB/);
  });

  it('waits no longer than the provider is given, even in the middle of an answer', async () => {
    const started = Date.now();
    server.answer = (_, response) => response.writeHead(200).write('{"status":');
    const answer = await prometheus(providerAt({ timeoutSeconds: 1 })).ask('up', never);
    assert.deepEqual(answer, { kind: 'NoAnswer', reason: 'no answer in 1 s' });
    assert.ok(Date.now() - started < 4000);
    assert.equal(server.asked.at(-1)?.timeout, '1s');
  });

  it('stops at once when it is told to, and that is no answer of the provider', async () => {
    const stop = new AbortController();
    server.answer = () => stop.abort(new Error('cancelled'));
    await assert.rejects(prometheus(providerAt()).ask('up', stop.signal), /cancelled/);
  });

  it('says that nobody listens', async () => {
    const gone = new PrometheusStandIn();
    await gone.start();
    const { port } = new URL(gone.url);
    await gone.stop();
    for (const host of ['127.0.0.1', 'localhost']) {
      const answer = await prometheus(providerAt({ url: `http://${host}:${port}` })).ask(
        'up',
        never,
      );
      assert.match('reason' in answer ? answer.reason : '', /ECONNREFUSED/, host);
    }
  });

  it('asks below a path, with a token that is read each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
    const tokenFile = join(folder, 'token');
    const more = { url: `${server.url}/prom/`, tokenFile };
    try {
      const missing = await ask(200, success(scalar('1')), more);
      assert.match('reason' in missing ? missing.reason : '', /tokenFile cannot be read.*ENOENT/);
      for (const token of ['first', 'second']) {
        await writeFile(tokenFile, `${token}\n`);
        assert.equal((await ask(200, success(scalar('1')), more)).kind, 'Number');
        const { path, authorization } = server.asked.at(-1) ?? {};
        assert.deepEqual([path, authorization], ['/prom/api/v1/query', `Bearer ${token}`]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  describe('checkProviders', () => {
    const { deps } = fakeDeps(new FakeKube());
    const query = (name: string, text: string) => ({
      ...{ name, source: 'Query' as const, provider: 'prom', query: text, tolerance: 1 },
    });
    const check = (analysis: Parameters<typeof analysisSchema.parse>[0], probeImage?: string) =>
      checkProviders({ ...deps, provider: openProvider }, analysisSchema.parse(analysis), {
        ...{ timeoutSeconds: 10, probeCommand: [], execCommand: [] },
        ...(probeImage === undefined ? {} : { probeImage }),
      });

    it('finds nothing where all answer, be it that there is no data', async () => {
      server.answer = (asked, response) =>
        response.end(success(asked === '1' ? scalar('1') : vector()));
      const indicators = [query('errors', 'rate(errors{node="$node"}[1m])')];
      assert.deepEqual(await check({ providers: [providerAt()], indicators }), []);
      assert.match(server.asked.at(-1)?.query ?? '', /^rate\(errors\{node="tidegate-asks/);
    });

    it('names the provider that is down, its URL, and what to do', async () => {
      const providers = [
        providerAt({ url: 'http://127.0.0.1:9' }),
        providerAt({ name: 'other', url: 'http://127.0.0.1:10' }),
      ];
      const found = await check({ providers, indicators: [query('errors', 'x')] });
      assert.equal(found.length, 2, found.join('\n'));
      assert.match(found[0] ?? '', /^Provider prom \(http:\/\/127\.0\.0\.1:9\) .*Start it/);
    });

    it('names the query that the provider does not understand', async () => {
      server.answer = (asked, response) =>
        asked === '1'
          ? response.end(success(scalar('1')))
          : response.writeHead(400).end('{"status":"error","error":"parse error"}');
      const indicators = [query('broken', 'rate(')];
      const [found = '', ...more] = await check({ providers: [providerAt()], indicators });
      assert.match(found, /^Indicator broken: .*parse error.*Correct the query/);
      assert.deepEqual(more, []);
    });

    it('names what needs a probe where there is no image for one', async () => {
      const indicators = [{ name: 'start', source: 'ContainerStart' as const }];
      assert.match((await check({ indicators }))[0] ?? '', /^Indicator start: .*probeImage/);
      assert.deepEqual(await check({ indicators }, 'x'), []);
    });

    it('stops at a kind that it does not know', async () => {
      const kind = 'Oracle' as never;
      const work = async () => openProvider(providerAt({ kind }));
      await assert.rejects(work, (error: Error) => {
        assert.match(error.message, /Provider prom: its kind "Oracle" is unknown; there is Prom/);
        return failureType(error) === 'InvalidDocument';
      });
    });
  });
});

describe('fillQuery', () => {
  const names = { node: 'east-1', cluster: 'east' };
  for (const [query, wanted] of [
    ['x{node="$node",c="$cluster"}', 'x{node="east-1",c="east"}'],
    ['$node $node', 'east-1 east-1'],
    ['$nodes $node_name $other', '$nodes $node_name $other'],
    ['x{a=~"b$"}', 'x{a=~"b$"}'],
  ] as const) {
    it(`makes ${wanted} of ${query}`, () => assert.equal(fillQuery(query, names), wanted));
  }

  it('lets no name end the string that it is in', () => {
    const bad = { node: '"} or vector(1) #\'`\\\n$cluster', cluster: '$&' };
    const filled = fillQuery('x{node="$node",c="$cluster"}', bad);
    assert.equal(filled, 'x{node="\\x22} or vector(1) #\\x27\\x60\\x5c\\x0a$cluster",c="$&"}');
  });
});
