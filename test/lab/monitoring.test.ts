/** Metrics, rules, dashboards and silences over a real rollout, Prometheus and Alertmanager. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { alertmanagerUrl, ensureMonitoring, prometheusUrl } from '../../lab/monitoring.ts';
import { checkout, tool } from '../../lab/paths.ts';
import { attempt, waitFor } from '../../lab/run.ts';
import { host } from '../../lab/settings.ts';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import { filledIn, readDashboards } from '../monitoring/dashboards.ts';
import { activeSilences, alertsAt, silenceCases, silencer } from '../monitoring/silence-cases.ts';
import { NEW } from './activity-kit.ts';
import { ALL_NODES, aroundFleet, bundleTo, rolloutTo, startApproved } from './rollout-kit.ts';
import { Sampler } from './sampler.ts';

const RANGE_SECONDS = 900;
const MONITORING = join(checkout, 'deploy', 'monitoring');
const endpoint = `http://127.0.0.1:${host.workerMetricsPort}/metrics`;
const stamp = Date.now().toString(36);
const dashboards = await readDashboards();
const fleet = aroundFleet({ batch: true });

/** The example's policy, with an Alertmanager. */
async function policy(): Promise<object> {
  const document = parse(await readFile(join(checkout, 'examples', 'policy.yaml'), 'utf8')) as {
    readonly spec: object;
  };
  const alerts = { alertmanager: alertmanagerUrl, leaseSeconds: 60, matchers: { lab: 'tidegate' } };
  return { ...document, spec: { ...document.spec, alerts } };
}

const samples = () => silences?.samples ?? [];
const nodeOf = ({ comment }: { readonly comment: string }) =>
  /^east\/(\S+): /.exec(comment)?.[1] ?? '';

type Value = readonly [number, string];

async function ask<T>(path: string, query: Readonly<Record<string, string>>): Promise<T> {
  const answer = await fetch(`${prometheusUrl}/api/v1/${path}?${new URLSearchParams(query)}`);
  const { status, error, data } = (await answer.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data: T;
  };
  assert.equal(status, 'success', `${query['query']}: ${error}`);
  return data;
}

async function instant(query: string): Promise<readonly Value[]> {
  const { result } = await ask<{ result: readonly { value: Value }[] }>('query', { query });
  return result.map(({ value }) => value);
}

/** Returns all values of the last quarter of an hour. */
async function overTime(query: string): Promise<readonly Value[]> {
  const end = Date.now() / 1000;
  const times = { start: String(end - RANGE_SECONDS), end: String(end), step: '5' };
  const { result } = await ask<{ result: readonly { values: readonly Value[] }[] }>('query_range', {
    ...{ query, ...times },
  });
  return result.flatMap(({ values }) => values);
}

const promtool = (...words: string[]) => [tool('promtool'), ...words];

let outcome: RolloutOutcome;
let silences: Sampler<readonly string[]> | undefined;

/** Nodes whose alerts Tidegate silences now. */
async function silencedNodes(): Promise<readonly string[]> {
  const found = await activeSilences(alertmanagerUrl);
  return found.filter(({ createdBy }) => createdBy === 'tidegate').map(nodeOf);
}

/** Runs a rollout to its end, and waits until Prometheus has seen that. */
async function runRollout(): Promise<void> {
  await ensureMonitoring();
  silences = new Sampler(silencedNodes, 200);
  const name = `monitored-${stamp}`;
  const spec = { policy: await policy() };
  const document = rolloutTo({ name, bundle: bundleTo(NEW, 'Restart'), spec });
  const started = await startApproved(fleet.client, document);
  outcome = await started.outcome;
  await silences.stop();
  await waitFor({
    what: 'the rollout to be seen as ended',
    timeoutMs: 60_000,
    until: async () => {
      const [[, ended] = []] = await instant('sum(tidegate_rollouts_total{outcome="Succeeded"})');
      const [[, running] = []] = await instant('sum(tidegate_rollouts)');
      return Number(ended) >= 1 && Number(running) === 0;
    },
  });
}

