/** What chat says, and that it fits into Slack. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCommand } from '../../client/chat/commands.ts';
import { planSections } from '../../client/chat/progress-words.ts';
import { detailsView, messageBlocks, textOf } from '../../client/chat/slack-blocks.ts';
import { closedWords, gateMessage, gateWords, noticeMessage } from '../../client/chat/words.ts';
import type { GateStatus, RecordedVote } from '../../workflows/contract.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import { outcomeOf, statusOf, viewOf } from '../client/kit.ts';
import { planOf } from '../workflows/fixtures.ts';
import { plannedFor } from './fake-rollouts.ts';

const planned = plannedFor('patch', {
  approval: { quorum: 2, gates: [{ at: 'BeforeWave', quorum: 1 }] },
});
const gate: GateStatus = {
  ...{ id: 'before-canary', digest: 'sha256:1', evidence: [], run: 'run-1', approvedBy: [] },
  ...{ openedAt: '2026-11-24T22:00:00Z', expiresAt: '2026-12-01T22:00:00Z' },
  rules: {
    ...{ quorum: 2, roles: ['sre', 'dba'], requesterMayApprove: true },
    ...{ identity: 'Attested' as const, expirySeconds: 600 },
  },
};

function vote(by: string, change: Partial<RecordedVote> = {}): RecordedVote {
  const base = { at: '2026-11-24T22:00:00Z', decision: 'Approve' as const };
  return { by, gate: 'before-canary', digest: 'sha256:1', ...base, ...change };
}

test('a gate says what it takes', () => {
  const { state } = gateMessage(planned, { ...gate, approvedBy: ['ada'] });
  assert.deepEqual(state, [
    '1 of 2 approvals (ada)',
    'Takes the role sre or dba; signed votes only; until 2026-12-01 22:00:00Z',
  ]);
});

test('a gate counts what the plan disturbs', () => {
  const pod = { namespace: 'shop', pod: 'db-0', owner: 'StatefulSet/db' };
  const impact: PlanResult['impact'] = [
    {
      ...{ cluster: 'east', node: 'east-1', containersThatMustSurvive: 4 },
      pods: [
        { ...pod, effect: 'Evicted' },
        { ...pod, effect: 'WaitedFor' },
        { ...pod, effect: 'Blocks' },
      ],
    },
  ];
  const { sections } = gateMessage({ ...planned, impact, warnings: ['a warning'] }, gate);
  assert.deepEqual(sections.find(({ title }) => title === 'Impact')?.lines, [
    '1 pod evicted, 1 Job pod waited for, 4 containers must survive, 1 blocker, 1 warning',
    'Warning: a warning',
  ]);
});

for (const [id, words] of [
  ['before-canary', 'before the canary'],
  ['after-canary', 'after the canary'],
  ['before-wave-1', 'before wave-1'],
  ['before-rollback', 'before the rollback'],
  ['review', 'in review, after it was urgent'],
] as const) {
  test(`gate ${id} is "${words}"`, () => assert.equal(gateWords(id), words));
}

const rejected = outcomeOf({ outcome: 'Rejected', reasons: ['nobody approved within 600 s'] });
const stopped = outcomeOf({ outcome: 'Halted', reasons: ['stopped by ada'] });
const closings: readonly (readonly [string, Parameters<typeof viewOf>[0], string])[] = [
  [
    'enough votes',
    { status: statusOf({ votes: [vote('ada'), vote('grace')] }) },
    'Approved by ada; grace',
  ],
  [
    'a rejection, whatever votes it had',
    {
      status: statusOf({
        votes: [vote('ada'), vote('grace'), vote('eve', { decision: 'Reject', reason: 'no' })],
      }),
    },
    'Rejected by eve: no',
  ],
  [
    'one vote twice',
    { outcome: stopped, status: statusOf({ votes: [vote('ada'), vote('ada')] }) },
    'Halted: stopped by ada. It had 1 of 2 approvals.',
  ],
  [
    'no votes in time',
    { outcome: rejected },
    'Rejected: nobody approved within 600 s. It had 0 of 2 approvals.',
  ],
  [
    'votes for another gate and for another digest',
    {
      outcome: stopped,
      status: statusOf({ votes: [vote('ada', { gate: 'review' }), vote('eve', { digest: 'x' })] }),
    },
    'Halted: stopped by ada. It had 0 of 2 approvals.',
  ],
  [
    'votes that are void',
    { status: statusOf({ votes: [vote('ada', { void: 'what was approved has changed' })] }) },
    'Void: what was approved has changed. Votes on this message do not count; look at the newer one.',
  ],
  [
    'a workflow that was terminated',
    {
      state: 'Terminated',
      failure: { type: 'Terminated', message: 'Terminated from outside', exitCode: 1 },
    },
    'Terminated from outside. It had 0 of 2 approvals.',
  ],
];
for (const [name, change, words] of closings) {
  test(`a gate that is closed with ${name}: ${words}`, () => {
    const was = { gate: 'before-canary', digest: 'sha256:1' };
    assert.deepEqual(closedWords(viewOf(change), planned.plan, was), [words]);
  });
}

test('a gate before a wave has a quorum of its own', () => {
  const was = { gate: 'before-wave-1', digest: 'sha256:1' };
  const votes = [vote('ada', { gate: 'before-wave-1' })];
  const view = viewOf({ status: statusOf({ votes }) });
  assert.deepEqual(closedWords(view, planned.plan, was), ['Approved by ada']);
});

test('a notice calls whom the service knows, and names the others', () => {
  const people = planned.plan.policy.spec.people;
  const base = { id: 'n', at: '', cause: 'Void' as const, channels: [] };
  const notice = { ...base, lines: ['head', 'more'], people: ['Ada ', 'eve'] };
  const { headline, sections, state, mentions } = noticeMessage(notice, people, 'slack');
  assert.deepEqual([headline, sections], ['head', [{ lines: ['more'] }]]);
  assert.deepEqual([state, mentions], [['For eve'], ['slack:U0ADA']]);
  assert.deepEqual(noticeMessage(notice, people, 'webhook').mentions, ['webhook:ci/ada']);
});

test('the greatest plan fits into a message and a dialog of Slack', () => {
  const { policy } = planned.plan;
  const big = { plan: { ...planOf({ count: 300 }), policy }, impact: [] };
  const long = 'x'.repeat(9000);
  const wide = { ...gate, evidence: Array.from({ length: 50 }, (_, i) => `${i} ${long}`) };
  const { blocks, text } = messageBlocks(gateMessage({ ...big, warnings: [long, long] }, wide));
  const dialog = detailsView('a-rollout-with-a-very-long-name', planSections(big));
  for (const block of [...blocks, ...dialog.blocks]) {
    const shown = (block as { text?: { type: string; text: string } }).text;
    if (shown) assert.ok(shown.text.length <= (shown.type === 'plain_text' ? 150 : 3000));
  }
  assert.ok(blocks.length <= 50 && dialog.blocks.length <= 100 && text.length <= 3000);
  assert.equal(blocks.at(-1)?.type, 'actions');
  assert.ok(dialog.title.text.length <= 24);
  assert.ok(textOf([long]).length <= 3000);
  const words = JSON.stringify(dialog.blocks);
  assert.ok((words.match(/east-\d+ \(/g) ?? []).length >= 60);
  assert.match(words, /and \d+ waves more/);
});

test('a digest is asked for in full enough', () => {
  for (const digest of ['', '0123', 'latest', 'sha256:xyz']) {
    assert.equal(parseCommand(`approve patch ${digest}`).kind, 'Help', digest);
  }
  assert.deepEqual(parseCommand(' APPROVE  patch sha256:0123456789ab  looks   good '), {
    ...{ kind: 'Vote', decision: 'Approve', rollout: 'patch' },
    ...{ digest: 'sha256:0123456789ab', reason: 'looks good' },
  });
});
