/** Reboots on the lab: one node by its activity, and all five by a rollout under the workload. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { waitUntilReady } from '../../lab/cluster.ts';
import { boot, onNode, powerOff, waitForSsh } from '../../lab/node.ts';
import { paths } from '../../lab/paths.ts';
import { signal } from '../../lab/processes.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { sleep, waitFor } from '../../lab/run.ts';
import { nodeNamed, nodes } from '../../lab/settings.ts';
import { startWorker } from '../../lab/worker.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import {
  activities,
  BAD,
  change,
  containerd,
  OLD,
  ref,
  verification,
} from '../lab/activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  kubectl,
  NEWEST,
  rolloutTo,
  startApproved,
  untilNodePhase,
} from '../lab/rollout-kit.ts';
import { Sampler } from '../lab/sampler.ts';
import { watched } from '../lab/watched.ts';

const fleet = aroundFleet({ batch: false });
const holder = `node/east/${ref.node}`;
const mine = { ...ref, holder };
const machine = nodeNamed(ref.node);

async function bootIdOf(name: string): Promise<string> {
  const { stdout } = await onNode(nodeNamed(name), 'cat /proc/sys/kernel/random/boot_id');
  return stdout.trim();
}

/** Pods that run on a node and are of no DaemonSet. */
async function movablePods(name: string): Promise<readonly string[]> {
  const fields = '{.metadata.name}|{.metadata.ownerReferences[0].kind}|{.status.phase}';
  const text = await kubectl(
    ...['get', 'pods', '-A', '--field-selector', `spec.nodeName=${name}`],
    ...['-o', `jsonpath={range .items[*]}${fields}{"\\n"}{end}`],
  );
  return text
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([pod, owner, phase]) => pod && owner !== 'DaemonSet' && phase === 'Running')
    .map(([pod = '']) => pod);
}

describe('the reboot of one node', { timeout: 560_000 }, () => {
  const real = activities();
  let bootId = '';
  const reboot = (timeoutSeconds = 90, of = real) => of.reboot({ ...ref, bootId, timeoutSeconds });
  const prove = () =>
    real.verify({
      ...ref,
      packages: change(containerd(OLD)),
      expect: 'To',
      containersBefore: [],
      containersMustSurvive: false,
      mayRejoin: true,
      verification,
    });

  before(async () => {
    await real.lease({ ...mine, for: 'a reboot' });
    await real.cordon(mine);
    const { drain } = policySchema.shape.spec.parse({});
    await real.drain({ ...ref, policy: { ...drain, timeoutSeconds: 60, jobs: 'Evict' } });
    bootId = await bootIdOf(ref.node);
  });
  after(async () => {
    await boot(machine);
    await waitForSsh(machine);
    await waitUntilReady([machine], 0);
    await real.uncordon({ ...mine, cordonedBefore: false });
    await real.release(mine);
  });

  it('takes an empty node down, and proves it when it is back', async () => {
    assert.deepEqual(await movablePods(ref.node), []);
    const phases = new Set<string>();
    const seen = activities((details) => phases.add((details as { phase: string }).phase));
    const started = Date.now();
    const back = await reboot(90, seen);
    assert.notEqual(back.bootId, bootId);
    assert.equal(back.bootId, await bootIdOf(ref.node));
    assert.deepEqual(back.notes, []);
    const tookMs = Date.now() - started;
    const { probeMs } = await prove();
    const provedMs = Date.now() - started - tookMs;
    console.log(`back after ${tookMs} ms by way of ${[...phases]}, proved in ${provedMs} ms`);
    assert.ok(probeMs !== undefined);
  });

  it('does nothing more at a second delivery', async () => {
    const now = await bootIdOf(ref.node);
    const back = await reboot();
    assert.equal(back.bootId, now);
    assert.equal(await bootIdOf(ref.node), now);
  });

  it('waits for a Node object that was deleted meanwhile, and restores what was on it', async () => {
    bootId = await bootIdOf(ref.node);
    // Its kubelet may fail over its CSINode, which is gone as well, and starts anew after minutes.
    const work = reboot(300);
    await waitFor({
      what: 'the node to go down',
      timeoutMs: 30_000,
      everyMs: 50,
      until: async () => (await onNode(machine, 'true')).code !== 0,
    });
    await kubectl('delete', 'node', ref.node, '--wait=false');
    const { notes = [] } = await work;
    assert.match(notes.join(), /deleted and joined again/);
    const fields = '{.spec.unschedulable}{.metadata.annotations.tidegate\\.dev/lease}';
    const node = await kubectl('get', 'node', ref.node, '-o', `jsonpath=${fields}`);
    assert.match(node, new RegExp(`^true\\{.*"holder":"${holder}"`));
    await prove();
  });

  it('names a node that says yes and does not go down, and insists', async () => {
    bootId = await bootIdOf(ref.node);
    await onNode(machine, 'systemctl mask --runtime reboot.target');
    await fails(reboot(5), /did not come back from its reboot in 5 s: .*once.*still runs boot/);
    const { notes = [] } = await reboot(120);
    console.log(notes.join());
    assert.match(notes.join(), /asked for 3 times, at last with --force/);
  });

  it('names a node that never comes back', async () => {
    bootId = await bootIdOf(ref.node);
    const work = fails(reboot(15), /in 15 s: it went down.*does not answer/);
    await waitFor({
      what: 'the node to go down',
      timeoutMs: 30_000,
      everyMs: 50,
      until: async () => (await onNode(machine, 'true')).code !== 0,
    });
    await powerOff(machine, 'plug');
    await work;
  });
});

