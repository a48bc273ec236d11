/** Where the time went: waiting for people, nodes in work, and soaks, each in a row of its own. */
import type { NodeRun, Report } from '../../workflows/domain/report-types.ts';
import type { Lane } from './document.ts';

type Bar = Lane['bars'][number];

/** Returns a lane for gates and one for each wave, in the order in which they began. */
export function lanes(report: Report): readonly Lane[] {
  const { gates, nodes, soaks, times } = report;
  const waits = gates.map(({ id, openedAt, closedAt }): Bar => {
    const to = closedAt ?? times.endedAt;
    return { from: openedAt, to, look: 'Wait', text: `gate ${id}` };
  });
  const runs = nodes.flatMap((node) => node.runs.map((run) => ({ node: node.node, run })));
  const waves = [...new Set(runs.map(({ run }) => run.wave))].filter((wave) => wave !== '');
  const rows = waves.map((wave): Lane => {
    const own = runs.filter(({ run }) => run.wave === wave);
    const soaked = soaks.filter((soak) => soak.wave === wave);
    return {
      name: wave,
      bars: [
        ...own.map(({ node, run }) => workBar(node, run, times.endedAt)),
        ...soaked.map(({ from, to }): Bar => ({ from, to, look: 'Soak', text: `soak of ${wave}` })),
      ],
    };
  });
  rows.sort((a, b) => firstOf(a) - firstOf(b));
  return [...(waits.length > 0 ? [{ name: 'approvals', bars: waits }] : []), ...rows];
}

function workBar(node: string, run: NodeRun, endedAt: string): Bar {
  const { startedAt: from, endedAt: to = endedAt, outcome, wayBack } = run;
  const word = outcome?.outcome ?? 'in work';
  const failed = word === 'RolledBack' || word === 'NeedsAttention';
  const look = wayBack ? 'Back' : failed ? 'Failed' : 'Work';
  return { from, to, look, text: `${node} ${wayBack && word === 'Updated' ? 'put back' : word}` };
}

function firstOf({ bars }: Lane): number {
  return Math.min(...bars.map(({ from }) => Date.parse(from)));
}
