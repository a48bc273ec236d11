import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type BudgetInput, type BudgetNode, nextNodes } from '../../workflows/domain/budget.ts';

/** "a1 b2" are the nodes a1 and b2 of the failure domains a and b. */
const nodes = (text: string): BudgetNode[] =>
  text.split(' ').flatMap((node) => (node ? [{ node, failureDomain: node[0] ?? '' }] : []));

interface Case {
  readonly waiting: string;
  readonly running?: string;
  readonly unavailable?: string;
  /** maxUnavailable and maxPerFailureDomain. */
  readonly limits: readonly [number, number];
  readonly holds?: BudgetInput['holds'];
  readonly atLeastOne?: boolean;
  readonly start: string;
  readonly blockedBy?: string;
}

const cases: Record<string, Case> = {
  'a way back is not kept by what others have used up': {
    waiting: 'a1 b1',
    unavailable: 'x9 x8',
    limits: [1, 1],
    atLeastOne: true,
    start: 'a1',
    blockedBy: 'b1: a1, x8, x9 unavailable (maxUnavailable 1)',
  },
  'and still takes one node after the other then': {
    waiting: 'b1',
    running: 'a1',
    unavailable: 'x9',
    limits: [1, 1],
    atLeastOne: true,
    start: '',
    blockedBy: 'b1: a1, x9 unavailable (maxUnavailable 1)',
  },
  'nothing waits': { waiting: '', limits: [1, 1], start: '' },
  'one node has room': { waiting: 'a1', limits: [1, 1], start: 'a1' },
  'a node that is held lets others pass': {
    waiting: 'a1 b1',
    limits: [1, 1],
    holds: [{ node: 'a1', reason: 'kured works on a1' }],
    start: 'b1',
    blockedBy: 'a1: kured works on a1',
  },
  'a hold of the cluster holds all nodes': {
    waiting: 'a1 b1',
    limits: [2, 1],
    holds: [{ reason: 'Deployment shop/web has 5 of 6 pods ready' }],
    start: '',
    blockedBy: 'a1: Deployment shop/web has 5 of 6 pods ready',
  },
  'only as many as may be unavailable': {
    waiting: 'a1 b1 c1',
    limits: [2, 1],
    start: 'a1 b1',
    blockedBy: 'c1: a1, b1 unavailable (maxUnavailable 2)',
  },
  'nodes in work count': {
    waiting: 'b1',
    running: 'a1',
    limits: [1, 1],
    start: '',
    blockedBy: 'b1: a1 unavailable (maxUnavailable 1)',
  },
  'a node in work that is cordoned counts once': {
    waiting: 'b1',
    running: 'a1',
    unavailable: 'a1',
    limits: [2, 1],
    start: 'b1',
  },
  'nodes that others made unavailable count': {
    waiting: 'a1 b1',
    unavailable: 'x9',
    limits: [2, 1],
    start: 'a1',
    blockedBy: 'b1: a1, x9 unavailable (maxUnavailable 2)',
  },
  'a node that is unavailable already adds nothing': {
    waiting: 'a1 b1',
    unavailable: 'b1',
    limits: [1, 1],
    start: 'b1',
    blockedBy: 'a1: b1 unavailable (maxUnavailable 1)',
  },
  'it may start even above the budget': {
    waiting: 'a1',
    unavailable: 'a1 x8 x9',
    limits: [1, 1],
    start: 'a1',
  },
  'never two of one failure domain': {
    waiting: 'a1 a2 b1',
    limits: [3, 1],
    start: 'a1 b1',
    blockedBy: 'a2: a1 of failure domain a in work (maxPerFailureDomain 1)',
  },
  'two of one failure domain where two may': {
    waiting: 'a1 a2 a3',
    limits: [3, 2],
    start: 'a1 a2',
    blockedBy: 'a3: a1, a2 of failure domain a in work (maxPerFailureDomain 2)',
  },
  'the failure domain of a node in work is taken': {
    waiting: 'a2 b1',
    running: 'a1',
    limits: [3, 1],
    start: 'b1',
    blockedBy: 'a2: a1 of failure domain a in work (maxPerFailureDomain 1)',
  },
  'an unavailable node that is not in work takes no failure domain': {
    waiting: 'a2',
    unavailable: 'a1',
    limits: [2, 1],
    start: 'a2',
  },
  'only the first node held back is named': {
    waiting: 'a1 a2 b1',
    limits: [1, 1],
    start: 'a1',
    blockedBy: 'a2: a1 of failure domain a in work (maxPerFailureDomain 1)',
  },
};

