/** Whether a node judges recovery right before its cordon is for its wave to say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approve, NODES, withRollout } from './rollout-kit.ts';

const unhealthyBefore = ['Deployment/shop/old'];
const judged = { recovery: 'Wait', unhealthyBefore };

describe('the look of a node right before its cordon', () => {
  for (const [maxUnavailable, what, told] of [
    [1, 'judges recovery as its wave does', judged],
    [2, 'leaves recovery to its wave where nodes are in work beside it', { recovery: 'Ignore' }],
  ] as const) {
    it(what, async () => {
      await withRollout(
        async ({ fleet, plan, handle }) => {
          await approve(handle, plan.digest);
          assert.equal((await handle.result()).outcome, 'Succeeded');
          const looksAt = (node: string) =>
            fleet.looks.filter(({ nodes }) => nodes.join() === node);
          // A canary is alone in its wave, whose look at it is the first of these two.
          const canary = { nodes: ['east-1'], ...judged };
          assert.deepEqual(looksAt('east-1'), [canary, canary]);
          // The wave looks at all of its four nodes together.
          assert.deepEqual(looksAt('east-4'), [{ nodes: ['east-4'], ...told }]);
        },
        {
          strategy: { maxUnavailable, waves: { size: NODES.length } },
          prepare: (fleet) => {
            fleet.unhealthy = unhealthyBefore;
            // Staging takes half a minute.
            const fault = { type: 'HostUnreachable', retryable: true, times: 5 } as const;
            for (const node of NODES)
              fleet.inject({ step: 'stage', node, when: 'Before', ...fault });
          },
        },
      );
    });
  }
});
