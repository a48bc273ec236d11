/** Whole rollouts as the ledger would tell them: one that succeeds with some trouble, and one that goes back. */
import type { LedgerBodies } from '../../workflows/contract.ts';
import type {
  RecordedJudgement,
  ValidationSummary,
} from '../../workflows/domain/analysis-types.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import {
  CLUSTER,
  CVE,
  command,
  Diary,
  digestOf,
  judgement,
  nodeBody,
  planBody,
  RULES,
  startVerdict,
} from './report-kit.ts';

export const NAME = 'containerd-deb12u3';
const WAVE_1 = ['east-2', 'east-3', 'east-4'];
const WAVE_2 = ['east-5', 'east-6', 'east-7'];
const MEASURED = ['east-1', ...WAVE_1, ...WAVE_2];

const VALIDATION: ValidationSummary = {
  ...{ name: 'containerd-check', bundle: NAME, bundleDigest: digestOf('bundle') },
  ...{ cluster: CLUSTER, node: 'lab-1', verdict: 'Pass' },
  findings: ['container-start under peak load: 455 ms before, 458 ms after'],
  finishedAt: '2026-11-24T18:22:00Z',
};

const OWNERS: LedgerBodies['Planned']['owners'] = [
  {
    owner: 'team-payments',
    workloads: ['shop/payments (Deployment)'],
    count: 1,
    waves: [{ wave: 'wave-1', evicted: 0, waitedFor: 0, blocked: 0, restarted: 3 }],
  },
];

/** From the request to the end of the first gate. */
function begin(diary: Diary, plan: LedgerBodies['Planned']): Diary {
  const { rollout, run } = diary;
  const digest = digestOf('gate-1');
  const actor = 'platform-oncall';
  const by = { identity: 'Attested', signedBy: 'ada (SHA256:Zk3v8l1qP0)' } as const;
  return diary
    .note(
      'Requested',
      { request: { kind: 'Rollout', metadata: { name: rollout } }, run },
      { actor },
    )
    .note('Phase', { phase: 'Planning', waitingFor: '' })
    .wait(4)
    .note('Planned', plan)
    .note('Phase', { phase: 'AwaitingApproval', waitingFor: 'approval' })
    .note('GateOpened', {
      ...{ id: 'before-canary', digest, rules: RULES },
      evidence: [...plan.warnings, 'validation containerd-check on east/lab-1: Pass'],
      expiresAt: '2026-11-25T22:00:04.000Z',
    })
    .wait(71)
    .note(
      'VoteRefused',
      {
        by: actor,
        gate: 'before-canary',
        reason: 'platform-oncall requested this rollout, and the policy asks for somebody else',
      },
      { actor, subject: 'before-canary' },
    )
    .wait(200)
    .note(
      'Vote',
      {
        ...{ by: 'ada', at: diary.now, decision: 'Approve', gate: 'before-canary', digest, ...by },
        reason: 'read the plan and the validation',
      },
      { actor: 'ada', subject: 'before-canary' },
    )
    .note('GateClosed', { id: 'before-canary', how: 'Passed', approvedBy: ['ada'] })
    .note('Phase', { phase: 'AwaitingLease', waitingFor: 'the Lease of east' })
    .wait(1)
    .note('Phase', {
      phase: 'Canary',
      waitingFor: 'the baseline of canary: 0 of 8 rounds measured',
    })
    .rounds(8, MEASURED);
}

function comparison(
  patched: readonly string[],
  control: readonly string[],
  at: { readonly patched: string; readonly soakFrom: string },
): RecordedJudgement['comparison'] {
  const patchedAt = Object.fromEntries(patched.map((node) => [node, at.patched]));
  return { cluster: CLUSTER, patched, control, patchedAt, soakFrom: at.soakFrom };
}

