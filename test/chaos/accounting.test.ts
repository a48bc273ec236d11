import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeOutcome, RolloutOutcome } from '../../workflows/contract.ts';
import { nodeOutcome } from '../client/kit.ts';
import { bookGaps, type NodeBooks, openWork, outcomeGaps, toldOf } from './accounting.ts';
import { type HistoryEvent, type Story, storyOf } from './history.ts';

const id = 'node/east/east-1';
const books: NodeBooks = {
  node: 'east-1',
  told: 'Updated',
  evictedSeen: [],
  evictedSaid: [],
  installed: { to: 1, from: 0 },
  powerLost: false,
};

function ran(names: readonly string[], change: Partial<Story> = {}): Story {
  return {
    workflowId: id,
    type: 'nodeWorkflow',
    input: { direction: 'Forward' },
    activities: names.map((name) => ({ name, end: 'Completed' })),
    children: [],
    end: { kind: 'Completed' },
    ...change,
  };
}

function gaps(change: Partial<NodeBooks>, ...stories: Story[]): number {
  return bookGaps({ ...books, ...change }, stories).length;
}

const forward = ran(['inspect', 'apply', 'verify']);
const undone = ran(['inspect', 'apply', 'verify', 'revert']);

describe('the books of a node', () => {
  it('account for evictions that are told as they were seen', () => {
    const pods = ['shop/web-1', 'shop/web-2'];
    assert.equal(gaps({ evictedSeen: pods, evictedSaid: [...pods].reverse() }, forward), 0);
    assert.equal(gaps({ evictedSeen: pods, evictedSaid: ['shop/web-1'] }, forward), 1);
    assert.equal(gaps({ evictedSeen: pods, evictedSaid: [] }, forward), 2);
    assert.equal(gaps({ evictedSeen: [], evictedSaid: ['shop/web-1'] }, forward), 1);
  });

  it('account for each installation by a run that meant to make it', () => {
    const rolledBack = { told: 'RolledBack', installed: { to: 1, from: 1 } } as const;
    assert.equal(gaps({}, forward), 0);
    assert.equal(gaps(rolledBack, undone), 0);
    assert.equal(gaps({ installed: { to: 2, from: 0 } }, forward), 1);
    assert.equal(gaps({}, ran(['inspect', 'stage'])), 1);
    assert.equal(gaps({ installed: { to: 0, from: 0 } }, forward), 1);
    assert.equal(gaps({ ...rolledBack, installed: { to: 1, from: 3 } }, undone), 1);
  });

  it('count a second run, and the way back of a whole rollout', () => {
    assert.equal(gaps({ installed: { to: 2, from: 0 } }, forward, forward), 0);
    const back = ran(['inspect', 'apply'], { input: { direction: 'Back' } });
    const taken = { told: 'TakenBack', installed: { to: 1, from: 1 } } as const;
    assert.equal(gaps(taken, forward, back), 0);
    assert.equal(gaps({ ...taken, installed: { to: 2, from: 1 } }, forward, back), 1);
  });

  it('let a node that lost power finish an installation once more', () => {
    const twice = { installed: { to: 2, from: 0 } };
    assert.equal(gaps({ ...twice, powerLost: true }, forward), 0);
    assert.equal(gaps({ installed: { to: 3, from: 0 }, powerLost: true }, forward), 1);
  });

  it('refuse an installation on a node that is told to be left alone', () => {
    for (const told of ['Skipped', 'Deferred', 'Untouched'] as const) {
      assert.equal(gaps({ told, installed: { to: 1, from: 1 } }, undone), 1, told);
      assert.equal(gaps({ told, installed: { to: 0, from: 0 } }, undone), 0, told);
    }
  });
});

function outcome(change: Partial<RolloutOutcome>): RolloutOutcome {
  return {
    rollout: 'x',
    outcome: 'Succeeded',
    reasons: [],
    digest: '',
    nodes: [nodeOutcome('east-1')],
    untouched: ['east/east-2'],
    rolledBack: [],
    needsAttention: [],
    startedAt: '',
    finishedAt: '',
    ...change,
  };
}

