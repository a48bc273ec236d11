/** What people are told, word by word, and who is told what. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NodeOutcome, RecordedVote, RolloutOutcome } from '../../workflows/contract.ts';
import { groupsOf, routed, type Told } from '../../workflows/domain/notice-routing.ts';
import {
  addedNotices,
  backNotices,
  cancelledNotices,
  endedNotices,
  plannedNotices,
  startedNotices,
  stayNotices,
  voidNotices,
  waveNotices,
} from '../../workflows/domain/notices.ts';
import type { OwnerImpact, PlanResult } from '../../workflows/domain/plan-types.ts';
import { type Disruption, type Policy, policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';

type Notices = Policy['spec']['notices'];

const AT = '2026-11-25T20:00:00.000Z';
const NONE = { evicted: 0, waitedFor: 0, blocked: 0, restarted: 0 };
const PAY: OwnerImpact = {
  owner: 'pay',
  workloads: ['shop/cart (Deployment)'],
  count: 1,
  waves: [{ wave: 'canary', ...NONE, evicted: 2, waitedFor: 1 }],
};
const SHOP: OwnerImpact = {
  owner: 'shop',
  workloads: ['shop/db (StatefulSet)', 'shop/web (Deployment)'],
  count: 2,
  waves: [
    { wave: 'wave-1', ...NONE, evicted: 1, blocked: 1 },
    { wave: 'wave-2', ...NONE, evicted: 3 },
  ],
};
const NOBODY: OwnerImpact = {
  workloads: ['shop/lost (Pod)'],
  count: 1,
  waves: [{ wave: 'wave-1', ...NONE, evicted: 1 }],
};

/** A plan of five nodes: a canary, and two waves of two. */
function planned(
  spec: object = {},
  more: Partial<PlanResult> = { owners: [PAY, SHOP, NOBODY] },
  disruption: Disruption = 'Drain',
): PlanResult {
  const notices = { channels: ['slack:#platform'], owners: { shop: ['slack:#shop'] } };
  const full = policySchema.parse({
    ...policy,
    spec: { ...policy.spec, notices, ...spec },
  });
  return { plan: planOf({ count: 5, disruption, policy: full }), impact: [], ...more };
}

/** As a reader sees them: a first line with cause, channels and people, then the text. */
const read = (told: readonly Told[]) =>
  told.map(({ cause, channels, people = [], lines }) =>
    [[cause, ...channels, ...people].join(' '), ...lines].join('\n'),
  );

const text = (...lines: string[]) => lines.join('\n');

