/** What a report makes of the ledger's entries, and what it says of those that are not there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildReport, type ReportQuestion } from '../../workflows/domain/report.ts';
import type { ReportEntry } from '../../workflows/domain/report-entries.ts';
import type { Report } from '../../workflows/domain/report-types.ts';
import {
  CLUSTER,
  CVE,
  Diary,
  digestOf,
  nodeBody,
  planBody,
  RULES,
  stored,
} from '../client/report-kit.ts';
import { NAME, rolledBack, succeeded } from '../client/report-stories.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';

function reportOf(entries: readonly ReportEntry[], question: Partial<ReportQuestion> = {}): Report {
  const answer = buildReport(entries, { rollout: NAME, ...question });
  assert.equal(answer.kind, 'Report');
  return answer.report;
}

/** A short run, to be told on. */
function started(rollout = 'short', run = 'r1', from = '2026-11-24T22:00:00Z'): Diary {
  const diary = new Diary({ rollout, run, from });
  return diary.note('Requested', { request: {}, run }, { actor: 'ops' });
}

describe('a rollout that succeeded', () => {
  const report = reportOf(stored(rolledBack(), succeeded()));

  it('is the newest run of its name, and the other one is mentioned', () => {
    assert.equal(report.run, 'run-2');
    assert.deepEqual(report.otherRuns, [
      { run: 'run-1', startedAt: '2026-11-23T22:00:00.000Z', state: 'RolledBack' },
    ]);
  });

  it('says what came of it, and that some nodes do not run the bundle', () => {
    assert.equal(report.state, 'Succeeded');
    assert.equal(report.tone, 'Careful');
    assert.match(report.headline, /^7 of 9 nodes run containerd-deb12u3\./);
    assert.deepEqual(report.missing, []);
  });

  it('follows every node of the plan to its end', () => {
    assert.deepEqual(Object.fromEntries(report.nodes.map(({ node, end }) => [node, end])), {
      ...{ 'east-1': 'Updated', 'east-2': 'Updated', 'east-3': 'Updated', 'east-4': 'Skipped' },
      ...{ 'east-5': 'Updated', 'east-6': 'Updated', 'east-7': 'Updated' },
      ...{ 'east-8': 'Excluded', 'east-9': 'AlreadyDone' },
    });
  });

  it('counts the commands on each node, and names those that failed', () => {
    const node = report.nodes.find((entry) => entry.node === 'east-2');
    assert.equal(node?.commandsRun, 7);
    assert.deepEqual(
      node?.commandsFailed.map(({ activity, exitCode }) => [activity, exitCode]),
      [['apply', 100]],
    );
  });

  it('knows when a node was in work from its steps, though its wave tells of it later', () => {
    const [run] = report.nodes.find((entry) => entry.node === 'east-5')?.runs ?? [];
    assert.equal(Date.parse(run?.endedAt ?? '') - Date.parse(run?.startedAt ?? ''), 7330);
    assert.equal(run?.steps.length, 9);
  });

  it('says where the CVE is still open', () => {
    const [fix] = report.fixes;
    assert.equal(fix?.id, CVE);
    assert.deepEqual(fix?.openOn, ['east/east-4', 'east/east-8']);
    assert.equal(fix?.closedOn.length, 7);
  });

  it('puts each vote to its gate, the refused one as well', () => {
    const [first, second] = report.gates;
    assert.deepEqual(
      [first?.id, first?.how, first?.approvedBy],
      ['before-canary', 'Passed', ['ada']],
    );
    assert.deepEqual(
      first?.votes.map(({ by, identity }) => [by, identity]),
      [['ada', 'Attested']],
    );
    assert.deepEqual(
      first?.refused.map(({ by }) => by),
      ['platform-oncall'],
    );
    assert.deepEqual(
      second?.votes.map(({ by, via }) => [by, via]),
      [
        ['grace', 'slack'],
        ['ada', 'slack'],
      ],
    );
    assert.deepEqual(report.strayRefusals, []);
  });

  it('tells waiting for people from the rest of the time', () => {
    assert.equal(report.times.awaitedApprovalMs, (271 + 235) * 1000);
    assert.equal(report.times.totalMs, 2_077_720);
  });

  it('names what a reader of the plan would not expect', () => {
    const kinds = report.surprises.map(({ kind, subject }) => `${kind} ${subject}`.trim());
    assert.deepEqual(kinds, [
      'FailedStep east/east-2',
      'Retry east/east-2',
      'LeftOut east/east-4',
      'LeftOut east/east-8',
      'Note east/east-2',
      'Verdict canary',
      'Vote before-canary',
      'Interruption',
      'Interruption',
    ]);
  });

  it('says what to do about nodes that were left', () => {
    const [left, excepted] = report.next;
    assert.match(left?.why ?? '', /^east\/east-4 does not run the update/);
    assert.match(excepted?.why ?? '', /east\/east-8 \(exception gpu-driver until 2026-12-31/);
  });

  it('names its place in the chain', () => {
    const entries = stored(rolledBack(), succeeded());
    const last = entries.at(-1);
    assert.equal(report.proof.chain?.toSeq, last?.seq);
    assert.equal(report.proof.chain?.headHash, last?.hash);
    assert.equal(
      report.proof.chain?.fromSeq,
      entries.find(({ id }) => id === `rollout/${NAME}/run-2/1`)?.seq,
    );
    assert.equal(report.proof.entries, succeeded().entries.length);
  });

  it('is the same whatever the order in which the entries were written', () => {
    const shuffled = [...stored(rolledBack(), succeeded())].reverse();
    assert.deepEqual(reportOf(shuffled), report);
  });

  it('survives JSON unchanged', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  });
});

