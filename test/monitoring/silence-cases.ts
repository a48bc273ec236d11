/** What silences do, tried against a stand-in and against a real Alertmanager. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Silence, WantedSilence } from '../../activities/adapters/alertmanager.ts';
import { systemClock } from '../../activities/context.ts';
import { silenceActivities } from '../../activities/silences.ts';
import { type Alerts, alertsSchema } from '../../workflows/domain/analysis-spec.ts';
import { FakeKube, fakeDeps } from '../activities/fakes.ts';

/** Returns the activities over the machine's own clock, which Alertmanager goes by as well. */
export function silencer() {
  const { deps } = fakeDeps(new FakeKube());
  return silenceActivities({ ...deps, clock: systemClock });
}

/** Returns what a policy says of alerts. */
export function alertsAt(url: string, more: object = {}): Alerts {
  return alertsSchema.parse({ alertmanager: url, leaseSeconds: 60, ...more });
}

/** Returns the silences of a server that have not ended. */
export async function activeSilences(url: string): Promise<readonly Silence[]> {
  const answer = await fetch(`${url}/api/v2/silences`);
  const all = (await answer.json()) as readonly Silence[];
  return all.filter(({ status }) => status.state !== 'expired');
}

/** Makes a silence as somebody else. */
export async function silenceAs(url: string, silence: Partial<WantedSilence>): Promise<void> {
  const now = Date.now();
  const body = JSON.stringify({
    matchers: [matcher('node', 'east-1')],
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    createdBy: 'ada',
    comment: 'the disk is being replaced',
    ...silence,
  });
  const headers = { 'Content-Type': 'application/json' };
  const { ok } = await fetch(`${url}/api/v2/silences`, { method: 'POST', headers, body });
  assert.ok(ok);
}

const matcher = (name: string, value: string) => ({ name, value, isRegex: false, isEqual: true });
const EAST = { cluster: 'east', node: 'east-1', rollout: 'patch' } as const;
const secondsLeft = ({ endsAt }: Silence) => (Date.parse(endsAt) - Date.now()) / 1000;

/** Defines the cases; `urlOf` is asked in each, and the server has no active silence then. */
export function silenceCases(urlOf: () => string): void {
  const only = async () => {
    const [silence, ...more] = await activeSilences(urlOf());
    assert.ok(silence);
    assert.deepEqual(more, []);
    return silence;
  };

  describe('a silence', () => {
    it('names the node and what the policy adds, who made it, for what, and ends by itself', async () => {
      const alerts = alertsAt(urlOf(), { matchers: { team: 'shop' }, nodeLabel: 'instance' });
      assert.deepEqual(await silencer().silence({ ...EAST, alerts }), {});
      const silence = await only();
      const { createdBy, comment, matchers } = silence;
      assert.equal(createdBy, 'tidegate');
      assert.match(comment, /^east\/east-1: rollout patch /);
      assert.deepEqual(
        [...matchers].sort((a, b) => (a.name < b.name ? -1 : 1)),
        [matcher('instance', 'east-1'), matcher('team', 'shop')],
      );
      assert.ok(secondsLeft(silence) > 50 && secondsLeft(silence) <= 60);
      await silencer().unsilence({ ...EAST, alerts });
    });

    it('is renewed under its id, however often it is asked for, by whichever worker', async () => {
      const alerts = alertsAt(urlOf());
      await silencer().silence({ ...EAST, alerts });
      const first = await only();
      await delay(1100);
      await silencer().silence({ ...EAST, alerts });
      const second = await only();
      assert.equal(second.id, first.id);
      assert.ok(Date.parse(second.endsAt) >= Date.parse(first.endsAt) + 1000);
      await silencer().unsilence({ ...EAST, alerts });
    });

    it('is made anew where it has ended meanwhile', async () => {
      const alerts = alertsAt(urlOf());
      await silencer().silence({ ...EAST, alerts });
      await silencer().unsilence({ ...EAST, alerts });
      assert.deepEqual(await activeSilences(urlOf()), []);
      await silencer().silence({ ...EAST, alerts });
      assert.ok(secondsLeft(await only()) > 50);
      await silencer().unsilence({ ...EAST, alerts });
    });

    it('is ended as often as one likes', async () => {
      const alerts = alertsAt(urlOf());
      assert.deepEqual(await silencer().unsilence({ ...EAST, alerts }), {});
      assert.deepEqual(await silencer().unsilence({ ...EAST, alerts }), {});
    });
  });

  describe('silences of others', () => {
    it('are neither renewed nor ended, though they are of the same node', async () => {
      const url = urlOf();
      const alerts = alertsAt(url);
      await silenceAs(url, {});
      const theirs = await only();
      await silencer().silence({ ...EAST, alerts });
      assert.equal((await activeSilences(url)).length, 2);
      await silencer().unsilence({ ...EAST, alerts });
      assert.deepEqual(await only(), theirs);
      await fetch(`${url}/api/v2/silence/${theirs.id}`, { method: 'DELETE' });
    });

    it('of a node of the same name in another cluster stay as well', async () => {
      const url = urlOf();
      const alerts = alertsAt(url);
      const west = { ...EAST, cluster: 'west' };
      await silencer().silence({ ...EAST, alerts });
      await silencer().silence({ ...west, alerts });
      assert.equal((await activeSilences(url)).length, 2);
      await silencer().unsilence({ ...EAST, alerts });
      assert.match((await only()).comment, /^west\//);
      await silencer().unsilence({ ...west, alerts });
    });

    it('of Tidegate, with other matchers, are of another policy', async () => {
      const url = urlOf();
      const alerts = alertsAt(url);
      const other = alertsAt(url, { matchers: { severity: 'page' } });
      await silencer().silence({ ...EAST, alerts });
      await silencer().silence({ ...EAST, alerts: other });
      await silencer().unsilence({ ...EAST, alerts });
      assert.equal((await only()).matchers.length, 2);
      await silencer().unsilence({ ...EAST, alerts: other });
    });
  });
}