describe('the notice of a plan', () => {
  const [what, object, back, details] = [
    'What: containerd 1.6.20~ds1-1+deb12u2 to 1.6.20~ds1-1+deb12u3; each node is drained first',
    'To object: `tidegate reject patch --as WHO --reason WHY` while it waits for approval, `tidegate pause patch --as WHO --reason WHY` at any time, or ask platform-oncall',
    'Way back: a node that fails is put back at once; after the first failed node all updated nodes go back; by hand `tidegate rollback patch --as WHO`',
    'Details: `tidegate status patch`',
  ] as const;

  it('says why, what, where, when, how to object and how it is rolled back, and to owners what is theirs', () => {
    const when = `When: once 1 person has approved it, until 2026-12-02T20:00:00Z; then about 13 min if nothing waits`;
    const why = 'Why: CVE-2025-64329 (requested by platform-oncall); fixes CVE-2025-64329';
    assert.deepEqual(read(plannedNotices(planned(), AT)), [
      text(
        'Planned slack:#platform',
        'Rollout patch is planned: containerd-deb12u3 on 5 nodes of east',
        why,
        what,
        'Where: canary (1 node of east), wave-1 (2 nodes of east), wave-2 (2 nodes of east)',
        'Impact: 7 pods evicted, 1 waited for, 1 in the way of the drain, of 4 workloads',
        'Owners: pay (2 pods evicted, 1 waited for), shop (4 pods evicted, 1 in the way of the drain); nobody is named for 1 workload',
        ...[when, object, back, details],
      ),
      text(
        'Planned slack:#shop',
        'Rollout patch is planned and will disturb workloads of shop',
        'shop: shop/db (StatefulSet), shop/web (Deployment): 4 pods evicted, 1 in the way of the drain in wave-1, wave-2',
        ...[why, what, when, object, back, details],
      ),
    ]);
  });

  it('that was made anew says so', () => {
    const [first] = plannedNotices(planned(), AT, true);
    assert.match(first?.lines[0] ?? '', /^Rollout patch is planned anew: /);
  });

  const window = { days: ['Mon', 'Tue'], start: '22:00', durationMinutes: 240 };
  const zone = { timeZone: 'Europe/Berlin' };
  const nightly = { name: 'nightly', ...window, ...zone };
  const yearEnd = { name: 'year-end', reason: 'sales', from: '2026-12-20', to: '2027-01-03' };
  const approval = (more: object) => ({ approval: { ...policy.spec.approval, ...more } });
  const rows: [what: string, spec: object, more: Partial<PlanResult>, when: string][] = [
    [
      'without approval',
      approval({ required: false }),
      {},
      'at once, the policy asks for no approval; ',
    ],
    [
      'with a quorum of certain roles',
      {
        ...approval({ quorum: 2, roles: ['sre', 'lead'], expirySeconds: 3600 }),
        people: ['ada', 'bob', 'eve'].map((name) => ({ name, roles: ['sre', 'lead'] })),
      },
      {},
      'once 2 people have approved it (sre, lead), until 2026-11-25T21:00:00Z; ',
    ],
    [
      'after a notice period',
      { ...approval({ required: false }), notices: { leadSeconds: 86_400 } },
      {},
      'at once, the policy asks for no approval; not before 2026-11-26T20:00:00Z; ',
    ],
    [
      'in windows, while somebody is on call, outside of freezes',
      {
        ...approval({ required: false }),
        windows: [nightly, { ...nightly, name: 'west', regions: ['us-west'] }],
        onCall: [{ ...window, durationMinutes: 90, ...zone }],
        freezes: [
          { ...yearEnd, ...zone },
          { ...yearEnd, name: 'yearly', every: 'Year', ...zone },
        ],
      },
      { firstOpening: '2026-11-30T21:00:00Z' },
      'at once, the policy asks for no approval; not before 2026-11-30T21:00:00Z; ' +
        'in the windows nightly (Mon Tue 22:00 for 4 h, Europe/Berlin), west (Mon Tue 22:00 for 4 h, Europe/Berlin, us-west); ' +
        'while somebody is on call, Mon Tue 22:00 for 1 h 30 min, Europe/Berlin; ' +
        'not in the freezes year-end (2026-12-20 to 2027-01-03: sales), yearly (12-20 to 01-03 each year: sales); ',
    ],
  ];
  for (const [name, spec, more, when] of rows) {
    it(`says when it begins: ${name}`, () => {
      const [first] = plannedNotices(planned(spec, more), AT);
      const line = first?.lines.find((one) => one.startsWith('When: '));
      assert.equal(line, `When: ${when}then about 13 min if nothing waits`);
      assert.equal(
        first?.lines.some((one) => one.includes('tidegate reject')),
        name === 'with a quorum of certain roles',
      );
    });
  }

  it('says what a restart of a daemon means', () => {
    const node = { cluster: 'east', node: 'east-1', containersThatMustSurvive: 12, pods: [] };
    const [first] = plannedNotices(planned({}, { impact: [node, node] }, 'Restart'), AT);
    assert.equal(
      first?.lines.find((line) => line.startsWith('Impact')),
      'Impact: no pod is evicted; 24 containers must keep running, or their node is put back',
    );
  });

  it('is told to nobody by a policy of before', () => {
    const made = planned();
    const { notices: _, ...spec } = made.plan.policy.spec;
    const plan = { ...made.plan, policy: { name: 'old', spec: spec as Policy['spec'] } };
    assert.deepEqual(plannedNotices({ ...made, plan }, AT), []);
  });
});

