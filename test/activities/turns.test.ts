import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Turns } from '../../activities/measuring/turns.ts';

const { signal } = new AbortController();
/** Work that ends when it is told to. */
function job() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { promise, resolve, reject };
}

describe('turns', () => {
  it('come one after the other, in the order of asking, also after a failure', async () => {
    const turns = new Turns(1);
    const begun: number[] = [];
    const jobs = [job(), job(), job()];
    const all = jobs.map(({ promise }, index) =>
      turns.take(signal, async () => {
        begun.push(index);
        return await promise;
      }),
    );
    await delay(1);
    assert.deepEqual(begun, [0]);
    jobs[0]?.reject(new Error('sick'));
    await assert.rejects(all[0] as Promise<string>, /sick/);
    await delay(1);
    assert.deepEqual(begun, [0, 1]);
    jobs[1]?.resolve('b');
    jobs[2]?.resolve('c');
    assert.deepEqual(await Promise.all(all.slice(1)), ['b', 'c']);
    assert.deepEqual(begun, [0, 1, 2]);
  });

  it('are taken by so many at a time', async () => {
    const turns = new Turns(2);
    let now = 0;
    let most = 0;
    const work = async () => {
      now += 1;
      most = Math.max(most, now);
      await delay(2);
      now -= 1;
    };
    await Promise.all(Array.from({ length: 7 }, () => turns.take(signal, work)));
    assert.equal(most, 2);
  });

  it('pass on from one who takes too long, once', async () => {
    const turns = new Turns(1);
    const slow = job();
    const first = turns.take(signal, () => slow.promise, 5);
    const second = job();
    const other = turns.take(signal, () => second.promise);
    let third = false;
    const last = turns.take(signal, async () => {
      third = true;
    });
    await delay(30);
    slow.resolve('at last');
    assert.equal(await first, 'at last');
    await delay(1);
    assert.equal(third, false, 'the end of the slow one is not another turn');
    second.resolve('done');
    await Promise.all([other, last]);
  });

  it('are not waited for when time is up, and nobody else loses one', async () => {
    const turns = new Turns(1);
    const round = new AbortController();
    const first = job();
    const holding = turns.take(signal, () => first.promise);
    const given = turns.take(round.signal, () => assert.fail('it was too late'));
    const next = turns.take(signal, async () => 'next');
    round.abort(new Error('the round is over'));
    await assert.rejects(given, /the round is over/);
    first.resolve('first');
    assert.deepEqual(await Promise.all([holding, next]), ['first', 'next']);
    await assert.rejects(
      turns.take(round.signal, async () => 'late'),
      /the round is over/,
    );
  });
});
