import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approvalRules, renderGate, voteLines } from '../../client/render/gate.ts';
import { PLAIN } from '../../client/render/look.ts';
import { renderPlan } from '../../client/render/plan.ts';
import { renderStatus } from '../../client/render/status.ts';
import type { GateStatus, RecordedVote } from '../../workflows/contract.ts';
import type { Plan } from '../../workflows/domain/plan-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { planOf, policy } from '../workflows/fixtures.ts';
import { gateOf, NOW, statusOf, viewOf } from './kit.ts';

const AT = '2026-11-24T22:08:00Z';
const WHEN = '2 min ago (2026-11-24 22:08:00Z)';

describe('an open gate', () => {
  it('says what it asks for, until when, and what there is to judge by', () => {
    const rules = { ...gateOf().rules, quorum: 2, roles: ['sre-lead', 'owner'] };
    const gate = gateOf({
      rules: { ...rules, identity: 'Attested' },
      approvedBy: ['ada'],
      evidence: ['nodes so far: 1 Updated', 'found now: nothing wrong'],
    });
    assert.equal(
      renderGate(gate, statusOf(), NOW, PLAIN),
      `Gate before-canary
  Digest       ${gate.digest}
  Asks for     1 of 2 approvals, roles sre-lead or owner, not by platform-oncall, attested
  Identity     attested: votes are signed, and the signatures checked
  Approved by  ada
  Open         since 10 min ago (2026-11-24 22:00:00Z)
  Until        2026-12-01 22:00:00Z, in 7 d
  Evidence
    nodes so far: 1 Updated
    found now: nothing wrong`,
    );
  });

  const asked: [string, Partial<GateStatus['rules']>, string][] = [
    ['anybody else', {}, '0 of 1 approval, not by platform-oncall, asserted'],
    ['anybody', { requesterMayApprove: true }, '0 of 1 approval, asserted'],
    ['one role', { roles: ['sre'] }, '0 of 1 approval, role sre, not by platform-oncall, asserted'],
  ];
  for (const [name, rules, text] of asked) {
    it(`asks ${name}`, () => {
      const gate = gateOf({ rules: { ...gateOf().rules, ...rules } });
      assert.match(renderGate(gate, statusOf(), NOW, PLAIN), new RegExp(`Asks for +${text}\n`));
    });
  }

  it('is part of a status, which then names its digest alone', () => {
    const gate = gateOf();
    const status = statusOf({ phase: 'AwaitingApproval', digest: gate.digest, gate });
    const text = renderStatus(viewOf({ status }), NOW, PLAIN);
    assert.match(text, /\n\nGate before-canary\n {2}Digest/);
    assert.match(text, /Identity +asserted: the names of voters are believed, not proved\n/);
    assert.equal(text.split(gate.digest).length, 2);
  });
});

describe('votes', () => {
  const vote: RecordedVote = { by: 'ada', decision: 'Approve', at: AT };
  const rows: [string, Partial<RecordedVote>, string][] = [
    ['of an older release', {}, `ada approved ${WHEN}, asserted`],
    [
      'that are believed',
      { identity: 'Asserted', gate: 'before-canary', reason: 'fine' },
      `ada approved at before-canary ${WHEN}, asserted: fine`,
    ],
    [
      'that are signed',
      { identity: 'Attested', signedBy: 'ada (ED25519 SHA256:x)' },
      `ada approved ${WHEN}, attested, signed by ada (ED25519 SHA256:x)`,
    ],
    [
      'that came through chat',
      { decision: 'Reject', via: 'slack', identity: 'Attested', signedBy: 'bridge (RSA SHA256:x)' },
      `ada rejected ${WHEN} via slack, attested, signed by bridge (RSA SHA256:x)`,
    ],
    [
      'that do not count any more',
      { identity: 'Asserted', void: 'the plan has changed' },
      `ada approved ${WHEN}, asserted (VOID: the plan has changed)`,
    ],
  ];
  for (const [name, change, text] of rows) {
    it(name, () => {
      assert.deepEqual(voteLines({ votes: [{ ...vote, ...change }], refusedVotes: [] }, NOW), [
        text,
      ]);
    });
  }

  it('that were refused say where and why', () => {
    const refused = { by: 'eve', reason: 'not a voter', gate: 'after-canary', via: 'slack' };
    assert.deepEqual(voteLines({ votes: [], refusedVotes: [refused] }, NOW), [
      'eve was refused at after-canary via slack: not a voter',
    ]);
  });
});