const node = (
  name: string,
  outcome: NodeOutcome['outcome'],
  ...reasons: string[]
): NodeOutcome => ({
  ...{ cluster: 'east', node: name, outcome, reasons, packages: [], durationMs: 1, phasesMs: {} },
  ...{ containersBefore: 0, containersSurvived: 0, podsEvicted: [], jobPodsLost: [] },
});

describe('the notice of the start', () => {
  it('says what begins and how to stop it', () => {
    const made = planned();
    const [canary] = made.plan.waves;
    assert.ok(canary);
    const [general, shop] = read(startedNotices(made, canary));
    assert.equal(
      general?.split('\n')[1],
      'Rollout patch has started: containerd-deb12u3 on 5 nodes of east, canary first',
    );
    assert.deepEqual(shop?.split('\n'), [
      'Started slack:#shop',
      'Rollout patch has started and disturbs workloads of shop',
      'shop: shop/db (StatefulSet), shop/web (Deployment): 4 pods evicted, 1 in the way of the drain in wave-1, wave-2',
      'What: containerd 1.6.20~ds1-1+deb12u2 to 1.6.20~ds1-1+deb12u3; each node is drained first',
      'To stop it: `tidegate pause patch --as WHO` or `tidegate stop patch --as WHO`',
    ]);
  });
});

describe('the notice of a wave that went wrong in part', () => {
  it('gathers its nodes, and concerns whose pods were in it', () => {
    const nodes = [
      node('east-2', 'RolledBack', 'apt failed'),
      node('east-3', 'NeedsAttention', 'cannot be reached'),
      node('east-4', 'Updated'),
    ];
    const gathered = [
      'Rollout patch: 2 of 3 nodes of wave-1 failed (1 put back, 1 left to a person); it goes on',
      'east-2 RolledBack: apt failed',
      'east-3 NeedsAttention: cannot be reached',
    ] as const;
    assert.deepEqual(read(waveNotices(planned(), { wave: 'wave-1', nodes })), [
      text(
        'Trouble slack:#platform',
        ...gathered,
        'For people: east-3; the annotation tidegate.dev/needs-attention of the node says why',
      ),
      text(
        'Trouble slack:#shop',
        gathered[0],
        'It concerns workloads of shop',
        ...gathered.slice(1),
      ),
    ]);
    assert.equal(waveNotices(planned(), { wave: 'canary', nodes }).length, 1);
  });

  it('names five nodes and counts the others', () => {
    const nodes = Array.from({ length: 9 }, (_, i) => node(`n-${i}`, 'RolledBack', 'x'));
    const [told] = waveNotices(planned(), { wave: 'wave-1', nodes });
    assert.deepEqual(told?.lines.slice(-2), ['n-4 RolledBack: x', 'and 4 more']);
  });

  it('is none where every node went well or was left alone', () => {
    const nodes = [node('east-2', 'Updated'), node('east-3', 'Skipped', 'held')];
    assert.deepEqual(waveNotices(planned(), { wave: 'wave-1', nodes }), []);
  });
});

