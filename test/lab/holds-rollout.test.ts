/** A whole rollout that finds the Lease of a terminated one, and a node that kured works on. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { connect } from '../../client/connection.ts';
import { kubectl as kubectlWords } from '../../lab/control-plane.ts';
import { run, waitFor } from '../../lab/run.ts';
import { ROLLOUT_WORKFLOW, rolloutWorkflowId } from '../../workflows/contract.ts';
import { NEW } from './activity-kit.ts';
import {
  aroundFleet,
  assertNodes,
  bundleTo,
  CordonWatch,
  kubectl,
  rolloutTo,
  startApproved,
} from './rollout-kit.ts';

const NODE = 'east-2';
const NAMESPACE = 'tidegate-holds-rollout';
const stamp = Date.now().toString(36);
const fleet = aroundFleet({ batch: false });

after(async () => {
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=true');
  await kubectl('-n', 'tidegate', 'delete', 'lease', 'tidegate', '--ignore-not-found');
});

async function apply(...items: object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await run(kubectlWords('apply', '-f', '-'), { input });
}

/** Leaves the cluster's Lease as a rollout does that somebody terminates. */
async function terminatedRollout(): Promise<string> {
  const { client, close } = await connect();
  const holder = rolloutWorkflowId(`terminated-${stamp}`);
  const handle = await client.workflow.start(ROLLOUT_WORKFLOW, {
    ...{ workflowId: holder, taskQueue: `nobody-${stamp}`, args: [{}] },
  });
  await handle.terminate('a test of the lab');
  await close();
  const time = new Date().toISOString().replace('Z', '000Z');
  await apply({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'tidegate', namespace: 'tidegate' },
    spec: { holderIdentity: holder, acquireTime: time, renewTime: time },
  });
  return holder;
}

/** A DaemonSet of kured's name and annotation that runs nowhere. */
function kured(lock: object): object {
  const labels = { app: 'kured' };
  const annotations = { 'weave.works/kured-node-lock': JSON.stringify(lock) };
  const nodeSelector = { 'tidegate.dev/no-such-node': 'true' };
  const containers = [{ name: 'kured', image: 'tidegate.lab/tool:1' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kured', namespace: NAMESPACE, annotations },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { nodeSelector, containers } },
    },
  };
}

describe('a rollout', () => {
  it('takes the cluster over from a terminated one, and waits for the node that kured works on', async () => {
    await terminatedRollout();
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      kured({ nodeID: NODE, metadata: {}, created: new Date().toISOString(), TTL: 0 }),
    );
    const cordons = new CordonWatch();
    const name = `held-${stamp}`;
    const bundle = bundleTo(NEW, 'Restart');
    const spec = { targets: { nodes: [NODE] } };
    const { outcome } = await startApproved(fleet.client, rolloutTo({ name, bundle, spec }));
    let shown = '';
    await waitFor({
      what: 'the rollout to say that kured holds the node',
      timeoutMs: 60_000,
      everyMs: 300,
      until: async () => {
        shown = JSON.stringify(await fleet.client.status(name));
        return shown.includes('kured works on it');
      },
    });
    process.stdout.write(`    ${/[^"]*kured works on it[^"]*/.exec(shown)?.[0]}\n`);
    assert.equal(cordons.timesCordoned(NODE), 0);
    const releasedAt = Date.now();
    await kubectl('-n', NAMESPACE, 'annotate', 'ds', 'kured', 'weave.works/kured-node-lock-');
    const { outcome: ended, reasons } = await outcome;
    await cordons.stop();
    assert.equal(ended, 'Succeeded', reasons.join('; '));
    assert.equal(cordons.timesCordoned(NODE), 1);
    const first = cordons.samples.find(({ cordoned }) => cordoned.includes(NODE));
    assert.ok((first?.at ?? 0) >= releasedAt, 'not cordoned before the lock was given back');
    await assertNodes([NODE], NEW);
    const lease = await kubectl('-n', 'tidegate', 'get', 'lease', '-o', 'name');
    assert.equal(lease.trim(), '');
  });
});