describe("a rollout's outcome", () => {
  const planned = ['east/east-1', 'east/east-2'];
  const count = (change: Partial<RolloutOutcome>) => outcomeGaps(planned, outcome(change)).length;
  const bad = (reasons: string[]) => [nodeOutcome('east-1', { outcome: 'RolledBack', reasons })];

  it('tells of every planned node once, and of no other', () => {
    assert.equal(count({}), 0);
    assert.equal(count({ untouched: [] }), 1);
    assert.equal(count({ untouched: ['east/east-1', 'east/east-2'] }), 1);
    assert.equal(count({ untouched: ['east/east-2', 'east/east-3'] }), 1);
  });

  it('has a reason for every node that was not updated', () => {
    assert.equal(count({ nodes: bad(['the package is broken']) }), 0);
    assert.equal(count({ nodes: bad([]) }), 1);
    assert.equal(count({ nodes: bad(['']) }), 1);
  });

  it('lists the nodes that a person must look at', () => {
    const nodes = [nodeOutcome('east-1', { outcome: 'NeedsAttention', reasons: ['no answer'] })];
    assert.equal(count({ nodes, needsAttention: ['east/east-1'] }), 0);
    assert.equal(count({ nodes }), 1);
  });
});

describe('open work', () => {
  it('is a workflow or an activity without an end', () => {
    const { end: _, ...running } = forward;
    assert.deepEqual(openWork([forward, undone]), []);
    assert.deepEqual(openWork([running]), [`${id} is still open`]);
    const begun = ran([], { activities: [{ name: 'apply' }] });
    assert.deepEqual(openWork([begun]), [`apply of ${id} was started, and has no end`]);
  });

  it('is not what somebody terminated', () => {
    const ended = ran([], { activities: [{ name: 'apply' }], end: { kind: 'Terminated' } });
    assert.deepEqual(openWork([ended]), []);
  });
});

describe('what is told of a node', () => {
  const rollout = (result: RolloutOutcome) =>
    ran([], { workflowId: 'rollout/x', end: { kind: 'Completed', result } });
  const node = (result: NodeOutcome) => ran([], { end: { kind: 'Completed', result } });

  it('is what the rollout says, its way back included', () => {
    assert.equal(toldOf('east-1', [rollout(outcome({}))]), 'Updated');
    assert.equal(toldOf('east-2', [rollout(outcome({}))]), 'Untouched');
    const rolledBack = [nodeOutcome('east-1')];
    assert.equal(toldOf('east-1', [rollout(outcome({ rolledBack }))]), 'TakenBack');
    const stuck = [nodeOutcome('east-1', { outcome: 'RolledBack' })];
    assert.equal(toldOf('east-1', [rollout(outcome({ rolledBack: stuck }))]), 'Updated');
  });

  it('is what its own workflow says where the rollout was cancelled or terminated', () => {
    const cancelled = ran([], { workflowId: 'rollout/x', end: { kind: 'Canceled' } });
    const back = node(nodeOutcome('east-1', { outcome: 'RolledBack' }));
    assert.equal(toldOf('east-1', [cancelled, back]), 'RolledBack');
    assert.equal(toldOf('east-1', [cancelled]), 'Untouched');
  });
});

describe('a history', () => {
  it('tells what was started, how it ended, and with what', () => {
    const data = Buffer.from('{"outcome":"Updated"}');
    const json = { encoding: Buffer.from('json/plain') };
    const scheduled = (eventId: number, name: string) =>
      ({
        eventId,
        activityTaskScheduledEventAttributes: { activityType: { name } },
      }) as unknown as HistoryEvent;
    const events = [
      {
        workflowExecutionStartedEventAttributes: { workflowType: { name: 'nodeWorkflow' } },
      },
      scheduled(5, 'inspect'),
      scheduled(6, 'lease'),
      { activityTaskTimedOutEventAttributes: { scheduledEventId: 6 } },
      {
        childWorkflowExecutionStartedEventAttributes: {
          workflowExecution: { workflowId: 'w', runId: 'r' },
        },
      },
      {
        workflowExecutionCompletedEventAttributes: {
          result: { payloads: [{ metadata: json, data }] },
        },
      },
    ] as unknown as HistoryEvent[];
    assert.deepEqual(storyOf('x', events), {
      workflowId: 'x',
      type: 'nodeWorkflow',
      input: undefined,
      activities: [{ name: 'inspect' }, { name: 'lease', end: 'TimedOut' }],
      children: [{ workflowId: 'w', runId: 'r' }],
      end: { kind: 'Completed', result: { outcome: 'Updated' } },
    });
  });
});
