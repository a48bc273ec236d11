/** Who owns a node and a cluster, with real Node objects, Leases and workflows ("make lab" first). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { temporalWorkflows } from '../../activities/adapters/workflows.ts';
import type { ActivityContext } from '../../activities/context.ts';
import { createActivities, realDeps } from '../../activities/index.ts';
import { onNode } from '../../lab/node.ts';
import { paths } from '../../lab/paths.ts';
import { waitFor } from '../../lab/run.ts';
import { host, nodeNamed } from '../../lab/settings.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import { ROLLOUT_WORKFLOW, rolloutWorkflowId } from '../../workflows/contract.ts';
import {
  ATTENTION_ANNOTATION,
  LEASE_ANNOTATION,
  QUARANTINE,
} from '../../workflows/domain/inventory.ts';
import { access } from './activity-kit.ts';
import { kubectl } from './rollout-kit.ts';

const stamp = Date.now().toString(36);
const reason = 'DrainBlocked: shop/db-0 was still there';
const refTo = (node: string) => ({
  ...{ access, cluster: 'east', node, holder: `node/east/${node}` },
  address: nodeNamed(node).address,
});
const timeAdded = '2026-01-02T03:04:05Z';
const east4 = refTo('east-4');
const east5 = refTo('east-5');

let connection: NativeConnection;
let temporal: Client;
const logged: string[] = [];

/** Returns real activities as a run of a node's workflow calls them. */
function calledBy(workflowRun: string) {
  const { signal } = new AbortController();
  const context: ActivityContext = {
    ...{ signal, attempt: 1, previous: undefined, workflowRun },
    heartbeat: () => undefined,
  };
  const log = {
    info: () => undefined,
    warn: (details: object, message: string) =>
      void logged.push(`${message} ${JSON.stringify(details)}`),
  };
  const workflows = temporalWorkflows(connection, { namespace: 'default', log });
  const deps = realDeps({ configFolder: 'examples', log, workflows });
  return createActivities({ ...deps, context: () => context });
}

interface NodeObject {
  readonly metadata: {
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly timeAdded?: string }[];
  };
}

async function nodeObject(name: string): Promise<NodeObject> {
  return JSON.parse(await kubectl('get', 'node', name, '-o', 'json')) as NodeObject;
}

/** Returns what a quarantine may touch; Kubernetes itself turns a cordon into a taint a little later. */
async function marks(name: string) {
  const { metadata, spec } = await nodeObject(name);
  const { labels, annotations } = metadata;
  const taints = (spec.taints ?? []).filter(
    ({ key }) => key !== 'node.kubernetes.io/unschedulable',
  );
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith('tidegate.dev/'));
  return { labels, annotations: ours, taints, unschedulable: spec.unschedulable ?? false };
}

async function tidy(): Promise<void> {
  for (const node of [east4.node, east5.node]) {
    const { labels, taints, annotations, unschedulable } = await marks(node);
    for (const [key] of annotations) await kubectl('annotate', 'node', node, `${key}-`);
    if (labels[QUARANTINE] !== undefined) await kubectl('label', 'node', node, `${QUARANTINE}-`);
    for (const { key } of taints) {
      if (key === QUARANTINE || key.startsWith('example.org/')) {
        await kubectl('taint', 'node', node, `${key}-`);
      }
    }
    if (unschedulable) await kubectl('uncordon', node);
  }
  await kubectl('-n', 'tidegate', 'delete', 'lease', 'tidegate', '--ignore-not-found');
}

before(async () => {
  connection = await NativeConnection.connect({ address: `127.0.0.1:${host.temporalPort}` });
  temporal = new Client({ connection, namespace: 'default' });
  await kubectl('apply', '-f', paths.workerRbac);
  await tidy();
});
after(async () => {
  await tidy();
  await ensureWorkload();
  await connection.close();
});

async function fails(work: Promise<unknown>, type: string, message: RegExp): Promise<string> {
  let said = '';
  await assert.rejects(work, (error: Error & { type?: string }) => {
    said = error.message;
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    return true;
  });
  return said;
}