/** Five of seven nodes are updated; one is skipped, one was left out by an exception, one was done. */
export function succeeded(run = 'run-2', from = '2026-11-24T22:00:00Z'): Diary {
  const diary = new Diary({ rollout: NAME, run, from });
  const plan = planBody(
    { canary: ['east-1'], 'wave-1': WAVE_1, 'wave-2': WAVE_2 },
    {
      alreadyDone: [{ cluster: CLUSTER, node: 'east-9', reason: 'runs the bundle already' }],
      excluded: [
        {
          ...{ cluster: CLUSTER, node: 'east-8' },
          reason:
            'exception gpu-driver until 2026-12-31: vendor driver is not certified (approved by grace)',
        },
      ],
      warnings: ['east-4: 3 pods have no controller and would not come back by themselves'],
      owners: OWNERS,
      validations: [VALIDATION],
    },
  );
  begin(diary, plan);
  canary(diary);
  waveOne(diary);
  waveTwo(diary);
  return diary.note('Phase', { phase: 'Succeeded', waitingFor: '' }).note('Outcome', {
    ...{ rollout: NAME, outcome: 'Succeeded', digest: plan.digest },
    reasons: [`east-4 Skipped: containerd is 1.7.24, the plan expects ${FROM}`],
    ...{ untouched: [], needsAttention: [], startedAt: from, finishedAt: diary.now },
  });
}

function canary(diary: Diary): void {
  const patched = diary.now;
  diary.update('east-1').note('Node', nodeBody('east-1', 'canary'));
  diary.note('WaveEnded', { wave: 'canary', direction: 'Forward', state: 'Done', notStarted: [] });
  const soakFrom = diary.now;
  const compared = comparison(['east-1'], [...WAVE_1, ...WAVE_2], { patched, soakFrom });
  diary.note('Phase', { phase: 'Soaking', waitingFor: 'the soak of canary to end at 22:14' });
  diary.rounds(10, MEASURED);
  const few = startVerdict({
    ...{ indicator: 'image-pull', verdict: 'Inconclusive', samples: 4, tolerance: 500 },
    sentence: 'image-pull: both sides answered in 4 rounds, 8 are needed',
  });
  diary.note(
    'Verdict',
    judgement('canary', diary.now, {
      ...{ comparison: compared, verdict: 'Inconclusive' },
      reason: 'image-pull: both sides answered in 4 rounds, 8 are needed',
      indicators: [startVerdict(), few],
    }),
    { subject: 'canary' },
  );
  diary.rounds(10, MEASURED);
  const pull = startVerdict({
    ...{ indicator: 'image-pull', samples: 11, tolerance: 500, baseline: 915, patched: 922 },
    ...{ control: 908, shift: 14, pValue: 0.31, effect: 0.09 },
    sentence:
      'image-pull is 14 ms slower than on control nodes (922 ms against 908 ms), within the 500 ms that it may be',
  });
  diary.note(
    'Verdict',
    judgement('canary', diary.now, {
      ...{ comparison: compared, extensions: 1 },
      indicators: [startVerdict({ samples: 20 }), pull],
    }),
    { subject: 'canary' },
  );
}

