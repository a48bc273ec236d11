import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod } from '../../activities/adapters/kube-adapter.ts';
import { judgeMissing, missingContainers } from '../../activities/checks/survivors.ts';
import { pod } from './fakes.ts';

const startedAt = '2026-01-01T00:00:00.000Z';
const container = { id: 'c1', namespace: 'shop', pod: 'web', name: 'web', startedAt };

describe('missingContainers', () => {
  const cases: [string, (typeof container)[], number][] = [
    ['the same one', [container], 0],
    ['none', [], 1],
    ['another one', [{ ...container, id: 'c2' }], 1],
    ['the same after the clock was set', [{ ...container, startedAt: '2026-01-01T00:00:02Z' }], 0],
    ['the same, started anew', [{ ...container, startedAt: '2026-01-01T00:01:00Z' }], 1],
  ];
  for (const [title, now, count] of cases) {
    it(`${title}: ${count}`, () => {
      assert.equal(missingContainers(now, [container]).length, count);
    });
  }
});

describe('judgeMissing', () => {
  const ended = (exitCode: number) => ({
    terminated: { containerID: 'containerd://c1', exitCode },
  });
  const web = (state: object, phase = 'Running'): V1Pod[] => [
    pod('web', 'ReplicaSet/web', {
      status: { phase, containerStatuses: [{ name: 'web', ...state }] as never },
    }),
  ];
  /** The same container as one of another kind: its status is in another list. */
  const init = (restartPolicy: string | undefined, state: object): V1Pod[] => [
    pod('web', 'ReplicaSet/web', {
      spec: {
        containers: [],
        initContainers: [{ name: 'web', ...(restartPolicy ? { restartPolicy } : {}) }],
      },
      status: { phase: 'Running', initContainerStatuses: [{ name: 'web', ...state }] as never },
    }),
  ];
  const ephemeral = (state: object): V1Pod[] => [
    pod('web', 'ReplicaSet/web', {
      spec: { containers: [], ephemeralContainers: [{ name: 'web' }] },
      status: {
        phase: 'Running',
        ephemeralContainerStatuses: [{ name: 'web', ...state }] as never,
      },
    }),
  ];
  /** A container that ends again, after so many seconds and restarts. */
  const again = (exitCode: number, restartCount: number, seconds: number, reason = 'Error') => ({
    restartCount,
    lastState: {
      terminated: {
        ...{ ...ended(exitCode).terminated, reason, startedAt: new Date(0) },
        finishedAt: new Date(seconds * 1000),
      },
    },
  });
  const deleted = pod('web', 'Job/x', { metadata: { deletionTimestamp: new Date() } });
  const cases: [string, V1Pod[], 'lost' | 'unclear' | 'fine'][] = [
    ['killed and started again', web({ lastState: ended(137) }), 'lost'],
    ['killed, never started again', web({ state: ended(255) }, 'Failed'), 'lost'],
    ['came to its end in a pod that goes on', web({ state: ended(0) }), 'fine'],
    ['came to its end with its pod', web({}, 'Succeeded'), 'fine'],
    ['deleted with its pod', [], 'fine'],
    ['being deleted with its pod', [deleted], 'fine'],
    ['not reported yet', web({ state: { running: {} } }), 'unclear'],
    ['a sidecar, killed and started again', init('Always', { lastState: ended(137) }), 'lost'],
    ['a sidecar that came to its end', init('Always', { state: ended(0) }), 'fine'],
    ['an init container that failed', init(undefined, { lastState: ended(1) }), 'fine'],
    ['an init container, not reported yet', init(undefined, {}), 'fine'],
    ['a debugging container that was left', ephemeral({ state: ended(130) }), 'fine'],
    ['out of its own memory', web(again(137, 1, 5000, 'OOMKilled')), 'fine'],
    ['crashed, once more after a short life', web(again(1, 9, 60)), 'fine'],
    ['crashed, for the first time', web(again(1, 1, 60)), 'lost'],
    ['crashed, after a long life', web(again(1, 9, 5000)), 'lost'],
    ['killed, although it crashes again and again', web(again(137, 9, 60)), 'lost'],
  ];
  for (const [title, pods, expected] of cases) {
    it(`${title}: ${expected}`, () => {
      const { lost, unclear } = judgeMissing([container], pods);
      const actual = lost.length > 0 ? 'lost' : unclear.length > 0 ? 'unclear' : 'fine';
      assert.equal(actual, expected);
    });
  }

  it('says nothing of pods that were not well before', () => {
    const pods = web({ lastState: ended(137) });
    assert.equal(judgeMissing([container], pods, ['shop/other']).lost.length, 1);
    assert.deepEqual(judgeMissing([container], pods, ['shop/web']), { lost: [], unclear: [] });
  });
});