describe('the Lease of a cluster', () => {
  const real = () => calledBy('any');
  const next = rolloutWorkflowId(`next-${stamp}`);
  const holderNow = () =>
    kubectl('-n', 'tidegate', 'get', 'lease', 'tidegate', '-o', 'jsonpath={.spec.holderIdentity}');

  it('is respected while its rollout runs, and taken over once it was terminated', async () => {
    const gone = rolloutWorkflowId(`gone-${stamp}`);
    // Nobody works on this queue: the rollout runs, and does nothing.
    const run = await temporal.workflow.start(ROLLOUT_WORKFLOW, {
      ...{ workflowId: gone, taskQueue: `nobody-${stamp}`, args: [{}] },
    });
    await real().acquireClusterLease({ access, holder: gone });
    const refused = real().acquireClusterLease({ access, holder: next });
    const said = await fails(refused, 'LeaseHeld', /still runs.*tidegate stop gone-/);
    process.stdout.write(`    ${said}\n`);
    await run.terminate('a test of the lab');
    await real().acquireClusterLease({ access, holder: next });
    assert.equal(await holderNow(), next);
    const note = logged.find((line) => line.includes(gone)) ?? '';
    assert.match(note, /rollout that has ended is taken over/);
    process.stdout.write(`    ${note}\n`);
    await real().releaseClusterLease({ access, holder: gone });
    assert.equal(await holderNow(), next);
  });

  it('is taken over from a rollout that this Temporal has forgotten, not from one of elsewhere', async () => {
    // `next` holds it from here, and there never was such a workflow.
    const last = rolloutWorkflowId(`last-${stamp}`);
    await real().acquireClusterLease({ access, holder: last });
    assert.equal(await holderNow(), last);
    const mark = 'tidegate.dev/temporal-namespace=another';
    await kubectl('-n', 'tidegate', 'annotate', 'lease', 'tidegate', mark, '--overwrite');
    const refused = real().acquireClusterLease({ access, holder: next });
    await fails(refused, 'LeaseHeld', /another Temporal namespace \(id another\)/);
    await kubectl('-n', 'tidegate', 'annotate', 'lease', 'tidegate', `${mark.split('=')[0]}-`);
    await real().releaseClusterLease({ access, holder: last });
    const left = await kubectl('-n', 'tidegate', 'get', 'lease', '-o', 'name');
    assert.equal(left.trim(), '');
  });
});

describe('the lease of a node', () => {
  it('is taken over from a run that is gone, with what that run had found', async () => {
    const first = calledBy('run-1');
    assert.deepEqual(await first.lease({ ...east5, for: 'update a' }), { cordonedBefore: false });
    await first.cordon(east5);
    const second = calledBy('run-2');
    const taken = await second.lease({ ...east5, for: 'update b' });
    assert.equal(taken.cordonedBefore, false);
    assert.match(taken.notes?.join() ?? '', /took over.*"update a".*schedulable/);
    process.stdout.write(`    ${taken.notes?.join()}\n`);
    await second.uncordon({ ...east5, cordonedBefore: false });
    await second.release(east5);
    const { annotations, unschedulable } = await marks(east5.node);
    assert.deepEqual({ annotations, unschedulable }, { annotations: [], unschedulable: false });
  });

  it('leaves a node that somebody has cordoned by hand as it was', async () => {
    await kubectl('cordon', east5.node);
    const run = calledBy('run-3');
    const { cordonedBefore } = await run.lease({ ...east5, for: 'update' });
    assert.equal(cordonedBefore, true);
    await run.cordon(east5);
    await run.uncordon({ ...east5, cordonedBefore });
    await run.release(east5);
    assert.equal((await marks(east5.node)).unschedulable, true);
    await kubectl('uncordon', east5.node);
  });
});

