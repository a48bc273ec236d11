import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { analysisSchema, SOURCES } from '../../workflows/domain/analysis-spec.ts';
import { indicatorsOf, SOURCE_FACTS } from '../../workflows/domain/indicators.ts';

type AnalysisInput = Parameters<typeof analysisSchema.parse>[0];
const of = (analysis: AnalysisInput) => indicatorsOf(analysisSchema.parse(analysis));
const container = (more: object) =>
  of({ indicators: [{ name: 'start', source: 'ContainerStart', ...more }] })[0];

describe('indicatorsOf', () => {
  it('has a set of its own where the policy names none', () => {
    assert.deepEqual(
      of({}).map(({ name }) => name),
      [
        'container-start',
        'pod-restarts',
        'runtime-errors',
        'node-conditions',
        'daemon-cpu',
        'daemon-memory',
      ],
    );
    assert.ok(of({}).every(({ scope, worse }) => scope === 'Node' && worse === 'Higher'));
  });

  it('pulls an image only where the policy names one', () => {
    const names = of({ pullImage: 'registry/x:1' }).map(({ name }) => name);
    assert.equal(names.at(-1), 'image-pull');
    assert.equal(names.length, 7);
  });

  it('has nothing but what the policy names, in its order', () => {
    const indicators = [
      { name: 'b', source: 'DaemonCpu' },
      { name: 'a', source: 'PodStart' },
    ];
    assert.deepEqual(
      of({ indicators, pullImage: 'x' }).map(({ name, unit }) => `${name} ${unit}`),
      ['b millicores', 'a ms'],
    );
  });

  for (const [given, tolerance, tolerancePercent] of [
    [{}, 150, 25],
    [{ tolerance: 50 }, 50, undefined],
    [{ tolerancePercent: 5 }, 0, 5],
    [{ tolerance: 0, tolerancePercent: 0 }, 0, 0],
  ] as const) {
    it(`tolerates ${tolerance} ms and ${tolerancePercent ?? 'no'} percent where ${JSON.stringify(given)} is said`, () => {
      const found = container(given);
      assert.equal(found?.tolerance, tolerance);
      assert.equal(found?.tolerancePercent, tolerancePercent);
    });
  }

  it('takes what a query tolerates from the policy alone', () => {
    const providers = [{ name: 'prom', kind: 'Prometheus' as const, url: 'http://127.0.0.1:9' }];
    const errors = { name: 'errors', source: 'Query' as const, provider: 'prom', query: 'x' };
    const [found] = of({
      providers,
      indicators: [{ ...errors, scope: 'Fleet', worse: 'Lower', tolerancePercent: 10 }],
    });
    assert.deepEqual(found, {
      ...{ ...errors, scope: 'Fleet', worse: 'Lower' },
      ...{ unit: '', kind: 'Level', tolerance: 0, tolerancePercent: 10 },
    });
  });
});

describe('docs/indicators.md', () => {
  it('has every source with its unit, kind and tolerance, and no other', async () => {
    const page = await readFile(new URL('../../docs/indicators.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Za-z]+)` +\| (.*) \|$/gm)].map(
      ([, source, rest = '']) => [source, ...rest.split('|').map((cell) => cell.trim())],
    );
    const wanted = SOURCES.map((source) => {
      const { unit, kind, tolerance, tolerancePercent } = SOURCE_FACTS[source];
      const both = tolerancePercent === undefined ? '' : ` or ${tolerancePercent} %`;
      const said = source === 'Query' ? 'the policy says' : `${tolerance} ${unit}${both}`;
      return [source, unit || "the query's", kind, said];
    });
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      wanted,
    );
  });
});