describe('the notice of a way back', () => {
  const reason = 'wave-1 failed: east-2 RolledBack (failure budget 0)';

  it('says which pods are disturbed once more, and how to keep what is', () => {
    const spec = {
      notices: { channels: [], owners: { pay: ['slack:#pay'], shop: ['slack:#shop'] } },
      approval: { ...policy.spec.approval, gates: [{ at: 'BeforeRollback' }] },
    };
    assert.deepEqual(
      read(backNotices(planned(spec), { reason, nodes: ['east/east-1'] }))[1],
      text(
        'Trouble slack:#pay',
        'Rollout patch is taken back: 1 updated node goes back to what ran before, once that is approved',
        'pay: 2 pods evicted, 1 waited for once more in canary',
        `Why: ${reason}`,
        'To leave them as they are: `tidegate stop patch --as WHO`',
      ),
    );
  });

  it('is taken back where nodes are tried again first', () => {
    assert.deepEqual(read(stayNotices(planned(), ['east/east-2'])), [
      text(
        'Trouble slack:#platform',
        'Rollout patch is not taken back for now: what has failed is tried again',
      ),
      text(
        'Trouble slack:#shop',
        'Rollout patch is not taken back for now: what has failed is tried again',
        'It concerns workloads of shop',
      ),
    ]);
  });

  it('is none where no node goes back', () => {
    assert.deepEqual(backNotices(planned(), { reason, nodes: [] }), []);
  });
});

describe('the notice of votes that count no more', () => {
  it('goes to each voter once', () => {
    const votes = ['ada', 'bob', 'ada'].map(
      (by): RecordedVote => ({ by, at: AT, decision: 'Approve' }),
    );
    assert.deepEqual(read(voidNotices(planned(), { votes, why: 'the plan has changed' })), [
      text(
        'Void slack:#platform ada bob',
        'Rollout patch: the approval of ada, bob does not count any more',
        'Why: the plan has changed',
        'Look at it and vote again: `tidegate status patch` shows what to approve',
      ),
    ]);
    assert.deepEqual(voidNotices(planned(), { votes: [], why: '' }), []);
  });
});

describe('the notice of the end', () => {
  const ended = (outcome: RolloutOutcome['outcome'], more: Partial<RolloutOutcome> = {}) =>
    endedNotices(planned(), {
      ...{ rollout: 'patch', outcome, reasons: [], digest: 'sha256:1', nodes: [], untouched: [] },
      ...{ rolledBack: [], needsAttention: [] },
      ...{ startedAt: AT, finishedAt: '2026-11-25T21:02:00.000Z', ...more },
    });

  it('says what was done, what was not, and what is left to people', () => {
    const nodes = [node('east-1', 'Updated'), node('east-2', 'NeedsAttention', 'x')];
    const told = ended('Halted', {
      nodes,
      reasons: ['stopped by ada: lunch'],
      untouched: ['east/east-3', 'east/east-4', 'east/east-5'],
      needsAttention: ['east/east-2'],
    });
    assert.deepEqual(read(told), [
      text(
        'Ended slack:#platform',
        'Rollout patch has ended as Halted: of 5 nodes 1 Updated, 1 NeedsAttention, 3 not touched',
        'Why: stopped by ada: lunch',
        'For people: east/east-2; the annotation tidegate.dev/needs-attention of the node says why',
        'It took 1 h 2 min',
      ),
      text(
        'Ended slack:#shop',
        'Rollout patch has ended as Halted: it disturbs workloads of shop no more',
        'shop: wave-1 done, wave-2 not begun',
        'Why: stopped by ada: lunch',
      ),
    ]);
  });

  const updated = [node('east-1', 'Updated'), node('east-2', 'Updated')];
  const rows: [RolloutOutcome['outcome'], Partial<RolloutOutcome>, string][] = [
    ['Rejected', {}, 'none of 5 nodes was touched'],
    ['Succeeded', { nodes: updated }, 'of 5 nodes 2 Updated'],
    [
      'RolledBack',
      { nodes: updated, rolledBack: updated },
      'of 5 nodes 2 Updated, 2 taken back afterwards',
    ],
  ];
  for (const [outcome, more, head] of rows) {
    it(`counts nodes: ${outcome}`, () => {
      const lines = ended(outcome, more)[0]?.lines ?? [];
      assert.equal(lines[0], `Rollout patch has ended as ${outcome}: ${head}`);
      const back = lines.some((line) => line.includes('tidegate rollback'));
      assert.equal(back, outcome === 'Succeeded');
    });
  }

  it('names five reasons and counts the others', () => {
    const reasons = Array.from({ length: 7 }, (_, i) => `r${i}`);
    const [told] = ended('Halted', { reasons });
    assert.deepEqual(told?.lines.slice(1), [
      ...['Why: r0', 'Why: r1', 'Why: r2', 'Why: r3', 'Why: r4', 'and 2 more'],
      'It took 1 h 2 min',
    ]);
  });

  it('may be followed by what is known later, and says of a cancellation what it left', () => {
    assert.deepEqual(read(addedNotices(planned(), ['the Lease of east is still there'])), [
      text(
        'Ended slack:#platform',
        'Rollout patch, after its end:',
        'the Lease of east is still there',
      ),
    ]);
    assert.equal(cancelledNotices(planned()).length, 2);
  });
});

