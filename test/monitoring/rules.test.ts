/** Rules and dashboards say what the code and the docs say; promtool looks at them on the lab. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { METRICS } from '../../worker/metrics.ts';
import { type Dashboard, familyOf, filledIn, metricsIn, readDashboards } from './dashboards.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const text = (file: string) => readFile(join(ROOT, file), 'utf8');
const read = async <T>(file: string) => parse(await text(`deploy/monitoring/${file}`)) as T;

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface RuleTest {
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly unknown[];
  }[];
}

let alerts: readonly Alert[] = [];
let docs = '';
let dashboards: ReadonlyMap<string, Dashboard> = new Map();
before(async () => {
  const { groups } = await read<{ groups: readonly { rules: readonly Alert[] }[] }>('rules.yaml');
  alerts = groups.flatMap(({ rules }) => rules);
  docs = await text('docs/metrics.md');
  dashboards = await readDashboards();
});

/** Tidegate's own have to be there; Temporal's are told by their prefix, the lab knows them all. */
function assertKnown(expr: string): void {
  const found = metricsIn(expr);
  assert.ok(found.length > 0, `no metric in ${expr}`);
  for (const name of found.filter((entry) => entry.startsWith('tidegate_'))) {
    assert.ok(familyOf(name) in METRICS, `${name} in ${expr}`);
  }
}

describe('alerts', () => {
  it('say what happened, what to type, and where to read on', () => {
    assert.ok(alerts.length > 10);
    for (const { alert, labels, annotations } of alerts) {
      const { summary = '', description = '', runbook = '' } = annotations;
      assert.match(alert, /^Tidegate[A-Z]\w+$/);
      assert.equal(labels['service'], 'tidegate');
      assert.ok(['page', 'ticket'].includes(labels['severity'] ?? ''), alert);
      assert.ok(summary.length > 0 && summary.length < 100, `${alert}: ${summary}`);
      assert.match(description, /`(tidegate|kubectl|temporal) [^`]+`/, alert);
      assert.equal(runbook, `docs/metrics.md#${alert.toLowerCase()}`);
    }
  });

  it('ask for metrics that there are', () => {
    for (const { expr } of alerts) assertKnown(expr);
  });

  it('are explained in the docs, and no other is', () => {
    const told = [...docs.matchAll(/^### (Tidegate\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(
      told,
      alerts.map(({ alert }) => alert),
    );
  });

  it('are tested each, where they fire and where they do not', async () => {
    const { tests } = await read<{ tests: readonly RuleTest[] }>('rules.test.yaml');
    const cases = tests.flatMap((entry) => entry.alert_rule_test);
    for (const { alert } of alerts) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.length > 0),
        `${alert} fires`,
      );
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        `${alert} is silent`,
      );
    }
  });

  it('are kept back by others only where both are there', async () => {
    const { inhibit_rules } = await read<{
      inhibit_rules: readonly Readonly<Record<string, readonly string[]>>[];
    }>('alertmanager.yaml');
    const named = JSON.stringify(inhibit_rules).match(/Tidegate\w+/g) ?? [];
    const known = alerts.map(({ alert }) => alert);
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    );
  });
});

describe('dashboards', () => {
  const panels = () => [...dashboards.values()].flatMap((entry) => entry.panels);

  it('are of Grafana, each with a variable for the data source, and lead to each other', () => {
    assert.deepEqual([...dashboards.keys()], ['rollouts.json', 'worker.json']);
    const uids = [...dashboards.values()].map(({ uid }) => uid);
    for (const { uid, schemaVersion, templating, links } of dashboards.values()) {
      assert.ok(schemaVersion >= 39);
      assert.ok(templating.list.some(({ type }) => type === 'datasource'));
      const others = uids.filter((entry) => entry !== uid).map((entry) => `/d/${entry}`);
      assert.deepEqual(
        links.map(({ url }) => url),
        others,
      );
    }
  });

  it('have panels with an id, a title and a place of their own', () => {
    for (const { panels: own } of dashboards.values()) {
      assert.equal(new Set(own.map(({ id }) => id)).size, own.length);
      const taken = new Set<string>();
      for (const { title, gridPos } of own) {
        assert.ok(title.length > 0);
        assert.ok(gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.ok(!taken.has(`${x} ${y}`), `${title} lies over another panel`);
            taken.add(`${x} ${y}`);
          }
        }
      }
    }
  });

  it('ask the chosen data source for metrics that there are', () => {
    for (const { type, title, datasource, targets = [] } of panels()) {
      if (type === 'row') continue;
      assert.equal(datasource?.uid, `\${datasource}`, title);
      assert.ok(targets.length > 0, title);
      for (const { expr } of targets) {
        assertKnown(expr);
        assert.doesNotMatch(filledIn(expr, 3600), /\$/, 'a variable that nobody fills in');
      }
    }
  });

  it('show every metric of Tidegate', () => {
    const shown = panels().flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => metricsIn(expr).map(familyOf)),
    );
    const missing = Object.keys(METRICS).filter((name) => !shown.includes(name));
    assert.deepEqual(missing, []);
  });
});
