/** A rollout goes on because it was measured to be harmless, and goes back by itself where it was not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import {
  type Handle,
  judgementsOf,
  STRATEGY,
  slower,
  verdictsOf,
  withMeasured,
} from './evidence-kit.ts';
import { FROM, TO } from './fake-fleet.ts';
import { usual } from './fake-measures.ts';
import { all, statusOf, versions } from './rollout-kit.ts';

const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
let bundled: ReturnType<typeof bundleWorkflowCode> | undefined;

/** A worker that starts anew has nothing but the history: the same code comes to the same commands. */
async function replays(handle: Handle): Promise<void> {
  bundled ??= bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  const workflowBundle = await bundled;
  const history = await handle.fetchHistory();
  await Worker.runReplayHistory({ workflowBundle }, history, handle.workflowId);
}

describe('a rollout that is measured', () => {
  it('goes on where patched nodes are as the others over the same minutes', async () => {
    await withMeasured(async ({ fleet, plan, handle }) => {
      const { outcome, reasons } = await handle.result();
      assert.deepEqual([outcome, reasons], ['Succeeded', []]);
      assert.deepEqual(versions(fleet), all(TO));
      assert.deepEqual(await verdictsOf(handle), ['canary Pass', 'wave-1 Pass', 'wave-2 Pass']);
      const { rounds, judged } = fleet.measures;
      const [canary, ...waves] = plan.waves.map(({ nodes }) => nodes.map(({ node }) => node));
      assert.ok(canary);
      // The baseline of the canary, then its soak: on the same nodes, patched and not, at the same time.
      assert.ok(rounds.slice(0, 6).every(({ patched }) => patched.length === 0));
      for (const { patched, control } of rounds.slice(6, 12)) {
        assert.deepEqual(patched, canary);
        assert.deepEqual(control.toSorted(), waves[1]?.toSorted());
      }
      // Of the last wave there is nothing left to compare with.
      assert.deepEqual(judged.at(-1)?.comparison.control, []);
      assert.ok(rounds.slice(-6).every(({ control }) => control.length === 0));
      await replays(handle);
    });
  });

  it('measures before a wave only what it does not know yet', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      assert.equal((await handle.result()).outcome, 'Succeeded');
      const { rounds } = fleet.measures;
      const starts = rounds.map(({ patched }) => patched.length);
      // Canary: 6 + 6. Wave 1 was not measured before: 6 + 6. Wave 2 was what the others were compared with: 0 + 6.
      assert.deepEqual(
        starts,
        [0, 1, 0, 2, 2].flatMap((count) => Array(6).fill(count)),
      );
    });
  });

  it('measures those of a wave that it knows already, rather than others anew', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const [, wave] = fleet.measures.judged;
        // The wave has four nodes, two of which were the canary's control nodes.
        assert.deepEqual(
          wave?.comparison.patched.toSorted(),
          fleet.measures.rounds[6]?.control.toSorted(),
        );
        const starts = fleet.measures.rounds.map(({ patched }) => patched.length);
        assert.deepEqual(
          starts,
          [0, 1, 2].flatMap((count) => Array(6).fill(count)),
        );
      },
      { strategy: { ...STRATEGY, waves: { size: 4, soakSeconds: 60 } } },
    );
  });

  it('judges every round of the soak, with a baseline of each node', async () => {
    await withMeasured(async ({ fleet, handle }) => {
      await handle.result();
      const [first] = fleet.measures.judged;
      assert.ok(first);
      const { comparison, rounds } = first;
      const [node = ''] = comparison.patched;
      const before = rounds.filter(({ at }) => at < (comparison.patchedAt[node] ?? ''));
      const after = rounds.filter(({ at }) => at >= comparison.soakFrom);
      assert.deepEqual([before.length, after.length], [6, 6]);
      assert.equal(before.length + after.length, rounds.length);
      const gaps = after.slice(1).map(({ at }, index) => {
        return Date.parse(at) - Date.parse(after[index]?.at ?? '');
      });
      for (const gap of gaps) assert.ok(gap >= 20_000 && gap < 25_000, `${gap} ms`);
    });
  });

  it('goes on through an incident that began with the canary, to the wave that is compared with nobody', async () => {
    await withMeasured(
      async ({ fleet, plan, handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        assert.deepEqual(await verdictsOf(handle), ['canary Pass', 'wave-1 Pass', 'wave-2 Pass']);
        const compared = fleet.measures.judged.map(({ comparison }) => comparison.patched.length);
        assert.deepEqual(compared, [1, 3, 2]);
        const last = plan.waves.at(-1)?.nodes.map(({ node }) => node);
        assert.deepEqual(
          fleet.measures.judged.at(-1)?.comparison.patched.toSorted(),
          last?.toSorted(),
        );
      },
      {
        analysis: { maxNodes: 3 },
        prepare: ({ measures }) => {
          measures.says = (asked) => {
            const { value } = usual(asked);
            return { value: asked.round > 6 ? value + 500 : value };
          };
        },
      },
    );
  });

  it('takes the canary back where it has become slower, and says by how much', async () => {
    await withMeasured(
      async ({ fleet, plan, handle }) => {
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'RolledBack');
        assert.match(reasons[0] ?? '', /^canary failed by what was measured: .*latency.*4\d\d/);
        assert.deepEqual(versions(fleet), all(FROM));
        assert.deepEqual(await verdictsOf(handle), ['canary Fail']);
        const touched = fleet.calls.filter((call) => call.startsWith('apply'));
        assert.deepEqual(new Set(touched), new Set([`apply ${plan.waves[0]?.nodes[0]?.node}`]));
        await replays(handle);
      },
      {
        prepare: ({ measures }) => {
          measures.says = slower(410);
        },
      },
    );
  });

  it('takes all back where the second wave has become slower', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'RolledBack');
        assert.match(reasons[0] ?? '', /^wave-1 failed by what was measured/);
        assert.deepEqual(versions(fleet), all(FROM));
        assert.deepEqual(await verdictsOf(handle), ['canary Pass', 'wave-1 Fail']);
        assert.equal(fleet.count('revert'), 0, 'nodes go back by a plan, not by an undo');
      },
      {
        prepare: ({ measures }) => {
          measures.says = slower(410, ({ round }) => round > 18);
        },
      },
    );
  });

  it('halts there, where its strategy says so', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        assert.equal((await handle.result()).outcome, 'Halted');
        assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
      },
      {
        strategy: { canary: { count: 1, soakSeconds: 60 }, onFailure: 'Halt' },
        prepare: ({ measures }) => {
          measures.says = slower(410);
        },
      },
    );
  });

  it('does not blame the patch for what all nodes suffer from at the same time', async () => {
    await withMeasured(
      async ({ handle }) => {
        await handle.result();
        assert.equal((await verdictsOf(handle))[0], 'canary Pass');
      },
      {
        prepare: ({ measures }) => {
          measures.says = (asked) => {
            const { value } = usual(asked);
            return { value: asked.round > 6 ? value + 410 : value };
          };
        },
      },
    );
  });

  it('measures nothing on a way back', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        await handle.result();
        assert.equal(fleet.measures.rounds.length, 12);
        assert.equal((await statusOf(handle)).outcome?.rolledBack.length, 1);
      },
      {
        prepare: ({ measures }) => {
          measures.says = slower(410);
        },
      },
    );
  });
});