describe('docs/notices.md', () => {
  it('shows notices as they are', async () => {
    const file = fileURLToPath(new URL('../../docs/notices.md', import.meta.url));
    const page = await readFile(file, 'utf8');
    const shown = [...page.matchAll(/```text\n([\s\S]*?)\n```/g)].map(([, block]) => block);
    const told = plannedNotices(planned(), AT);
    assert.deepEqual(
      shown,
      told.map(({ lines }) => lines.join('\n')),
    );
  });
});

describe('routing', () => {
  const owner = (name: string): OwnerImpact => ({ ...PAY, owner: name });
  const rows: [what: string, notices: Partial<Notices>, owners: OwnerImpact[], told: string[]][] = [
    ['nobody where nobody is named', { owners: { '*': ['a'] } }, [NOBODY], []],
    ['an owner at its channels', { owners: { x: ['a', 'b'] } }, [owner('x')], ['a b: x']],
    [
      'others by "*"',
      { owners: { x: ['a'], '*': ['c'] } },
      [owner('x'), owner('y')],
      ['a: x', 'c: y'],
    ],
    ['nobody without a channel', { owners: { x: ['a'] } }, [owner('y')], []],
    [
      'a channel once, of all its owners',
      { owners: { x: ['a'], y: ['a', 'b'] } },
      [owner('x'), owner('y')],
      ['a: x y', 'b: y'],
    ],
    [
      'never a channel that is told everything',
      { channels: ['a'], owners: { x: ['a', 'b'] } },
      [owner('x')],
      ['b: x'],
    ],
    ['a channel that is written twice once', { owners: { x: ['a', 'a'] } }, [owner('x')], ['a: x']],
  ];
  for (const [what, notices, owners, told] of rows) {
    it(`tells ${what}`, () => {
      const groups = groupsOf({ ...policy.spec.notices, ...notices }, owners);
      assert.deepEqual(
        groups.map(
          (group) =>
            `${group.channels.join(' ')}: ${group.owners.map((one) => one.owner).join(' ')}`,
        ),
        told,
      );
    });
  }

  it('keeps messages short, whatever they are made of', () => {
    const general = Array.from({ length: 100 }, () => 'x'.repeat(5000));
    const owners = Array.from({ length: 40 }, (_, i) => owner(`o${i}`));
    const notices = { ...policy.spec.notices, owners: { '*': ['slack:#all'] } };
    const [first] = routed(notices, { cause: 'Trouble', general });
    assert.equal(first?.lines.length, 24);
    assert.equal(first.lines.at(-1), 'and 77 more lines');
    assert.ok(first.lines.every((line) => line.length <= 500));
    const made = planned({ notices }, { owners });
    const told = plannedNotices(made, AT)[1];
    assert.match(told?.lines[0] ?? '', /workloads of o0, o1, o2, o3, o4 and 35 more$/);
    assert.equal(told?.lines[11], 'and 30 owners more');
  });
});