async function fails(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { type?: string }) => {
    assert.equal(error.type, 'NodeNotBack', error.message);
    assert.match(error.message, message);
    return true;
  });
}

describe('a rollout that reboots', { timeout: 480_000 }, () => {
  it('takes five nodes one by one, each empty, and the workload does not notice', async () => {
    const before = await Promise.all(nodes.map(({ name }) => bootIdOf(name)));
    const name = 'with-reboots';
    const bundle = bundleTo(NEWEST, 'Reboot');
    const strategy = { canary: { soakSeconds: 1 }, waves: { size: 4, soakSeconds: 1 } };
    const document = rolloutTo({ name, bundle, strategy: { ...strategy, maxUnavailable: 1 } });
    const stayed = new Map<string, readonly string[]>();
    const outcome = await watched(async () => {
      const { outcome } = await startApproved(fleet.client, document);
      const rebooting = new Sampler(() => lookAtRebooting(name, stayed), 300);
      const ended = await outcome;
      await rebooting.stop();
      return ended;
    });
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    for (const { node, phasesMs, podsEvicted, jobPodsLost, notes = [] } of outcome.nodes) {
      const { Draining, Rebooting, Verifying } = phasesMs;
      const told = { Draining, Rebooting, Verifying, evicted: podsEvicted.length, notes };
      console.log(node, JSON.stringify(told), `stayed: ${stayed.get(node)}`);
      assert.deepEqual(jobPodsLost, []);
      assert.deepEqual(stayed.get(node), [], `${node} was not empty`);
    }
    const now = await Promise.all(nodes.map(({ name }) => bootIdOf(name)));
    assert.ok(
      now.every((id, index) => id !== '' && id !== before[index]),
      'every node rebooted',
    );
    await assertNodes(ALL_NODES, NEWEST);
  });
});

describe('a reboot that goes wrong', { timeout: 400_000 }, () => {
  const spec = { targets: { nodes: [ref.node] } };
  before(resetNodes);

  it('goes on without its worker, and happens once', async () => {
    const pid = await startWorker();
    const before = await boots(ref.node);
    const name = 'reboot-without-worker';
    const bundle = bundleTo(NEWEST, 'Reboot');
    const { outcome } = await startApproved(fleet.client, rolloutTo({ name, bundle, spec }));
    await untilNodePhase(fleet.client, name, 'Rebooting');
    await sleep(1500);
    signal(pid, 'SIGKILL');
    await sleep(1000);
    await startWorker();
    const ended = await outcome;
    assert.equal(ended.outcome, 'Succeeded', ended.reasons.join('; '));
    assert.equal((await boots(ref.node)) - before, 1);
    await assertNodes([ref.node], NEWEST);
    await resetNodes();
  });

  it('is undone where the new version keeps the kubelet away', async () => {
    const before = await boots(ref.node);
    const name = 'reboot-into-bad';
    const standard = parse(await readFile('examples/policy.yaml', 'utf8'));
    const policy = { ...standard, spec: { ...standard.spec, reboot: { timeoutSeconds: 45 } } };
    const bundle = bundleTo(BAD, 'Reboot');
    const document = rolloutTo({ name, bundle, spec: { ...spec, policy } });
    const { outcome } = await startApproved(fleet.client, document);
    const ended = await outcome;
    const [node] = ended.nodes;
    console.log(JSON.stringify(node));
    assert.equal(node?.outcome, 'RolledBack', node?.reasons.join('; '));
    assert.match(node?.reasons.join() ?? '', /its kubelet did not come back in 45 s/);
    assert.equal((await boots(ref.node)) - before, 2, 'there and back');
    await assertNodes([ref.node], OLD);
  });
});

/** Counts in the log of a machine's console how often it has come up. */
async function boots(name: string): Promise<number> {
  const text = await readFile(join(paths.log, `${name}.log`), 'utf8');
  return text.match(/Reached target.*graphical\.target/g)?.length ?? 0;
}

/** Looks at what runs on each node that the rollout is about to reboot. */
async function lookAtRebooting(
  rollout: string,
  movable: Map<string, readonly string[]>,
): Promise<void> {
  const { live } = await fleet.client.status(rollout);
  for (const { node, phase } of live) {
    if (phase !== 'Rebooting' || movable.has(node)) continue;
    movable.set(node, await movablePods(node));
  }
}
