/** Owners of workloads, as a plan reads them with the worker's own account. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ensureWorkerAccount } from '../../lab/control-plane.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import { plannedNotices } from '../../workflows/domain/notices.ts';
import { activities } from './activity-kit.ts';
import { bundleTo, kubectl, NEWEST, rolloutTo } from './rollout-kit.ts';

const policy = {
  apiVersion: 'tidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { name: 'telling' },
  spec: {
    notices: {
      channels: ['slack:#platform'],
      owners: { 'team-data': ['slack:#data'], '*': ['slack:#others'] },
    },
  },
};

describe('the owners of the shop', () => {
  before(async () => {
    await ensureWorkerAccount();
    await resetNodes();
    await ensureWorkload();
  });

  it('may be read by the worker, of namespaces as well', async () => {
    const account = '--as=system:serviceaccount:tidegate:tidegate-worker';
    assert.equal((await kubectl('auth', 'can-i', 'list', 'namespaces', account)).trim(), 'yes');
  });

  it('are those of its pods, else that of the namespace, each told what is its own', async () => {
    const request = rolloutTo({
      ...{ name: 'owners', bundle: bundleTo(NEWEST, 'Drain') },
      spec: { policy },
    });
    const planned = await activities().plan({ request });
    const { owners = [], warnings = [] } = planned;
    const data = owners.find(({ owner }) => owner === 'team-data');
    const shop = owners.find(({ owner }) => owner === 'team-shop');
    assert.deepEqual(data?.workloads, ['shop/db (StatefulSet)']);
    assert.ok(shop && data);
    assert.ok(shop.workloads.includes('shop/web (Deployment)'));
    assert.ok(shop.workloads.includes('shop/batch (Job)'));
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    assert.equal(sum(data.waves.map(({ evicted }) => evicted)), 2);
    assert.ok(sum(shop.waves.map(({ waitedFor }) => waitedFor)) >= 4);
    assert.doesNotMatch(warnings.join(), /owners/);

    const told = plannedNotices(planned, '2026-11-25T20:00:00.000Z');
    assert.deepEqual(
      told.map(({ channels, lines }) => `${channels.join(' ')}: ${lines[0]}`).slice(1),
      [
        'slack:#data: Rollout owners is planned and will disturb workloads of team-data',
        'slack:#others: Rollout owners is planned and will disturb workloads of team-shop',
      ],
    );
  });
});