function waveOne(diary: Diary): void {
  const digest = digestOf('gate-2');
  const vote = { decision: 'Approve', gate: 'after-canary', digest, via: 'slack' } as const;
  diary
    .note('GateOpened', {
      ...{ id: 'after-canary', digest, rules: { ...RULES, quorum: 2, identity: 'Asserted' } },
      evidence: [
        'nodes so far: 1 Updated',
        'found now: nothing wrong',
        'measured after canary: Pass',
      ],
      expiresAt: '2026-11-25T22:21:00.000Z',
    })
    .wait(45)
    .note('Vote', { by: 'grace', at: diary.now, ...vote }, { actor: 'grace' })
    .wait(190)
    .note('Vote', { by: 'ada', at: diary.now, ...vote }, { actor: 'ada' })
    .note('GateClosed', { id: 'after-canary', how: 'Passed', approvedBy: ['grace', 'ada'] })
    .note('Phase', { phase: 'Wave', waitingFor: '' });
  const patched = diary.now;
  diary.step('east-2', 'apply', {
    ...{ ended: 'Failed', failureType: 'DpkgBusy', durationMs: 1100 },
    message: 'east-2: process 812 (unattended-upgr) holds the dpkg lock',
    commands: [command('systemd-run apt-get install', 900, 100)],
  });
  diary.step('east-2', 'apply', { attempt: 2, commands: [command('systemd-run apt-get', 2300)] });
  diary.update('east-2').update('east-3').step('east-4', 'inspect');
  diary.note(
    'Command',
    {
      ...{ command: 'pause', reason: 'looking at a page of payments', via: 'slack' },
      answer: 'nodes in work are finished, no further one starts',
    },
    { actor: 'grace' },
  );
  diary.wait(80).note('Command', { command: 'resume', answer: 'goes on' }, { actor: 'grace' });
  diary
    .note('Node', nodeBody('east-2', 'wave-1', { notes: ['the dpkg lock was waited for'] }))
    .note('Node', nodeBody('east-3', 'wave-1'))
    .note(
      'Node',
      nodeBody('east-4', 'wave-1', {
        ...{ outcome: 'Skipped', durationMs: 700, phasesMs: { Inspecting: 420 } },
        reasons: [`containerd is 1.7.24, the plan expects ${FROM}`],
        packages: [{ name: 'containerd', before: '1.7.24', after: '1.7.24' }],
      }),
    )
    .note('WaveEnded', { wave: 'wave-1', direction: 'Forward', state: 'Done', notStarted: [] });
  const soakFrom = diary.now;
  diary.note('Phase', { phase: 'Soaking', waitingFor: 'the soak of wave-1 to end at 22:33' });
  diary.rounds(10, MEASURED);
  const compared = comparison(['east-1', 'east-2', 'east-3'], WAVE_2, { patched, soakFrom });
  diary.note('Verdict', judgement('wave-1', diary.now, { comparison: compared }));
}

function waveTwo(diary: Diary): void {
  diary.note('Phase', { phase: 'Wave', waitingFor: '' });
  const patched = diary.now;
  for (const node of WAVE_2) diary.update(node);
  for (const node of WAVE_2) diary.note('Node', nodeBody(node, 'wave-2'));
  diary.note('WaveEnded', { wave: 'wave-2', direction: 'Forward', state: 'Done', notStarted: [] });
  const soakFrom = diary.now;
  diary.note('Phase', { phase: 'Soaking', waitingFor: 'the soak of wave-2 to end at 22:40' });
  diary.rounds(10, MEASURED);
  const compared = comparison(WAVE_2, [], { patched, soakFrom });
  const own = startVerdict({ against: 'OwnPast', patched: 446, baseline: 441, shift: 5 });
  const { control: _, ...alone } = own;
  const sentence =
    'container-start is 5 ms slower than before the update (446 ms against 441 ms), within the 150 ms that it may be; there were no control nodes';
  diary.note(
    'Verdict',
    judgement('wave-2', diary.now, {
      comparison: compared,
      indicators: [{ ...alone, sentence }],
    }),
  );
}

