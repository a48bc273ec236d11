/** The ledger's activities: where there is no ledger, and where it does not answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LedgerPort } from '../../activities/deps.ts';
import { failureType } from '../../activities/failure.ts';
import { ledgerActivities } from '../../activities/ledger.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { entryOf } from '../ledger/kit.ts';
import { FakeKube, fakeDeps } from './fakes.ts';

const { deps } = fakeDeps(new FakeKube());
const input = { rollout: 'patch', entries: [entryOf(1)] };

describe('a worker that keeps no ledger', () => {
  it('takes everything, keeps nothing, and knows no validation', async () => {
    const activities = ledgerActivities(deps);
    assert.equal(await activities.record(input), undefined);
    assert.deepEqual(await activities.append(input), { added: 0 });
    assert.equal(await activities.anchor({ rollout: 'patch' }), undefined);
    assert.deepEqual(await activities.validationsOf({ bundleDigest: 'sha256:1' }), []);
  });
});

describe('a ledger that does not answer', () => {
  it('is LedgerUnavailable, to be tried again', async () => {
    // A real ledger at an address where nobody listens; handing in needs Temporal, which fails here.
    const ledger = ledgerAt('postgres://nobody:hunter2@127.0.0.1:1/ledger');
    const port: LedgerPort = {
      submit: async () => {
        throw new Error('Temporal takes no signal now');
      },
      append: (entries) => ledger.append(entries, '2026-11-24T22:00:00.000Z'),
      anchor: async () => void (await ledger.head()),
      validationsOf: async () => {
        await ledger.newest('Validation', 1);
        return [];
      },
    };
    const activities = ledgerActivities({ ...deps, ledger: port });
    const calls = [
      () => activities.record(input),
      () => activities.append(input),
      () => activities.anchor({ rollout: 'patch' }),
      () => activities.validationsOf({ bundleDigest: 'sha256:1' }),
    ];
    for (const call of calls) {
      await assert.rejects(call, (error: Error & { nonRetryable?: boolean }) => {
        assert.equal(failureType(error), 'LedgerUnavailable');
        assert.equal(error.nonRetryable, false);
        assert.match(error.message, /ECONNREFUSED|takes no signal/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
    }
    await ledger.close();
  });
});
