import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Ballot,
  type CastVote,
  judgeApproval,
  judgeCommand,
} from '../../workflows/domain/approval.ts';

const rules: Ballot['rules'] = { quorum: 1, requesterMayApprove: false };
const ballot: Ballot = {
  gate: { id: 'before-canary', digest: 'sha256:aa' },
  requestedBy: 'platform-oncall',
  rules,
  approvedBy: [],
};
const { gate: _, ...closed } = ballot;
const lead: CastVote = { by: 'sre-lead', digest: 'sha256:aa' };

const ANOTHER =
  '"digest" is sha256:bb, but the plan that waits is sha256:aa: look at the plan again';
const SELF = 'platform-oncall requested this rollout, and the policy asks for somebody else';
const NAME = '"by" must be the name of the person who approves';
const NOTHING = 'nothing waits for approval now';

const approvals: [string, CastVote, Ballot, 'approved' | 'counted' | string[]][] = [
  ['one other person', lead, ballot, 'approved'],
  ['the first of two', lead, { ...ballot, rules: { ...rules, quorum: 2 } }, 'counted'],
  [
    'the second of two',
    lead,
    { ...ballot, rules: { ...rules, quorum: 2 }, approvedBy: ['ann'] },
    'approved',
  ],
  [
    'the same person twice counts once',
    lead,
    { ...ballot, rules: { ...rules, quorum: 2 }, approvedBy: ['sre-lead'] },
    'counted',
  ],
  [
    'capitals and spaces make nobody another person',
    { ...lead, by: ' SRE-lead ' },
    { ...ballot, rules: { ...rules, quorum: 2 }, approvedBy: ['sre-lead'] },
    'counted',
  ],
  ['the requester', { ...lead, by: 'platform-oncall' }, ballot, [SELF]],
  [
    'the requester in capitals',
    { ...lead, by: 'Platform-Oncall' },
    ballot,
    [SELF.replace('platform-oncall', 'Platform-Oncall')],
  ],
  [
    'the requester where the policy lets them',
    { ...lead, by: 'platform-oncall' },
    { ...ballot, rules: { ...rules, requesterMayApprove: true } },
    'approved',
  ],
  ['another plan', { ...lead, digest: 'sha256:bb' }, ballot, [ANOTHER]],
  [
    'no digest',
    { by: 'sre-lead' },
    ballot,
    ['"digest" is missing, but the plan that waits is sha256:aa: look at the plan again'],
  ],
  ['no plan waits', lead, closed, [NOTHING]],
  ['no name', { ...lead, by: '' }, ballot, [NAME]],
  ['a blank name', { ...lead, by: '  ' }, ballot, [NAME]],
  ['a name of 201 letters', { ...lead, by: 'x'.repeat(201) }, ballot, [NAME]],
  [
    'everything at once: all reasons are given',
    { by: 'platform-oncall', digest: 'sha256:bb' },
    ballot,
    [ANOTHER, SELF],
  ],
  [
    'a vote for another gate',
    { ...lead, gate: 'after-canary' },
    ballot,
    ['"gate" is after-canary, but what waits is before-canary: look at it, then vote again'],
  ],
  ['a vote for this gate', { ...lead, gate: 'before-canary' }, ballot, 'approved'],
  ['a role that is asked for', lead, withRoles('sre'), 'approved'],
  [
    'another role',
    lead,
    withRoles('security'),
    ['sre-lead has the roles sre in the policy, and this takes one of security'],
  ],
  [
    'nobody that the policy knows',
    { ...lead, by: 'ann' },
    withRoles('sre', 'security'),
    ['ann has no role in the policy, and this takes one of sre, security'],
  ],
  [
    'somebody who is barred',
    lead,
    { ...ballot, barred: [{ name: 'SRE-lead', why: 'asked for this rollback' }] },
    ['sre-lead asked for this rollback'],
  ],
  ['no signature where names are believed', lead, identified('Asserted'), 'approved'],
  [
    'no signature where one is asked for',
    lead,
    identified('Attested'),
    ['this gate takes signed votes only: approve with `--sign-key FILE`, or from chat'],
  ],
  ['a signature', { ...lead, proof: { signature: 'x' } }, identified('Attested'), 'approved'],
  [
    'something that is no signature',
    { ...lead, proof: 'ok' as unknown as { signature: string } },
    identified('Asserted'),
    ['"proof" must have the "signature" that `ssh-keygen -Y sign` made'],
  ],
  ['a name that is a number', { ...lead, by: 7 as unknown as string }, ballot, [NAME]],
  ['no message at all', null as unknown as CastVote, closed, [NAME, NOTHING]],
];

function withRoles(...roles: string[]): Ballot {
  const people = [{ name: 'sre-lead', roles: ['sre'], chat: [] }];
  return { ...ballot, people, rules: { ...rules, roles } };
}

function identified(identity: 'Asserted' | 'Attested'): Ballot {
  return { ...ballot, rules: { ...rules, identity } };
}

describe('judgeApproval', () => {
  for (const [name, vote, votes, expected] of approvals) {
    it(name, () => {
      const verdict = judgeApproval(vote, votes);
      if (typeof expected === 'string') {
        assert.deepEqual(verdict, { kind: 'Counted', approved: expected === 'approved' });
      } else {
        assert.deepEqual(verdict, { kind: 'Refused', reasons: expected });
      }
    });
  }
});

describe('judgeCommand', () => {
  for (const by of ['sre-lead', 'Ann Example', 'x'.repeat(200)]) {
    it(`takes ${by.slice(0, 20)}`, () => assert.deepEqual(judgeCommand({ by }), []));
  }
  for (const command of [{ by: '' }, { by: ' ' }, { by: 3 }, {}, null, 'sre-lead']) {
    it(`refuses ${JSON.stringify(command)}`, () => {
      const reasons = judgeCommand(command as unknown as { by: string });
      assert.deepEqual(reasons, ['"by" must be the name of the person who asks']);
    });
  }
});
