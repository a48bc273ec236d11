/** What a node's workflow says to the ledger by itself: what people decide of its Jobs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { JOBS_MESSAGE } from '../../workflows/contract.ts';
import { storyOf } from './ledger-kit.ts';
import { begin, handle, run, untilAsked, withNode } from './saga-kit.ts';

const undecided = {
  step: 'drain',
  when: 'Before',
  times: 1,
  type: 'JobsUndecided',
  retryable: false,
} as const;

describe('the ledger of a node', () => {
  it('has who decided about its Jobs, as an update or a signal, refused or not', async () => {
    await withNode(async (fleet) => {
      fleet.inject(undecided);
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await running.signal(JOBS_MESSAGE, { by: 'ada', choice: 'Perhaps' });
      const args = [{ by: 'ada', choice: 'Wait', reason: 'payroll' }] as [object];
      await handle().executeUpdate<string, [object]>(JOBS_MESSAGE, { args });
      assert.equal((await running.result()).outcome, 'Updated');
      const { entries } = fleet.records;
      assert.deepEqual(storyOf(entries), [
        'Command east/east-1 ada: jobs -> refused: "choice" must be one of Wait, Later, Evict',
        'Command east/east-1 ada: jobs -> the Jobs are waited for once more',
      ]);
      assert.match(entries[0]?.id ?? '', /^node\/east\/east-1\/[0-9a-f-]+\/1$/);
      assert.equal(entries[0]?.rollout, 'patch');
    });
  });

  it('is handed over before its workflow ends, however late', async () => {
    await withNode(async (fleet) => {
      let down = true;
      fleet.records.isDown = () => down;
      fleet.inject(undecided);
      const running = await begin('Drain', { jobsAtTimeout: 'Ask' });
      await untilAsked();
      await running.signal(JOBS_MESSAGE, { by: 'ada', choice: 'Evict' });
      for (let i = 0; i < 200 && fleet.count('release') === 0; i++) await delay(20);
      await delay(100);
      assert.equal((await running.describe()).status.name, 'RUNNING');
      down = false;
      assert.equal((await running.result()).outcome, 'Updated');
      assert.equal(fleet.records.entries.length, 1);
    });
  });

  it('is nothing where nobody was asked: its history is as short as before', async () => {
    await withNode(async (fleet) => {
      assert.equal((await run('Drain')).outcome, 'Updated');
      assert.deepEqual(fleet.records.entries, []);
      const { events } = await handle().fetchHistory();
      const patches = (events ?? []).flatMap(({ markerRecordedEventAttributes: marker }) =>
        Object.values(marker?.details ?? {}).flatMap(({ payloads }) =>
          (payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()),
        ),
      );
      const has = (id: string) => patches.some((text) => text.includes(`"${id}"`));
      assert.deepEqual([has('baseline'), has('ledger')], [true, false]);
    });
  });
});
