/** The endpoint has every metric that the code and the docs know, from the worker's first moment on. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { countFromZero, metricSinks } from '../../worker/counting.ts';
import { createInstruments, METRICS, type MetricName } from '../../worker/metrics.ts';
import { showRollouts } from '../../worker/rollout-gauges.ts';
import { installRuntime } from '../../worker/telemetry.ts';
import { NODE_OUTCOMES } from '../../workflows/contract.ts';
import { familiesOf, freePort } from './kit.ts';

const docs = readFile(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
let text = '';

before(async () => {
  const bindAddress = `127.0.0.1:${await freePort()}`;
  const served = installRuntime(pino({ level: 'silent' }), { bindAddress, asked: true });
  assert.equal(served, bindAddress);
  const to = createInstruments(Runtime.instance().metricMeter);
  countFromZero(to, ['east', 'west']);
  showRollouts(to, { running: [], waiting: [], clusters: ['east'], nowMs: Date.now() });
  to.set('tidegate_nodes_needing_attention', { cluster: 'east' }, 1);
  to.set('tidegate_cluster_seen_timestamp_seconds', { cluster: 'east' }, 1.5);
  const { stepEnded, nodeEnded } = metricSinks(to).tidegateMetrics;
  const info = {} as Parameters<typeof stepEnded.fn>[0];
  await stepEnded.fn(info, 'Applying', 12.5);
  await stepEnded.fn(info, 'Draining', 4000);
  const ended = { cluster: 'east', outcome: 'Updated', direction: 'Forward' } as const;
  await nodeEnded.fn(info, { ...ended, podsEvicted: 7, jobPodsLost: 1 });
  text = await (await fetch(`http://${bindAddress}/metrics`)).text();
});

after(() => Runtime.instance().shutdown());

/** Returns the value of one series, by its name and labels as they are written. */
function value(series: string): number {
  const line = text.split('\n').find((entry) => entry.startsWith(`${series} `));
  assert.ok(line, `${series} in\n${text}`);
  return Number(line.slice(series.length + 1));
}

describe('the endpoint', () => {
  it('has every metric under its name, with its type, help and labels, and no other of ours', () => {
    const ours = [...familiesOf(text)].filter(([name]) => name.startsWith('tidegate_'));
    const found = ours.map(([name, { type, help, labels }]) => {
      return [name, { kind: type, labels: [...labels].sort(), help }] as const;
    });
    const wanted = Object.entries(METRICS).map(([name, { kind, labels, help }]) => {
      return [name, { kind, labels: [...labels].sort(), help }] as const;
    });
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(wanted));
  });

  it('lets counters begin at 0, for everything that can be counted', () => {
    for (const outcome of NODE_OUTCOMES.filter((entry) => entry !== 'Updated')) {
      const labels = `cluster="east",direction="Back",outcome="${outcome}"`;
      assert.equal(value(`tidegate_nodes_total{${labels}}`), 0);
    }
    assert.equal(value('tidegate_pods_evicted_total{cluster="west"}'), 0);
  });

  it('counts what a node tells at its end', () => {
    const labels = 'cluster="east",direction="Forward",outcome="Updated"';
    assert.equal(value(`tidegate_nodes_total{${labels}}`), 1);
    assert.equal(value('tidegate_pods_evicted_total{cluster="east"}'), 7);
    assert.equal(value('tidegate_job_pods_lost_total{cluster="east"}'), 1);
  });

  it('tells seconds from hours in the time that steps take', () => {
    const bucket = (step: string, le: string) =>
      value(`tidegate_node_step_duration_seconds_bucket{step="${step}",le="${le}"}`);
    assert.deepEqual([bucket('Applying', '10'), bucket('Applying', '20')], [0, 1]);
    assert.deepEqual([bucket('Draining', '3600'), bucket('Draining', '14400')], [0, 1]);
    assert.equal(value('tidegate_node_step_duration_seconds_sum{step="Applying"}'), 12.5);
  });

  it('keeps fractions of gauges', () => {
    assert.equal(value('tidegate_cluster_seen_timestamp_seconds{cluster="east"}'), 1.5);
  });
});

describe('names', () => {
  it('are those of Prometheus: units spelt out, _total for counters alone', () => {
    for (const [name, { kind, labels }] of Object.entries(METRICS)) {
      assert.match(name, /^tidegate_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), kind === 'counter', name);
      if (kind === 'histogram') assert.match(name, /_seconds$/);
      for (const label of labels) assert.match(label, /^[a-z_]+$/);
    }
  });

  it('of labels are never those of rollouts, nodes or people, of whom there is no end', () => {
    const all = new Set(Object.values(METRICS).flatMap(({ labels }) => [...labels]));
    const bounded = ['cluster', 'decision', 'direction', 'for', 'outcome', 'phase', 'result'];
    assert.deepEqual([...all].sort(), [...bounded, 'step', 'verdict'].sort());
  });
});

describe('docs/metrics.md', () => {
  it('has a row for every metric, with its type and labels, and no other', async () => {
    const rows = [...(await docs).matchAll(/^\| `(tidegate_\w+)` +\| (\w+) +\| ([^|]*)\|/gm)];
    const told = rows.map(([, name = '', kind, labels = '']) => [
      name,
      { kind, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) },
    ]);
    const wanted = (Object.keys(METRICS) as MetricName[]).map((name) => {
      const { kind, labels } = METRICS[name];
      return [name, { kind, labels: [...labels] }];
    });
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(wanted));
    assert.equal(rows.length, wanted.length, 'each once');
  });
});