/** The patch slows container starts by 412 ms: its canary fails, and goes back by itself. */
export function rolledBack(run = 'run-1', from = '2026-11-23T22:00:00Z'): Diary {
  const diary = new Diary({ rollout: NAME, run, from, seed: 11 });
  const plan = planBody({ canary: ['east-1'], 'wave-1': WAVE_1, 'wave-2': WAVE_2 });
  begin(diary, plan);
  const patched = diary.now;
  diary.update('east-1').note('Node', nodeBody('east-1', 'canary', { probeMs: 1044 }));
  const soakFrom = diary.now;
  diary.note('Phase', { phase: 'Soaking', waitingFor: 'the soak of canary to end at 22:14' });
  diary.rounds(10, MEASURED, (node) => (node === 'east-1' ? 412 : 0));
  const reason =
    'container-start is 409 ms slower than on control nodes (851 ms against 442 ms), more than the 150 ms that it may be';
  const failed = startVerdict({
    ...{ verdict: 'Fail', sentence: reason, patched: 851, control: 442 },
    ...{ shift: 409, pValue: 0.0004, effect: 1 },
  });
  const compared = comparison(['east-1'], [...WAVE_1, ...WAVE_2], { patched, soakFrom });
  const verdict = { comparison: compared, verdict: 'Fail', reason, indicators: [failed] } as const;
  diary.note('Verdict', judgement('canary', diary.now, verdict), { subject: 'canary' });
  goBack(diary, plan);
  return diary.note('Outcome', {
    ...{ rollout: NAME, outcome: 'RolledBack', digest: plan.digest },
    reasons: [`canary failed by what was measured: ${reason}`],
    untouched: [...WAVE_1, ...WAVE_2].map((node) => `${CLUSTER}/${node}`),
    ...{ needsAttention: [], startedAt: from, finishedAt: diary.now },
  });
}

function goBack(diary: Diary, plan: LedgerBodies['Planned']): void {
  const waves = planBody({ 'back-canary': ['east-1'] }).waves;
  diary
    .note('WaveEnded', {
      ...{ wave: 'canary', direction: 'Forward', state: 'Failed', notStarted: [] },
      reason: 'failed by what was measured',
    })
    .wait(2)
    .note('Planned', { ...plan, digest: digestOf('back'), direction: 'Back', waves })
    .note('Phase', { phase: 'RollingBack', waitingFor: '' })
    .update('east-1')
    .note(
      'Node',
      nodeBody('east-1', 'back-canary', {
        direction: 'Back',
        packages: [{ name: 'containerd', before: TO, after: FROM, daemon: FROM }],
      }),
    )
    .note('WaveEnded', { wave: 'back-canary', direction: 'Back', state: 'Done', notStarted: [] })
    .note('Phase', { phase: 'RolledBack', waitingFor: '' });
}

/** What somebody may write who means harm: it has to come out as the text that it is. */
export const HOSTILE = `<img src=x onerror="alert(1)"><script>alert('${CVE}')</script> "&' | \`x\` [a](javascript:alert(1)) \u001b[31m\u202e`;

/** A short rollout in whose every free text somebody has written the same. */
export function hostile(): Diary {
  const diary = new Diary({ rollout: HOSTILE, run: 'run-x', from: '2026-11-24T22:00:00Z' });
  const plan = planBody(
    { canary: ['east-1'] },
    {
      ...{ requestedBy: HOSTILE, reason: HOSTILE, warnings: [HOSTILE], policy: HOSTILE },
      excluded: [{ cluster: CLUSTER, node: HOSTILE, reason: HOSTILE }],
    },
  );
  begin(diary, {
    ...plan,
    bundle: { ...plan.bundle, name: HOSTILE, reason: HOSTILE, expectedChanges: [HOSTILE] },
  });
  diary.update('east-1');
  diary.note('Command', { command: HOSTILE, reason: HOSTILE, answer: HOSTILE }, { actor: HOSTILE });
  diary.note('Node', nodeBody('east-1', 'canary', { reasons: [HOSTILE], notes: [HOSTILE] }));
  const at = { patched: diary.now, soakFrom: diary.now };
  const verdict = startVerdict({ indicator: 'container-start', sentence: HOSTILE, unit: HOSTILE });
  const compared = comparison(['east-1'], ['east-2'], at);
  diary.rounds(3, ['east-1', 'east-2']);
  const told = { comparison: compared, reason: HOSTILE, method: HOSTILE, indicators: [verdict] };
  return diary.note('Verdict', judgement(HOSTILE, diary.now, told));
}
