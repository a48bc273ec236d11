import { alignedTable, counted, indent, type Look, paint } from '../client/render/look.ts';
import type { RolloutOutcome } from '../workflows/contract.ts';
import { type Measured, survivalOn } from './demo-checks.ts';
import type { NodeFacts } from './fleet-facts.ts';

const header = ['NODE', 'BEFORE', 'AFTER', 'SECONDS', 'CONTAINERS SURVIVED'];

/** Returns the demo's own table: what it measured by itself, beside the rollout's word. */
export function demoReport(measured: Measured, outcome: RolloutOutcome, look: Look): string {
  const rows = measured.after.map((facts) => {
    const { node } = facts;
    const before = measured.before.find((entry) => entry.node === node);
    const { survived, completed, before: all } = survivalOn(node, measured);
    const took = outcome.nodes.find((entry) => entry.node === node)?.durationMs;
    return [
      node,
      before ? versionsOf(before) : '-',
      versionsOf(facts),
      took === undefined ? '-' : (took / 1000).toFixed(1),
      `${survived} of ${all}${completed > 0 ? ` (${completed} of finished Jobs)` : ''}`,
    ];
  });
  return [alignedTable(header, rows, look), counts(measured, look)].join('\n\n');
}

/** dpkg and the daemon are both asked; one word where they agree. */
function versionsOf({ dpkg, daemon }: NodeFacts): string {
  return dpkg === daemon ? `${dpkg} (dpkg, daemon)` : `${dpkg} (dpkg), ${daemon} (daemon)`;
}

function counts({ disturbance }: Measured, look: Look): string {
  const { evicted, jobPodsLost, cron, http } = disturbance;
  const line = (label: string, count: number, of = '') => {
    const tone = count === 0 ? 'green' : 'red';
    return `${label.padEnd(24)}${paint(String(count), tone, look)}${of}`;
  };
  return [
    line('Pods evicted', evicted.length),
    line('Job pods lost', jobPodsLost.length),
    line('CronJob firings missed', cron.missed.length, ` of ${cron.scheduled} due`),
    line('HTTP requests failed', http.failed, ` of ${http.sent} sent`),
  ].join('\n');
}

/** Returns what a person may open and type once the demo is over. */
export function whatNext(rollout: string, look: Look): string {
  const heading = (text: string) => paint(text, 'bold', look);
  const id = encodeURIComponent(`rollout/${rollout}`);
  const lines = (words: readonly (readonly [string, string])[]) =>
    words.map(([command, what]) => `${command.padEnd(66)}${what}`).join('\n');
  return [
    heading('Open'),
    indent(`http://127.0.0.1:8233/namespaces/default/workflows/${id}`),
    heading('Type'),
    indent(
      lines([
        [`bin/tidegate status ${rollout}`, 'what happened'],
        ['bin/tidegate inventory lab', 'what every node runs'],
        [
          `bin/tidegate rollback ${rollout} --as platform-oncall`,
          'take it back; asks for approval',
        ],
        ['node lab/main.ts ssh east-1', 'a shell on a node'],
        ['make demo', 'the same again'],
        ['make lab-down', 'take everything away'],
      ]),
    ),
    indent(
      `Everything stays up: ${counted(5, 'node')}, Temporal, and the worker (.lab/log/worker.log).`,
    ),
  ].join('\n');
}
