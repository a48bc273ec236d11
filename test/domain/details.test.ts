/** What Temporal's UI shows of rollouts, waves and nodes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GateStatus, RolloutStatus } from '../../workflows/contract.ts';
import {
  nodeDetails,
  requestDetails,
  rolloutDetails,
  waveDetails,
} from '../../workflows/domain/details.ts';
import { statusOf } from '../client/kit.ts';
import { nodeInput, planOf, rolloutOf } from '../workflows/fixtures.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const plan = planOf({ count: 3 });

function gateOf(change: Partial<GateStatus['rules']> = {}): GateStatus {
  return {
    id: 'before-canary',
    digest: DIGEST,
    evidence: ['found now: nothing wrong'],
    openedAt: '2026-11-24T22:00:00Z',
    expiresAt: '2026-12-01T22:00:00Z',
    rules: {
      quorum: 2,
      roles: ['sre'],
      requesterMayApprove: false,
      identity: 'Asserted',
      expirySeconds: 604_800,
      ...change,
    },
    approvedBy: ['ada'],
    run: 'run-1',
  };
}

function waiting(change: Partial<RolloutStatus> = {}): string {
  const waitingFor = `approval of ${DIGEST}`;
  const status = statusOf({ phase: 'AwaitingApproval', waitingFor, gate: gateOf(), ...change });
  return rolloutDetails(status, plan);
}

describe('the details of a rollout', () => {
  it('say first what is waited for, in a line that fits', () => {
    const [first = ''] = waiting().split('\n');
    assert.equal(first, '**AwaitingApproval**: waiting for approval of sha256:0123456789ab…');
  });

  it('say at a gate what it takes, what there is to judge by, and what to type into the form', () => {
    const text = waiting();
    assert.match(
      text,
      /Gate before-canary: 1 of 2 approvals \(names are believed; of sre; not the requester\); open until 2026-12-01T22:00:00Z/,
    );
    assert.match(text, /\n- found now: nothing wrong\n/);
    const typed = /`approve`: {2}\n`(.+)`/.exec(text)?.[1] ?? '';
    assert.deepEqual(JSON.parse(typed), { by: 'WHO', digest: DIGEST, reason: 'WHY' });
  });

  it('offer no form where votes are signed', () => {
    const text = waiting({ gate: gateOf({ identity: 'Attested' }) });
    assert.match(text, /1 of 2 approvals \(each signed;/);
    assert.match(text, /add `--sign-key FILE` to `tidegate approve`/);
    assert.doesNotMatch(text, /Send an Update/);
  });

  it('tell of each vote whether its name was believed, and of refused ones why', () => {
    const vote = { at: '', gate: 'before-canary', decision: 'Approve' as const, digest: DIGEST };
    const text = waiting({
      votes: [
        { ...vote, by: 'ada', identity: 'Asserted', void: `what was approved is ${DIGEST}` },
        { ...vote, by: 'bob', identity: 'Attested', signedBy: 'bob (SHA256:x)', reason: 'seen' },
      ],
      refusedVotes: [{ by: 'eve', gate: 'before-canary', reason: 'eve requested this rollout' }],
    });
    assert.match(
      text,
      /- ada approved before-canary \(name believed\); does not count any more: what was approved is sha256:0123456789ab…\n/,
    );
    assert.match(text, /- bob approved before-canary \(signed by bob \(SHA256:x\)\): seen\n/);
    assert.match(text, /Refused:\n\n- eve at before-canary: eve requested this rollout\n/);
  });

  it('offer what steers it while it works, and nothing once it has ended', () => {
    const running = rolloutDetails(statusOf(), plan);
    assert.match(running, /`pause`, `stop`, `rollback`: `\{"by": "WHO", "reason": "WHY"\}`/);
    const paused = rolloutDetails(statusOf({ paused: 'paused by ada' }), plan);
    assert.match(paused, /Send an Update_, `resume`, `stop`, `rollback`/);
    const outcome = { outcome: 'Halted', reasons: ['stopped by ada'] } as never;
    const ended = rolloutDetails(statusOf({ phase: 'Halted', outcome }), plan);
    assert.match(ended, /^\*\*Halted\*\*\n\n- stopped by ada\n/);
    assert.doesNotMatch(ended, /Send an Update/);
  });

  it('keep what people have typed in its line, and make no link of it', () => {
    const reason = 'look\n\n# here [click](http://192.0.2.1) <img src=x>';
    const vote = { by: 'ada', at: '', decision: 'Approve' as const, reason };
    assert.match(
      waiting({ votes: [vote] }),
      /: look # here \\\[click\]\(http:\/\/192\.0\.2\.1\) \\<img src=x>\n/,
    );
  });

  it('have their table last but for an empty line, which the frame of the UI cuts off', () => {
    const lines = waiting().split('\n');
    assert.deepEqual(lines.slice(-3), [
      '| wave-1 | Pending | east-2 Pending, east-3 Pending |',
      '',
      '\u00a0',
    ]);
  });
});

describe('the details of a wave', () => {
  it('name its nodes, what they came to, and what is waited for', () => {
    const nodes = [
      { node: 'east-1', phase: 'Skipped' as const, reason: 'held by another' },
      { node: 'east-2', phase: 'Inspecting' as const },
      { node: 'east-3', phase: 'Pending' as const },
    ];
    const id = 'rollout/patch/wave/wave-1';
    const base = { wave: 'wave-1', state: 'Running' as const, workflowId: id, nodes };
    const text = waveDetails({ ...base, waitingFor: 'room' }, 'patch');
    assert.match(
      text,
      /^\*\*wave-1\*\* of patch: room\n\n- east-1 Skipped: held by another\n- east-2 in work\n- east-3 Pending\n/,
    );
    const many = Array.from({ length: 25 }, (_, i) => ({
      node: `n-${i}`,
      phase: 'Pending' as const,
    }));
    assert.match(waveDetails({ ...base, nodes: many }, 'patch'), /n-19 Pending\n- and 5 more\n/);
  });
});

describe('the details of a node', () => {
  const status = { cluster: 'east', node: 'east-1', detail: '', since: '2026-11-24T22:00:00Z' };

  it('say what is changed, in which phase since when, and what was met', () => {
    const learned = { notes: ['a note', `exec in ${'0123456789abcdef'.repeat(4)} failed`] };
    const text = nodeDetails({ ...status, phase: 'Applying' }, nodeInput('Restart'), learned);
    assert.match(
      text,
      /^\*\*Applying\*\* east\/east-1\n\ncontainerd 1\.6\.20~ds1-1\+deb12u2 → 1\.6\.20~ds1-1\+deb12u3 \(Restart\), rollout patch \(Forward\), in this phase since 2026-11-24T22:00:00Z\n\n- a note\n- exec in 0123456789ab… failed\n/,
    );
    assert.doesNotMatch(text, /Send an Update/);
  });

  it('say how its question is answered', () => {
    const asking = { ...status, phase: 'Draining' as const, asks: 'Jobs run on' };
    const text = nodeDetails(asking, nodeInput('Drain'), { notes: [] });
    assert.match(text, /Send an Update_, `jobs`: `\{"by": "WHO", "choice": "Wait"\}`/);
  });
});

describe('what is said of a rollout when it is started', () => {
  it('is what was asked for', () => {
    const urgent = { reason: 'it is exploited' };
    const document = rolloutOf({}, { urgent, targets: { clusters: ['east'], nodes: ['east-1'] } });
    assert.equal(
      requestDetails(document),
      'Reason: CVE-2025-64329  \nBundle containerd-deb12u3, fleet lab, policy standard  \nOn clusters east; nodes east-1  \nUrgent: it is exploited',
    );
    assert.match(requestDetails(rolloutOf()), /On every node of the fleet that is not as wanted$/);
  });
});