describe('a rollout that went back', () => {
  const report = reportOf(stored(rolledBack()));

  it('says so, and closes nothing', () => {
    assert.equal(report.state, 'RolledBack');
    assert.equal(
      report.headline,
      '1 node went back to what it ran before; none of 7 nodes runs containerd-deb12u3.',
    );
    assert.deepEqual(report.fixes[0]?.closedOn, []);
  });

  it('has both ways of the node, with the versions exchanged', () => {
    const node = report.nodes.find((entry) => entry.node === 'east-1');
    assert.equal(node?.end, 'TakenBack');
    assert.deepEqual(
      node?.runs.map(({ wayBack, outcome }) => [wayBack, outcome?.packages[0]?.after]),
      [
        [false, TO],
        [true, FROM],
      ],
    );
  });

  it('has the failed verdict among its surprises, and the plan of the way back', () => {
    const verdict = report.surprises.find(({ kind }) => kind === 'Verdict');
    assert.match(verdict?.text ?? '', /^Fail: container-start is 409 ms slower/);
    assert.deepEqual(
      report.plans.map(({ wayBack }) => wayBack),
      [false, true],
    );
  });

  it('asks nobody to try the same bundle again', () => {
    assert.match(report.next[0]?.why ?? '', /^Find out why before the same bundle goes out again/);
    assert.equal(report.next.length, 1);
  });

  it('can be chosen among several runs', () => {
    const chosen = reportOf(stored(rolledBack(), succeeded()), { run: 'run-1' });
    assert.deepEqual(
      { ...chosen, otherRuns: [], proof: undefined },
      { ...report, proof: undefined },
    );
  });
});

describe('nodes that need a person', () => {
  const diary = started();
  diary.note('Planned', planBody({ canary: ['east-1', 'east-2'] }));
  const reasons = ['the undo of apply failed: no SSH connection'];
  diary.update('east-1');
  diary.note('Node', nodeBody('east-1', 'canary', { outcome: 'NeedsAttention', reasons }));
  diary.note('Outcome', {
    ...{
      rollout: 'short',
      outcome: 'Halted',
      reasons: ['canary failed'],
      digest: digestOf('plan'),
    },
    ...{ untouched: ['east/east-2'], needsAttention: ['east/east-1'] },
    ...{ startedAt: diary.now, finishedAt: diary.now },
  });
  const report = reportOf(stored(diary), { rollout: 'short' });

  it('come first in what is left to do, with the commands that give them back', () => {
    assert.equal(report.tone, 'Bad');
    assert.match(report.next[0]?.why ?? '', /^east\/east-1 could not be put back/);
    assert.deepEqual(report.next[0]?.commands.slice(0, 2), [
      'kubectl describe node east-1',
      'kubectl uncordon east-1',
    ]);
  });

  it('and the node that was never started is named', () => {
    assert.equal(report.nodes[1]?.end, 'NotStarted');
    assert.ok(report.surprises.some(({ text }) => text === 'never started: east/east-2'));
  });
});

