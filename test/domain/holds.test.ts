import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  recoveryHold,
  type ToolClaim,
  toolHolds,
  type UnavailableNode,
  unhealthyWorkloads,
  type WorkloadFacts,
  withoutUnavailable,
} from '../../workflows/domain/holds.ts';

const deployment = (name: string, ready: number, wanted = 6): WorkloadFacts => ({
  kind: 'Deployment',
  namespace: 'shop',
  name,
  wanted,
  ready,
});

describe('recovery', () => {
  const web = deployment('web', 5);
  const all = [...'abcdefg'].map((name) => deployment(name, 0, 1));
  const rows: [string, WorkloadFacts[], string[] | undefined, string | undefined][] = [
    ['all is well', [], [], undefined],
    ['the first look', [web], undefined, undefined],
    ['it was so before', [web], ['Deployment/shop/web'], undefined],
    ['it is new', [web], [], 'Deployment shop/web has 5 of 6 pods ready'],
    [
      'another was so before',
      [web],
      ['StatefulSet/shop/web'],
      'Deployment shop/web has 5 of 6 pods ready',
    ],
    [
      'some are new',
      [web, deployment('api', 0, 1)],
      ['Deployment/shop/web'],
      'Deployment shop/api has 0 of 1 pods ready',
    ],
  ];
  for (const [name, unhealthy, before, reason] of rows) {
    it(name, () => assert.equal(recoveryHold(unhealthy, before)?.reason, reason));
  }

  it('names five and counts the others', () => {
    const reason = recoveryHold(all, [])?.reason ?? '';
    assert.equal(reason.split('; ').length, 6);
    assert.match(reason, /shop\/e has 0 of 1 pods ready; and 2 more$/);
  });

  it('holds every node', () => {
    assert.deepEqual(Object.keys(recoveryHold([web], []) ?? {}), ['reason']);
  });

  it('takes what wants no pods for healthy', () => {
    assert.deepEqual(unhealthyWorkloads([deployment('off', 0, 0), web]), [web]);
  });
});

describe('a DaemonSet', () => {
  const agent: WorkloadFacts = {
    kind: 'DaemonSet',
    namespace: 'shop',
    name: 'agent',
    wanted: 5,
    ready: 4,
  };
  const without: UnavailableNode = { labels: { pool: 'a' }, readyDaemonSets: [] };
  const withPod = { labels: { pool: 'a' }, readyDaemonSets: ['shop/agent'] };
  const rows: [string, Record<string, string>, UnavailableNode[], number][] = [
    ['all nodes are available', {}, [], 5],
    ['it misses its pod on an unavailable node', {}, [without], 4],
    ['a cordoned node has its pod', {}, [withPod], 5],
    ['the unavailable node is none of its own', { pool: 'b' }, [without], 5],
    ['the unavailable node is one of its own', { pool: 'a' }, [without], 4],
  ];
  for (const [name, selector, unavailable, wanted] of rows) {
    it(`wants ${wanted} where ${name}`, () => {
      assert.equal(withoutUnavailable(agent, selector, unavailable).wanted, wanted);
    });
  }
});

describe('another tool', () => {
  const nowMs = Date.parse('2026-01-01T12:00:00Z');
  const claim: ToolClaim = { node: 'east-1', tool: 'kured', evidence: 'a lock' };
  const waiting = ['east-1', 'east-2'];
  const holds = (more: Partial<ToolClaim>) =>
    toolHolds({ waiting, nowMs, claims: [{ ...claim, ...more }] });

  it('holds the node that it claims, and no other', () => {
    assert.deepEqual(holds({}), [{ node: 'east-1', reason: 'kured works on it (a lock)' }]);
    assert.deepEqual(holds({ node: 'east-9' }), []);
  });

  it('is named with its holder, since when, and until when', () => {
    const since = '2026-01-01T11:00:00.000Z';
    const until = '2026-01-01T13:00:00.000Z';
    assert.deepEqual(holds({ holder: 'pod-1', since, until }), [
      {
        node: 'east-1',
        reason: `kured (pod-1) works on it since ${since} until ${until} (a lock)`,
        until,
      },
    ]);
  });

  it('holds nothing any more once its time has run out', () => {
    assert.deepEqual(holds({ until: '2026-01-01T12:00:00.000Z' }), []);
    assert.equal(holds({ until: '2026-01-01T12:00:00.001Z' }).length, 1);
  });
});