describe('who approves a plan', () => {
  function rulesOf(approval: object, change: Partial<Plan> = {}): string[] {
    const people = [{ name: 'ada', roles: ['lead'] }];
    const spec = { people, approval: { signersFile: 'allowed_signers', ...approval } };
    const plan = planOf({ count: 3, policy: policySchema.parse({ ...policy, spec }) });
    return approvalRules({ ...plan, ...change }).map(([label, text]) => `${label}: ${text}`);
  }
  const usual = 'When: once 1 person has approved this digest (not platform-oncall), within 7 d';

  it('is said of the first gate', () => {
    assert.deepEqual(rulesOf({}), [usual]);
    assert.deepEqual(rulesOf({ required: false }), [
      'When: at once: the policy asks for no approval',
    ]);
    const strict = { roles: ['lead'], identity: 'Attested', requesterMayApprove: true };
    assert.deepEqual(rulesOf(strict), [
      'When: once 1 person with the role lead has approved this digest by signed votes, within 7 d',
    ]);
    assert.deepEqual(rulesOf({ gates: [{ at: 'BeforeCanary', quorum: 2, expirySeconds: 3600 }] }), [
      'When: once 2 persons have approved this digest (not platform-oncall), within 1 h',
    ]);
  });

  it('is said of later gates', () => {
    const gates = [
      { at: 'AfterCanary', roles: ['lead'], expirySeconds: 3600 },
      { at: 'BeforeWave', waves: ['wave-1', 'wave-2'], identity: 'Attested' },
      { at: 'BeforeWave', requesterMayApprove: true },
      { at: 'BeforeRollback' },
    ];
    assert.deepEqual(rulesOf({ gates }), [
      usual,
      'Asks again: after the canary: 1 person with the role lead (not platform-oncall), within 1 h',
      'Asks again: before wave-1, wave-2: 1 person by signed votes (not platform-oncall), within 7 d',
      'Asks again: before each wave: 1 person, within 7 d',
      'Asks again: before a rollback: 1 person (not platform-oncall), within 7 d',
    ]);
  });

  it('is said of bundles that were approved beforehand, and of urgent rollouts', () => {
    const { digest } = planOf({ count: 3 }).bundle;
    const known = { approvedBy: ['ada', 'bo'], until: '2027-01-31', reason: 'usual patches' };
    const other = { ...known, bundle: `sha256:${'0'.repeat(64)}` };
    const standard = [{ ...known, bundle: digest }, other];
    assert.deepEqual(rulesOf({ standard, urgent: {} }, { urgent: { reason: 'exploited' } }), [
      usual,
      'Standard: bundle approved beforehand by ada, bo, until 2027-01-31: usual patches',
      'Urgent: exploited; reviewed afterwards by 1 person (not platform-oncall), within 7 d',
    ]);
  });
});

it('a plan names the digest that an approval has to name', () => {
  const plan = planOf({ count: 1 });
  const shown = (approve?: string) =>
    renderPlan({ plan, impact: [], ...(approve ? { approve } : {}) }, { next: [] }, PLAIN);
  assert.match(shown(), new RegExp(`\n\nDigest {2}${plan.digest}$`));
  const text = `\n\nDigest  sha256:2\n  of the plan ${plan.digest} and what it warns of`;
  assert.ok(shown('sha256:2').endsWith(text));
});