describe('what the ledger lacks', () => {
  it('is said of a rollout in work, which is shown as far as it is known', () => {
    const diary = started();
    diary.note('Planned', planBody({ canary: ['east-1'] }));
    diary.note('GateOpened', {
      ...{ id: 'before-canary', digest: digestOf('g'), evidence: [], rules: RULES },
      expiresAt: '2026-11-25T22:00:00Z',
    });
    const report = reportOf(stored(diary), { rollout: 'short' });
    assert.equal(report.state, 'InWork');
    assert.match(report.missing.join(), /no end is recorded: .* 2026-11-24 22:00:00 UTC/);
    assert.deepEqual(
      report.next.flatMap(({ commands }) => commands),
      ['tidegate watch short', `tidegate approve short --digest ${digestOf('g')} --as WHO`],
    );
  });

  it('is said where numbers of its entries are missing', () => {
    const entries = stored(succeeded()).filter(({ id }) => !/\/run-2\/(4|9)$/.test(id));
    const { missing } = reportOf(entries);
    assert.match(missing.join(), /between rollout\/.*\/3 and 5, and between rollout\/.*\/8 and 10/);
  });

  it('is said of the request, the plan and a node whose outcome is missing', () => {
    const [, ...rest] = stored(succeeded()).filter(
      ({ kind, body }) =>
        kind !== 'Planned' && !(kind === 'Node' && 'node' in body && body.node === 'east-7'),
    );
    const { missing, headline } = reportOf(rest);
    assert.equal(headline, 'It ended without a plan.');
    assert.ok(missing.includes('the request is not recorded'));
    assert.ok(missing.includes('no plan is recorded'));
  });

  it('is said of entries that are no entries, which do no harm', () => {
    const broken = [
      ...[{}, null, 7, { kind: 'Step' }, { ...succeeded().entries[0], at: 'yesterday' }],
      { ...succeeded().entries[0], kind: 'Planned', body: { digest: 4 } },
    ] as ReportEntry[];
    const { missing, state } = reportOf([...broken, ...stored(succeeded())]);
    assert.equal(state, 'Succeeded');
    assert.deepEqual(missing, ['6 entries that can not be read left out']);
  });

  it('and an unknown name or run is answered with what is known', () => {
    const entries = stored(succeeded());
    assert.deepEqual(buildReport(entries, { rollout: 'nope' }), {
      ...{ kind: 'Unknown', rollouts: [NAME], runs: [] },
    });
    assert.deepEqual(buildReport(entries, { rollout: NAME, run: 'nope' }), {
      ...{ kind: 'Unknown', rollouts: [NAME], runs: ['run-2'] },
    });
    assert.equal(buildReport([], { rollout: NAME }).kind, 'Unknown');
  });
});

describe('votes', () => {
  it('belong to the opening of a gate whose digest they name, and become void there', () => {
    const diary = started();
    const gate = (digest: string) =>
      diary.note('GateOpened', {
        ...{ id: 'after-canary', digest, evidence: [digest], rules: RULES },
        expiresAt: '2026-11-25T22:00:00Z',
      });
    gate('old').wait(5);
    diary.note('Vote', {
      ...{ by: 'ada', at: diary.now, decision: 'Approve', gate: 'after-canary', digest: 'old' },
    });
    diary.wait(5);
    diary.note('VoteVoid', {
      by: 'ada',
      digest: 'old',
      gate: 'after-canary',
      why: 'other evidence',
    });
    gate('new').wait(5);
    diary.note('VoteRefused', { by: 'eve', reason: 'no role', gate: 'after-canary' });
    diary.wait(5).note('GateClosed', { id: 'after-canary', how: 'Expired', approvedBy: [] });
    diary.wait(5).note('VoteRefused', { by: 'mallory', reason: 'nothing waits' });
    const { gates, strayRefusals, times } = reportOf(stored(diary), { rollout: 'short' });
    assert.deepEqual(
      gates.map(({ digest, how, votes, refused }) => ({
        ...{ digest, how, refused: refused.map(({ by }) => by) },
        votes: votes.map((vote) => `${vote.by} ${vote.void ?? 'counts'}`),
      })),
      [
        { digest: 'old', how: 'Replaced', refused: [], votes: ['ada other evidence'] },
        { digest: 'new', how: 'Expired', refused: ['eve'], votes: [] },
      ],
    );
    assert.deepEqual(
      strayRefusals.map(({ by }) => by),
      ['mallory'],
    );
    assert.equal(times.awaitedApprovalMs, 20_000);
  });
});