describe('a rollout that is watched', () => {
  before(runRollout);
  after(async () => await silences?.stop());

  describe('promtool', () => {
    it("accepts everything at the worker's endpoint, Temporal's metrics included", async () => {
      const input = await (await fetch(endpoint)).text();
      assert.match(input, /^temporal_request_total/m);
      assert.match(input, /^tidegate_nodes_total/m);
      const { code, stdout, stderr } = await attempt(promtool('check', 'metrics'), { input });
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    });

    it('accepts the rules, and their tests pass', async () => {
      const checked = await attempt(promtool('check', 'rules', join(MONITORING, 'rules.yaml')));
      assert.equal(checked.code, 0, checked.stderr);
      assert.match(checked.stdout, /SUCCESS: \d\d rules found/);
      const tested = await attempt(promtool('test', 'rules', 'rules.test.yaml'), {
        cwd: MONITORING,
      });
      assert.equal(tested.code, 0, `${tested.stdout}${tested.stderr}`);
    });

    it('has amtool accept the rules of which alert keeps back which', async () => {
      const file = join(MONITORING, 'alertmanager.yaml');
      const { code, stdout } = await attempt([tool('amtool'), 'check-config', file]);
      assert.equal(code, 0, stdout);
    });
  });

  describe('Prometheus', () => {
    it('evaluates every rule', async () => {
      const { groups } = await ask<{
        groups: readonly { name: string; rules: readonly { name: string; health: string }[] }[];
      }>('rules', {});
      const rules = groups
        .filter(({ name }) => name === 'tidegate')
        .flatMap((entry) => entry.rules);
      assert.ok(rules.length > 10);
      assert.deepEqual(
        rules.filter(({ health }) => health !== 'ok'),
        [],
      );
    });

    it('has counted the rollout as it was', async () => {
      assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
      const [[, updated] = []] = await instant(
        'sum(tidegate_nodes_total{cluster="east", outcome="Updated", direction="Forward"})',
      );
      assert.equal(Number(updated), ALL_NODES.length);
      const [[, votes] = []] = await instant('sum(tidegate_votes_total{decision="Approve"})');
      assert.equal(Number(votes), 1);
      const [[, applied] = []] = await instant(
        'sum(tidegate_node_step_duration_seconds_count{step="Applying"})',
      );
      assert.equal(Number(applied), ALL_NODES.length);
      const seen = await overTime('max(tidegate_nodes_in_work{cluster="east"})');
      assert.ok(Math.max(...seen.map(([, value]) => Number(value))) >= 1);
    });
  });

  describe('the dashboards', () => {
    for (const [file, { panels }] of dashboards) {
      for (const { title, targets = [] } of panels) {
        for (const { expr } of targets) {
          it(`${file}, ${title}: ${expr}`, async () => {
            const values = await overTime(filledIn(expr, RANGE_SECONDS));
            const numbers = values.map(([, value]) => Number(value)).filter(Number.isFinite);
            assert.ok(numbers.length > 0, `${values.length} values, of which none is a number`);
          });
        }
      }
    }
  });

  describe('silences of nodes in work', () => {
    it('were there for each node, never for more than are in work, and are gone', async () => {
      const silenced = new Set(samples().flat());
      assert.deepEqual([...silenced].sort(), ALL_NODES);
      assert.ok(Math.max(...samples().map((names) => names.length)) <= 2);
      for (const names of samples()) assert.equal(new Set(names).size, names.length);
      const left = await activeSilences(alertmanagerUrl);
      assert.deepEqual(
        left.filter(({ createdBy }) => createdBy === 'tidegate'),
        [],
      );
      const notes = outcome.nodes.flatMap((entry) => entry.notes ?? []);
      assert.deepEqual(
        notes.filter((note) => /silence/.test(note)),
        [],
      );
    });

    it('keep back an alert of the node, and none of another', async () => {
      const alert = (node: string) => ({ labels: { alertname: `lab-${stamp}`, node } });
      const alerts = alertsAt(alertmanagerUrl, { matchers: { alertname: `lab-${stamp}` } });
      const east = { cluster: 'east', node: 'east-1', rollout: 'monitored', alerts } as const;
      assert.deepEqual(await silencer().silence(east), {});
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify([alert('east-1'), alert('east-2')]);
      await fetch(`${alertmanagerUrl}/api/v2/alerts`, { method: 'POST', headers, body });
      const states = async () => {
        const answer = await fetch(
          `${alertmanagerUrl}/api/v2/alerts?filter=alertname="lab-${stamp}"`,
        );
        const found = (await answer.json()) as readonly {
          readonly labels: Readonly<Record<string, string>>;
          readonly status: { readonly state: string };
        }[];
        return Object.fromEntries(
          found.map(({ labels, status }) => [labels['node'], status.state]),
        );
      };
      await waitFor({
        what: 'the alerts to be known',
        timeoutMs: 10_000,
        until: async () => !JSON.stringify(await states()).includes('unprocessed'),
      });
      assert.deepEqual(await states(), { 'east-1': 'suppressed', 'east-2': 'active' });
      await silencer().unsilence(east);
    });

    silenceCases(() => alertmanagerUrl);
  });
});
