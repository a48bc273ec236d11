/** Measuring on the lab: a real kubelet, real pods, a real registry and a real Prometheus. Changes nothing that lasts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isProbe } from '../../activities/checks/probe.ts';
import { realDeps } from '../../activities/index.ts';
import { checkProviders } from '../../activities/measuring/providers.ts';
import { prometheusUrl } from '../../lab/monitoring.ts';
import { nodes, pullImage } from '../../lab/settings.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import type { Reading } from '../../workflows/domain/analysis-types.ts';
import { access, activities, onNode, ref, verification } from './activity-kit.ts';

const log = { info: () => undefined, warn: () => undefined };
const deps = realDeps({ configFolder: 'examples', log });
const providers = [{ name: 'prom', kind: 'Prometheus' as const, url: prometheusUrl }];
const query = (name: string, text: string, scope: 'Node' | 'Fleet' = 'Node') => ({
  ...{ name, scope, source: 'Query' as const, provider: 'prom', query: text, tolerance: 1 },
});
const own = (...sources: readonly string[]) =>
  sources.map(
    (source) => ({ name: source.toLowerCase(), source }) as { name: string; source: 'PodStart' },
  );

const numberOf = (readings: readonly Reading[] | undefined): number => {
  const [reading] = readings ?? [];
  assert.ok(reading && 'value' in reading, JSON.stringify(reading));
  return reading.value;
};
const between = (value: number, low: number, high: number) =>
  assert.ok(value >= low && value <= high, `${value} is not between ${low} and ${high}`);

async function noPodLeft(node: string): Promise<void> {
  const left = (await deps.kube(access).podsOn(node)).filter(isProbe);
  assert.deepEqual(
    left.map(({ metadata }) => metadata?.name),
    [],
  );
}

describe('measure on the lab', { timeout: 120_000 }, () => {
  const node = { node: ref.node, address: ref.address };

  it('finds a healthy node to be one, twice by about the same numbers', async () => {
    const sources = own('PodStart', 'PodRestarts', 'NodeConditions', 'RuntimeErrors', 'DaemonCpu');
    const indicators = [...sources, ...own('ContainerStart', 'DaemonMemory', 'ImagePull')];
    const analysis = analysisSchema.parse({ pullImage, indicators });
    for (const _ of [1, 2]) {
      const round = await activities().measure({ access, nodes: [node], analysis, verification });
      const of = (name: string) => numberOf(round.readings[name]);
      assert.ok(Math.abs(Date.parse(round.at) - Date.now()) < 60_000);
      between(of('containerstart'), 20, 20_000);
      // The kubelet's part of a start is a part of it.
      assert.ok(of('podstart') > of('containerstart') * 0.9, JSON.stringify(round));
      between(of('imagepull'), 1, 20_000);
      between(of('daemoncpu'), 0, 2000);
      between(of('daemonmemory'), 5, 500);
      assert.equal(of('nodeconditions'), 0);
      between(of('podrestarts'), 0, 1000);
      between(of('runtimeerrors'), 0, 1000);
    }
    await noPodLeft(ref.node);
    const reference = await onNode(
      'ctr',
      '-n',
      'k8s.io',
      'images',
      'ls',
      '-q',
      `name==${pullImage}`,
    );
    assert.equal(reference, pullImage, 'it was pulled again');
  });

  it('asks Prometheus for what it knows of the same kubelets', async () => {
    const indicators = [
      query('up', 'up{job="kubelet",node="$node",cluster="$cluster"}'),
      query('all', 'count(up{job="kubelet"})', 'Fleet'),
      query('nothing', 'no_such_series{node="$node"}'),
      query('quotient', 'vector(0) / vector(0)', 'Fleet'),
      query('many', 'up{job="kubelet"}', 'Fleet'),
    ];
    const analysis = analysisSchema.parse({ providers, indicators });
    const { readings } = await activities().measure({
      ...{ access, nodes: [node, { node: 'a"} or vector(7) #', address: '' }] },
      ...{ analysis, verification },
    });
    assert.deepEqual(readings['up'], [
      { node: ref.node, value: 1 },
      { node: 'a"} or vector(7) #', noData: 'the query gives no series' },
    ]);
    assert.equal(numberOf(readings['all']), nodes.length);
    assert.match(JSON.stringify(readings['nothing']), /no series/);
    assert.match(JSON.stringify(readings['quotient']), /noData.*NaN/);
    assert.match(JSON.stringify(readings['many']), /error.*5 series/);
  });

  it('finds out before a rollout what a provider does not answer', async () => {
    const context = { signal: new AbortController().signal, attempt: 1, previous: undefined };
    const asking = { ...deps, context: () => ({ ...context, heartbeat: () => undefined }) };
    const indicators = [query('good', 'sum(up{node="$node"})'), query('bad', 'sum(up{')];
    const found = await checkProviders(asking, analysisSchema.parse({ providers, indicators }));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', /^Indicator bad: .*parse error/);
  });

  it('has a node that is gone spoil no reading of another', async () => {
    const gone = { node: 'no-such-node', address: '10.213.0.254' };
    const analysis = analysisSchema.parse({ indicators: own('NodeConditions', 'DaemonMemory') });
    const { readings } = await activities().measure({
      ...{ access, nodes: [gone, node], analysis, verification },
    });
    assert.match(JSON.stringify(readings['nodeconditions']?.[0]), /error.*NodeGone/);
    assert.equal(numberOf(readings['nodeconditions']?.slice(1)), 0);
    between(numberOf(readings['daemonmemory']?.slice(1)), 5, 500);
  });

  it('removes its pod when it is cancelled', async () => {
    const stop = new AbortController();
    const analysis = analysisSchema.parse({ indicators: own('ContainerStart') });
    const work = activities(() => undefined, stop.signal).measure({
      ...{ access, nodes: [node], analysis, verification },
    });
    const ends = assert.rejects(work, /enough/);
    for (let looks = 0; looks < 100; looks += 1) {
      if ((await deps.kube(access).podsOn(ref.node)).some(isProbe)) break;
    }
    stop.abort(new Error('enough'));
    await ends;
    await noPodLeft(ref.node);
  });
});
