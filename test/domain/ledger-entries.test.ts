import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LedgerEntry, NodeOutcome, RolloutOutcome } from '../../workflows/contract.ts';
import {
  commandEntry,
  nextBatch,
  nodeBodies,
  outcomeBody,
  plannedBody,
  requestedBody,
  requesterOf,
  waveBody,
} from '../../workflows/domain/ledger-entries.ts';
import { isEntry } from '../../workflows/domain/report-entries.ts';
import { planOf, rolloutOf } from '../workflows/fixtures.ts';

const at = '2026-11-24T22:00:00Z';
const entry = (id: number, text = ''): LedgerEntry => ({
  id: `rollout/patch/run/${id}`,
  at,
  rollout: 'patch',
  kind: 'Phase',
  body: { phase: 'Planning', waitingFor: text },
});

const outcome: NodeOutcome = {
  cluster: 'east',
  node: 'east-1',
  outcome: 'Updated',
  reasons: [],
  packages: [],
  durationMs: 1000,
  phasesMs: {},
  containersBefore: 2,
  containersSurvived: 2,
  podsEvicted: [],
  jobPodsLost: [],
};

describe('a request', () => {
  it('is kept as it was given, and says who asks', () => {
    const request = rolloutOf();
    assert.deepEqual(requestedBody(request, 'run'), { request, run: 'run' });
    assert.equal(requesterOf(request), 'platform-oncall');
  });

  it('may be anything: then nobody is named', () => {
    for (const odd of [undefined, null, 7, 'patch', [], { spec: null }, { spec: {} }]) {
      assert.equal(requesterOf(odd), undefined);
      assert.deepEqual(requestedBody(odd, 'run'), { request: odd, run: 'run' });
    }
  });

  it('that is too large for an entry is left out, and that is said', () => {
    const { request } = requestedBody({ text: 'x'.repeat(600_000) }, 'run');
    assert.match(String(request), /^left out: 600\d+ characters/);
  });
});

describe('a plan', () => {
  it('is kept with its digest, waves and nodes, without what each node looks like', () => {
    const plan = planOf({ count: 3 });
    const body = plannedBody(plan, { approve: 'sha256:other', warnings: ['tight'] });
    assert.equal(body.digest, plan.digest);
    assert.equal(body.approve, 'sha256:other');
    assert.deepEqual(
      body.waves.flatMap(({ nodes }) => nodes),
      ['east/east-1', 'east/east-2', 'east/east-3'],
    );
    assert.deepEqual([body.warnings, body.owners, body.validations], [['tight'], [], []]);
    assert.doesNotMatch(JSON.stringify(body), /sha256":|address|uid-east/);
  });
});

describe('a command', () => {
  it('is kept with who, why, where and what else was said', () => {
    const said = { by: 'ada', reason: 'too loud', via: 'slack', mode: 'Now' };
    assert.deepEqual(commandEntry('stop', said, 'it ends now'), {
      actor: 'ada',
      body: {
        command: 'stop',
        reason: 'too loud',
        via: 'slack',
        details: { mode: 'Now' },
        answer: 'it ends now',
      },
    });
  });

  it('as a signal may be any JSON: its entry has a shape all the same, and an end', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (said, answer) => {
        const { actor, body } = commandEntry('pause', said, answer);
        assert.equal(typeof actor, 'string');
        assert.ok(isEntry({ ...entry(1), kind: 'Command', actor, body }));
        assert.ok(JSON.stringify(body).length < 200_000);
      }),
    );
    const { actor, body } = commandEntry('pause', { by: 7, reason: 'x'.repeat(9000) }, 'refused');
    assert.equal(actor, 'nobody who gave a name');
    assert.equal(body.reason?.length, 2001);
  });
});

describe('what became of nodes, waves and the rollout', () => {
  it('has an entry for each node, with its wave and direction', () => {
    const [body] = nodeBodies([outcome], 'canary', 'Back');
    assert.deepEqual(body, { ...outcome, wave: 'canary', direction: 'Back' });
    assert.ok(isEntry({ ...entry(1), kind: 'Node', body }));
  });

  it('names the nodes of a wave that were not started', () => {
    const nodes = [
      { node: 'east-1', phase: 'Updated' as const },
      { node: 'east-2', phase: 'Pending' as const },
    ];
    const wave = { wave: 'wave-1', workflowId: 'w', nodes };
    const body = waveBody({ ...wave, state: 'Failed' }, 'Forward', 'east-1 is sick');
    const said = { wave: 'wave-1', direction: 'Forward', state: 'Failed' };
    assert.deepEqual(body, { ...said, reason: 'east-1 is sick', notStarted: ['east-2'] });
    assert.equal(waveBody({ ...wave, state: 'Pending' }, 'Forward', '').state, 'NotStarted');
  });

  it('keeps the outcome without its nodes, and how a run ended that had none', () => {
    const whole: RolloutOutcome = {
      rollout: 'patch',
      outcome: 'Halted',
      reasons: ['cancelled'],
      digest: 'sha256:1',
      nodes: [outcome],
      untouched: ['east/east-2'],
      rolledBack: [outcome],
      needsAttention: [],
      startedAt: at,
      finishedAt: at,
    };
    const { nodes: _, rolledBack: __, ...rest } = whole;
    assert.deepEqual(outcomeBody(whole), rest);
    assert.deepEqual(outcomeBody(whole, 'Cancelled'), { ...rest, ended: 'Cancelled' });
  });
});

describe('a batch', () => {
  it('takes the oldest entries as far as one payload goes, one at least, in their order', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 250 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const entries = lengths.map((length, index) => entry(index, 'x'.repeat(length)));
        const batch = nextBatch(entries);
        assert.ok(batch.length >= 1 && batch.length <= 100);
        assert.deepEqual(batch, entries.slice(0, batch.length));
        assert.ok(batch.length === 1 || JSON.stringify(batch).length <= 250_101);
        const next = entries[batch.length];
        const more = next ? JSON.stringify([...batch, next]).length : 0;
        assert.ok(!next || batch.length === 100 || more > 250_000, 'it is as large as it may be');
      }),
      { numRuns: 30 },
    );
  });

  it('is all of a few small ones', () => {
    assert.equal(nextBatch([entry(1), entry(2)]).length, 2);
  });
});
