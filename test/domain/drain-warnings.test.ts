import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainWarnings } from '../../workflows/domain/drain-warnings.ts';
import type { PodFacts } from '../../workflows/domain/eviction.ts';
import { planOf } from '../workflows/fixtures.ts';

const worker: PodFacts = {
  namespace: 'tidegate',
  name: 'worker-1',
  phase: 'Running',
  owner: { kind: 'ReplicaSet', name: 'worker' },
  labels: { 'app.kubernetes.io/name': 'tidegate' },
  mirror: false,
  probe: false,
  terminating: false,
  ready: true,
  budgets: [],
};
const named = (name: string) => ({ labels: { 'app.kubernetes.io/name': name } });

describe('drainWarnings', () => {
  const rows: [string, 'Restart' | 'Drain' | 'Reboot', Partial<PodFacts>, boolean][] = [
    ['a worker', 'Drain', {}, true],
    ['a worker, at a reboot', 'Reboot', {}, true],
    ['Temporal', 'Drain', named('temporal'), true],
    ['a worker that a restart leaves', 'Restart', {}, false],
    ['a worker on every node', 'Drain', { owner: { kind: 'DaemonSet', name: 'worker' } }, false],
    ['another workload', 'Drain', named('web'), false],
    ['one without labels', 'Drain', { labels: {} }, false],
  ];
  for (const [title, disruption, more, warned] of rows) {
    it(`${warned ? 'names' : 'is silent about'} ${title}`, () => {
      const plan = planOf({ count: 2, disruption });
      const podsOf = ({ node }: { node: string }) =>
        node === 'east-2' ? [{ ...worker, ...more }] : [];
      const found = drainWarnings(plan, podsOf);
      assert.equal(found.length, warned ? 1 : 0);
      if (warned)
        assert.match(
          found[0] ?? '',
          /^cluster east: the drain of east-2 evicts tidegate\/worker-1,/,
        );
    });
  }
});