describe('a soak that comes to nothing', () => {
  it('is extended, and judged again over all of it, once the provider has recovered', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const [canary] = await judgementsOf(handle);
        assert.deepEqual([canary?.verdict, canary?.extensions], ['Pass', 1]);
        const [first, second] = fleet.measures.judged;
        assert.equal(first?.comparison.soakFrom, second?.comparison.soakFrom);
        assert.equal((second?.rounds.length ?? 0) - (first?.rounds.length ?? 0), 10);
        await replays(handle);
      },
      {
        prepare: ({ measures }) => {
          measures.says = (asked) =>
            asked.soak && asked.round <= 12 ? { error: 'connect ECONNREFUSED' } : usual(asked);
        },
      },
    );
  });

  it('is one of errors where the activity itself has failed, as often as it was tried', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const [first] = fleet.measures.judged;
        const soak = first?.rounds.slice(-6) ?? [];
        const why = (first?.rounds.at(-1)?.readings.latency ?? []).map((reading) =>
          'error' in reading ? reading.error : 'an answer',
        );
        assert.equal(soak.length, 6, 'a round that failed is no round less');
        assert.deepEqual(new Set(why), new Set(['KubernetesUnreachable: round 12 fell silent']));
        assert.equal(why.length, 3);
        assert.equal(fleet.measures.tries - fleet.measures.rounds.length, 4);
        assert.equal((await judgementsOf(handle))[0]?.extensions, 1);
      },
      {
        prepare: ({ measures }) => {
          measures.fails = (round) => round >= 9 && round <= 12;
        },
      },
    );
  });

  it('is extended for want of samples as well', async () => {
    await withMeasured(
      async ({ handle }) => {
        assert.equal((await handle.result()).outcome, 'Succeeded');
        const [canary] = await judgementsOf(handle);
        assert.deepEqual([canary?.verdict, canary?.extensions], ['Pass', 1]);
      },
      {
        prepare: ({ measures }) => {
          measures.says = (asked) =>
            asked.soak && asked.round <= 12 ? { noData: 'no traffic' } : usual(asked);
        },
      },
    );
  });
});

describe('a baseline', () => {
  it('that nobody answers ends the rollout before any node is touched', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const { outcome, reasons, nodes } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.deepEqual(reasons, [
          'canary was not started, since what its policy wants measured gets no answer: indicator latency of provider prom: connect ECONNREFUSED; look at the provider, or take the indicator out',
        ]);
        assert.deepEqual([nodes, fleet.calls], [[], []]);
        assert.deepEqual(versions(fleet), all(FROM));
      },
      {
        prepare: ({ measures }) => {
          measures.says = () => ({ error: 'connect ECONNREFUSED' });
        },
      },
    );
  });

  it('that nobody answers later leaves updated nodes as they are', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        const { outcome, reasons } = await handle.result();
        assert.equal(outcome, 'Halted');
        assert.match(reasons[0] ?? '', /^wave-1 was not started.*updated nodes stay as they are$/);
        assert.equal(versions(fleet).filter((version) => version === TO).length, 1);
      },
      {
        prepare: ({ measures }) => {
          measures.says = (asked) =>
            asked.round > 12 ? { error: 'connect ECONNREFUSED' } : usual(asked);
        },
      },
    );
  });

  it('without data is no reason to stop: there is no traffic at night', async () => {
    await withMeasured(
      async ({ fleet, handle }) => {
        await handle.result();
        assert.ok(fleet.count('apply') > 0);
      },
      {
        analysis: { maxExtensions: 0 },
        approval: { expirySeconds: 60 },
        prepare: ({ measures }) => {
          measures.says = () => ({ noData: 'no traffic' });
        },
      },
    );
  });
});