describe('charts', () => {
  const report = reportOf(stored(rolledBack()));
  const chart = report.charts.find(({ indicator }) => indicator === 'container-start');

  it('have nodes on the side that they are on at the time', () => {
    const [node] = report.nodes[0]?.runs ?? [];
    const before = chart?.points.filter(({ at }) => at < (node?.startedAt ?? ''));
    const after = chart?.points.filter(({ at }) => at > (node?.endedAt ?? ''));
    assert.equal(before?.length, 8);
    assert.ok(before?.every(({ patched, control }) => !patched && control?.count === 7));
    assert.equal(after?.length, 10);
    assert.ok(after?.every(({ patched, control }) => patched?.count === 1 && control?.count === 6));
    assert.ok(after?.every((at) => (at.patched?.median ?? 0) > (at.control?.high ?? 0) + 300));
  });

  it('put a node in work on neither side', () => {
    const diary = started();
    diary.note('Planned', planBody({ canary: ['east-1'] }));
    diary.step('east-1', 'inspect').measure(['east-1', 'east-2']).step('east-1', 'apply');
    const [first] = reportOf(stored(diary), { rollout: 'short' }).charts;
    assert.equal(first?.points[0]?.inWork?.count, 1);
    assert.equal(first?.points[0]?.control?.count, 1);
  });

  it('show counters by what was added, also where they begin anew', () => {
    const diary = started();
    const restarts = [3, 5, 1, 2];
    for (const value of restarts) {
      const readings = { 'pod-restarts': [{ node: 'east-1', value }] };
      diary.note('Measured', { cluster: CLUSTER, at: diary.now, readings }).wait(30);
    }
    const [first] = reportOf(stored(diary), { rollout: 'short' }).charts;
    assert.equal(first?.values, 'SinceFirst');
    assert.deepEqual(
      first?.points.map(({ control }) => control?.median),
      [0, 2, 3, 4],
    );
  });

  it('count readings without a number apart', () => {
    const pulls = report.charts.find(({ indicator }) => indicator === 'image-pull');
    const total = pulls?.points.reduce((sum, point) => {
      const counted = [point.patched, point.control, point.inWork].map((side) => side?.count ?? 0);
      return sum + point.noData + point.errors + counted.reduce((a, b) => a + b, 0);
    }, 0);
    assert.equal(total, 18 * 7);
    assert.ok(pulls?.points.some(({ noData }) => noData > 0));
  });

  it('draw thousands of rounds as few points', () => {
    const diary = started();
    for (let round = 0; round < 2000; round += 1) diary.measure(['east-1']).wait(30);
    const [first] = reportOf(stored(diary), { rollout: 'short' }).charts;
    assert.ok((first?.points.length ?? 0) <= 160);
    assert.equal(
      first?.points.reduce((sum, { control }) => sum + (control?.count ?? 0), 0),
      2000,
    );
  });

  it('mark what happened, numbered in its order', () => {
    assert.deepEqual(
      report.moments.map(({ number, kind }) => [number, kind]),
      [
        [1, 'Updated'],
        [2, 'Verdict'],
        [3, 'PutBack'],
        [4, 'End'],
      ],
    );
    assert.deepEqual(
      report.soaks.map(({ wave }) => wave),
      ['canary'],
    );
  });
});
