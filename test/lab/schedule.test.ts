/** A Schedule made from a document starts a rollout by itself; people pause, catch up, change and remove it. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { ScheduleView } from '../../client/schedule-view.ts';
import { stateDir, tool } from '../../lab/paths.ts';
import { attempt, run, sleep, waitFor } from '../../lab/run.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { NEW, OLD } from './activity-kit.ts';
import { aroundFleet, assertNodes, bundleTo, rolloutTo } from './rollout-kit.ts';

const fleet = aroundFleet({ batch: true });
const NAME = 'by-itself';
const ROLLOUT = 'standing';
const MINUTE = 60_000;
const file = join(stateDir, 'schedule.json');

/** A standing rollout of one node, every minute. */
async function writeDocument(node: string, spec: object = {}): Promise<void> {
  const rollout = rolloutTo({
    name: ROLLOUT,
    bundle: bundleTo(NEW, 'Restart'),
    spec: { targets: { nodes: [node] } },
  });
  const document = {
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Schedule',
    metadata: { name: NAME },
    spec: { rollout, cron: ['* * * * *'], timeZone: 'Europe/Berlin', ...spec },
  };
  await writeFile(file, JSON.stringify(document));
}

const schedule = (...words: string[]) => run(['bin/tidegate', 'schedule', ...words]);
const show = (): Promise<ScheduleView> => fleet.client.schedules.show(NAME);
const created = async () =>
  JSON.parse(
    await run([
      ...[tool('temporal'), 'schedule', 'describe', '-s', scheduleId(NAME), '--output', 'json'],
    ]),
  ).info.createTime as string;

/** Waits until the rollout waits at its first gate, and returns what an approval has to name. */
async function untilAtGate(): Promise<string> {
  let digest: string | undefined;
  await waitFor({
    what: `${ROLLOUT} to wait for approval`,
    timeoutMs: 2 * MINUTE,
    until: async () => {
      const [entry] = (await fleet.client.list()).filter(({ rollout }) => rollout === ROLLOUT);
      if (entry?.state !== 'Running') return false;
      const { status } = await fleet.client.status(ROLLOUT);
      const named = status?.gate?.digest ?? status?.digest;
      digest = status?.phase === 'AwaitingApproval' ? named : undefined;
      return digest !== undefined;
    },
  });
  return digest ?? '';
}

describe('a Schedule made from a document', () => {
  after(async () => {
    await attempt(['bin/tidegate', 'schedule', 'delete', NAME]);
    await rm(file, { force: true });
  });

  it('starts a rollout by itself, which is approved and succeeds', async () => {
    await writeDocument('east-2');
    assert.match(await schedule('apply', file), new RegExp(`^${NAME}\tcreated\t-\t20`, 'm'));
    const appliedAt = Date.now();
    const digest = await untilAtGate();
    assert.ok(Date.now() - appliedAt < MINUTE + 30_000);
    const paused = ['--as', 'sre-lead', '--reason', 'one is enough'];
    assert.match(await schedule('pause', NAME, ...paused), /fires no more until it is resumed/);
    await fleet.client.approve(ROLLOUT, { by: 'sre-lead', digest });
    const outcome = await fleet.client.waitFor(ROLLOUT);
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    await assertNodes(['east-2'], NEW);
    await assertNodes(['east-1', 'east-3', 'east-4', 'east-5'], OLD);
    const { recent } = await show();
    const [first, ...later] = recent.toReversed().map((firing) => firing.outcome);
    assert.ok(first && 'started' in first, JSON.stringify(recent));
    assert.equal(first.started, `rollout/${ROLLOUT}`);
    for (const outcome of later) assert.ok(outcome && 'skipped' in outcome);
  });

  it('fires no more while it is paused', async () => {
    const { taken, paused, note } = await show();
    assert.deepEqual([paused, note], [true, 'paused by sre-lead: one is enough']);
    // To the next minute, and a little more.
    await sleep(MINUTE - (Date.now() % MINUTE) + 3000);
    assert.equal((await show()).taken, taken);
  });

  it('is changed in place by another file, and stays paused', async () => {
    const before = await created();
    await writeDocument('east-4', { overlap: 'AllowAll' });
    const line = new RegExp(`^${NAME}\tupdated\trollout, overlap\tpaused$`, 'm');
    assert.match(await schedule('apply', file), line);
    assert.match(await schedule('apply', file), new RegExp(`^${NAME}\tunchanged\t-\tpaused$`, 'm'));
    assert.equal(await created(), before);
  });

  it('makes up for firings of the past, once while the rollout runs', async () => {
    const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * MINUTE).toISOString();
    const filled = await schedule('backfill', NAME, '--from', at(12), '--to', at(10));
    const lines = filled.trim().split('\n');
    const started = lines.filter((line) => line.endsWith(`: started rollout/${ROLLOUT}`));
    const skipped = lines.filter((line) => line.endsWith(`${ROLLOUT} runs already`));
    assert.deepEqual([lines.length, started.length, skipped.length], [2, 1, 1], filled);
    await untilAtGate();
    const nodes = (await fleet.client.planOf(ROLLOUT)).plan.waves.flatMap((wave) => wave.nodes);
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['east-4'],
      'as the changed document says',
    );
    await fleet.client.reject(ROLLOUT, { by: 'sre-lead', reason: 'enough was seen' });
    assert.equal((await fleet.client.waitFor(ROLLOUT)).outcome, 'Rejected');
    await assertNodes(['east-4'], OLD);
  });

  it('is removed, and Temporal knows it no more', async () => {
    assert.match(await schedule('delete', NAME), /^by-itself: removed/);
    const gone = await attempt(['bin/tidegate', 'schedule', 'show', NAME]);
    assert.equal(gone.code, 3);
    assert.match(gone.stderr, /There is no Schedule named by-itself/);
    const words = [tool('temporal'), 'schedule', 'describe', '-s', scheduleId(NAME)];
    assert.notEqual((await attempt(words)).code, 0);
  });
});