describe('nextNodes', () => {
  for (const [name, given] of Object.entries(cases)) {
    it(name, () => {
      const { waiting, running = '', unavailable = '', limits, holds, atLeastOne } = given;
      const decision = nextNodes({
        waiting: nodes(waiting),
        running: nodes(running),
        unavailable: nodes(unavailable).map((entry) => entry.node),
        maxUnavailable: limits[0],
        maxPerFailureDomain: limits[1],
        ...(holds ? { holds } : {}),
        ...(atLeastOne ? { atLeastOne } : {}),
      });
      assert.equal(decision.start.join(' '), given.start);
      assert.equal(decision.blockedBy, given.blockedBy ?? '');
    });
  }
});

/** A fleet of up to 12 nodes in up to four failure domains, and two limits. */
const world = fc.record({
  fleet: fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 })
    .map((domains) =>
      domains.map((failureDomain, i) => ({ node: `${failureDomain}${i}`, failureDomain })),
    ),
  maxUnavailable: fc.integer({ min: 1, max: 5 }),
  maxPerFailureDomain: fc.integer({ min: 1, max: 3 }),
  /** For each step, which node in work ends, and which others are unavailable meanwhile. */
  steps: fc.array(
    fc.record({ ends: fc.nat(), others: fc.array(fc.nat({ max: 15 }), { maxLength: 4 }) }),
    { maxLength: 40 },
  ),
});

interface World {
  readonly fleet: readonly BudgetNode[];
  readonly maxUnavailable: number;
  readonly maxPerFailureDomain: number;
}

/** One wave as the workflow runs it: decide, start, let one end, look again. */
class Simulation {
  waiting: BudgetNode[];
  running: BudgetNode[] = [];
  readonly started: string[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    this.waiting = [...world.fleet];
  }

  decide(others: readonly string[]): void {
    const { maxUnavailable, maxPerFailureDomain } = this.world;
    // A node in work is cordoned, so the cluster lists it as well.
    const unavailable = [...new Set([...others, ...this.running.map((entry) => entry.node)])];
    const input: BudgetInput = {
      waiting: this.waiting,
      running: this.running,
      unavailable,
      maxUnavailable,
      maxPerFailureDomain,
    };
    const { start, blockedBy } = nextNodes(input);
    const chosen = this.waiting.filter((entry) => start.includes(entry.node));
    assert.equal(chosen.length, start.length, 'starts only nodes that wait, each once');
    this.waiting = this.waiting.filter((entry) => !start.includes(entry.node));
    this.running.push(...chosen);
    this.started.push(...start);
    assert.equal(blockedBy === '', this.waiting.length === 0, 'says why whatever waits has to');
    this.assertWithinBudget(unavailable, start);
  }

  end(index: number): void {
    if (this.running.length > 0) this.running.splice(index % this.running.length, 1);
  }

  private assertWithinBudget(before: readonly string[], start: readonly string[]): void {
    const { maxUnavailable, maxPerFailureDomain } = this.world;
    const after = new Set([...before, ...start]);
    if (after.size > before.length) assert.ok(after.size <= maxUnavailable, 'maxUnavailable');
    for (const domain of new Set(this.running.map((entry) => entry.failureDomain))) {
      const inWork = this.running.filter((entry) => entry.failureDomain === domain);
      assert.ok(inWork.length <= maxPerFailureDomain, 'maxPerFailureDomain');
    }
  }
}

describe('nextNodes over a whole wave', () => {
  it('never exceeds the budget, whatever others make unavailable', () => {
    fc.assert(
      fc.property(world, ({ steps, ...rest }) => {
        const simulation = new Simulation(rest);
        for (const { ends, others } of steps) {
          // Some are nodes of the wave, some are others of the cluster.
          simulation.decide(others.map((i) => rest.fleet[i]?.node ?? `x${i}`));
          simulation.end(ends);
        }
      }),
    );
  });

  it('starts every node once there is room', () => {
    fc.assert(
      fc.property(world, ({ steps: _, ...rest }) => {
        const simulation = new Simulation(rest);
        for (let round = 0; round < rest.fleet.length; round++) {
          simulation.decide([]);
          simulation.end(0);
        }
        assert.deepEqual(
          [...simulation.started].sort(),
          rest.fleet.map((entry) => entry.node).sort(),
        );
      }),
    );
  });

  it('uses the whole budget: whatever waits would break a limit', () => {
    fc.assert(
      fc.property(world, ({ steps: _, ...rest }) => {
        const simulation = new Simulation(rest);
        simulation.decide([]);
        for (const { failureDomain } of simulation.waiting) {
          const same = simulation.running.filter((entry) => entry.failureDomain === failureDomain);
          const full = simulation.running.length === rest.maxUnavailable;
          assert.ok(full || same.length === rest.maxPerFailureDomain);
        }
      }),
    );
  });
});