describe('quarantine', () => {
  it('lets one of two nodes at once stay, and leaves the other as it was', async () => {
    for (const { node } of [east4, east5]) {
      const taint = { key: 'example.org/gpu', value: 'yes', effect: 'NoSchedule', timeAdded };
      const taints = [...((await nodeObject(node)).spec.taints ?? []), taint];
      await kubectl('patch', 'node', node, '-p', JSON.stringify({ spec: { taints } }));
    }
    const run = calledBy('run-4');
    for (const ref of [east4, east5]) {
      await run.lease({ ...ref, for: 'update' });
      await run.cordon(ref);
    }
    const before = await Promise.all([marks(east4.node), marks(east5.node)]);
    const answers = await Promise.allSettled(
      [east4, east5].map((ref) => run.quarantine({ ...ref, reason, limit: 1 })),
    );
    const stayed = answers.findIndex(({ status }) => status === 'fulfilled');
    const back = answers.findIndex(({ status }) => status === 'rejected');
    assert.deepEqual([stayed, back].sort(), [0, 1], JSON.stringify(answers));
    const [inside, outside] = stayed === 0 ? [east4, east5] : [east5, east4];
    const refusal = (answers[back] as PromiseRejectedResult).reason as Error & { type?: string };
    assert.equal(refusal.type, 'QuarantineFull');
    assert.match(refusal.message, new RegExp(`${inside.node} is there already`));
    process.stdout.write(`    ${refusal.message}\n`);
    assert.deepEqual(await marks(outside.node), before[back]);

    const { labels, taints } = await marks(inside.node);
    assert.equal(labels[QUARANTINE], 'drain-blocked');
    const keys = taints.map(({ key }) => key).sort();
    assert.deepEqual(keys, ['example.org/gpu', QUARANTINE]);
    assert.equal(taints.find(({ key }) => key === 'example.org/gpu')?.timeAdded, timeAdded);
    const { annotations } = (await nodeObject(inside.node)).metadata;
    assert.equal(annotations[LEASE_ANNOTATION], undefined);
    // A second attempt changes nothing.
    const stays = await marks(inside.node);
    await run.quarantine({ ...inside, reason, limit: 1 });
    assert.deepEqual(await marks(inside.node), stays);

    await run.uncordon({ ...outside, cordonedBefore: false });
    await run.release(outside);
    // The line to type is the one in the annotation, and it leaves nothing but others' taints.
    const said = JSON.parse(annotations[ATTENTION_ANNOTATION] ?? '{}') as { reason: string };
    const line = said.reason.split('Once the node is right: ')[1] ?? '';
    process.stdout.write(`    ${line}\n`);
    for (const command of line.split(' && ')) await kubectl(...command.split(' ').slice(1));
    const { labels: free, ...rest } = await marks(inside.node);
    assert.equal(free[QUARANTINE], undefined);
    assert.deepEqual(
      { ...rest, taints: rest.taints.map(({ key }) => key) },
      { annotations: [], taints: ['example.org/gpu'], unschedulable: false },
    );
  });
});

describe('a Node object that was deleted while the node was away', () => {
  it('is waited for, and cordoned again if the node was found so', async () => {
    await kubectl('cordon', east5.node);
    const run = calledBy('run-5');
    const { cordonedBefore } = await run.lease({ ...east5, for: 'update' });
    const { uid } = (await nodeObject(east5.node)).metadata;
    await kubectl('delete', 'node', east5.node);
    const restoring = run.uncordon({ ...east5, cordonedBefore });
    await onNode(nodeNamed(east5.node), 'systemctl restart kubelet');
    await restoring;
    await run.release(east5);
    const node = await nodeObject(east5.node);
    assert.notEqual(node.metadata.uid, uid);
    assert.equal(node.spec.unschedulable, true);
    await kubectl('uncordon', east5.node);
    await waitFor({
      what: `${east5.node} to be Ready`,
      timeoutMs: 60_000,
      until: async () => {
        const ready = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
        return (await kubectl('get', 'node', east5.node, '-o', ready)) === 'True';
      },
    });
  });
});
