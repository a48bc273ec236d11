/** What the lab's rollout tests share: documents, a worker, and watchers that see trajectories. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { RolloutClient } from '../../client/rollout-client.ts';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { onNode } from '../../lab/node.ts';
import { paths, tool } from '../../lab/paths.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { run, waitFor } from '../../lab/run.ts';
import { nodeNamed } from '../../lab/settings.ts';
import { startWorker, stopWorker, useLabTemporal } from '../../lab/worker.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import { BAD, containerd, NEW, OLD } from './activity-kit.ts';
import { Sampler } from './sampler.ts';

export const ALL_NODES = ['east-1', 'east-2', 'east-3', 'east-4', 'east-5'];
export const NEWEST = '1.7.24~ds1-6+deb13u1';
const apiVersion = 'tidegate.dev/v1alpha1';

/** Runs kubectl as the lab's administrator and returns what it printed. */
export async function kubectl(...words: string[]): Promise<string> {
  return await run([tool('kubectl'), '--kubeconfig', paths.kubeconfig, ...words]);
}

/**
 * Takes the fleet to where the lab starts before a file's tests, with a worker of this checkout and
 * the workload, and leaves it so after them. Without `batch` no Job runs for longer than seconds:
 * the policy waits for Jobs before it drains.
 */
export function aroundFleet(options: { readonly batch: boolean }): { client: RolloutClient } {
  const fleet = {} as { client: RolloutClient };
  before(async () => {
    await useLabTemporal();
    await resetNodes();
    await startWorker();
    fleet.client = await RolloutClient.connect();
    await ensureWorkload();
    if (!options.batch) await kubectl('-n', 'shop', 'delete', 'job', 'batch', '--wait=true');
  });
  after(async () => {
    await fleet.client.close();
    await stopWorker();
    await resetNodes();
    if (!options.batch) await ensureWorkload();
  });
  return fleet;
}

/** Returns an inline Bundle that takes containerd from where the lab starts to `version`. */
export function bundleTo(version: string, disruption: 'Restart' | 'Drain' | 'Reboot'): object {
  const { sha256 } = containerd(version);
  // The bad package holds the unchanged daemon of deb12u3, which reports that revision.
  const daemonVersion = version === BAD ? NEW : version;
  return {
    apiVersion,
    kind: 'Bundle',
    metadata: { name: `containerd-${disruption.toLowerCase()}` },
    spec: {
      reason: 'a test of the lab',
      disruption,
      releases: [
        {
          os: 'debian-12',
          architecture: 'amd64',
          packages: [
            {
              name: 'containerd',
              daemon: 'containerd',
              to: { version, sha256, daemonVersion },
              from: [{ version: OLD, sha256: containerd(OLD).sha256 }],
            },
          ],
        },
      ],
    },
  };
}

/** Returns a Rollout document over the lab's fleet. */
export function rolloutTo(args: {
  name: string;
  bundle: object | string;
  strategy?: object;
  spec?: object;
}): { metadata: { name: string }; [key: string]: unknown } {
  return {
    apiVersion,
    kind: 'Rollout',
    metadata: { name: args.name },
    spec: {
      requestedBy: 'platform-oncall',
      reason: 'a test of the lab',
      fleet: 'lab',
      bundle: args.bundle,
      policy: 'standard',
      strategy: {
        canary: { soakSeconds: 1 },
        waves: { size: 2, soakSeconds: 1 },
        maxUnavailable: 2,
        ...args.strategy,
      },
      ...args.spec,
    },
  };
}

/** Starts a rollout, approves its plan as somebody else, and returns a promise of its outcome. */
export async function startApproved(
  client: RolloutClient,
  document: { metadata: { name: string } },
): Promise<{ outcome: Promise<RolloutOutcome> }> {
  const { name } = document.metadata;
  await client.start(document);
  const view = await client.untilPlanned(name);
  assert.equal(view.status?.phase, 'AwaitingApproval', view.failure?.message);
  await client.approve(name, { by: 'sre-lead', digest: view.status.digest ?? '' });
  return { outcome: client.waitFor(name) };
}

/** Asserts that nodes run a version by dpkg and daemon, Ready, schedulable, nothing of ours left. */
export async function assertNodes(nodes: readonly string[], version: string): Promise<void> {
  for (const facts of await fleetFacts()) {
    if (!nodes.includes(facts.node)) continue;
    const { node, dpkg, ready, schedulable, annotations } = facts;
    assert.deepEqual(
      { node, dpkg, ready, schedulable, annotations },
      { node, dpkg: version, ready: true, schedulable: true, annotations: [] },
    );
  }
}

/** Waits until a node's own workflow shows the given phase. */
export async function untilNodePhase(
  client: RolloutClient,
  rollout: string,
  phase: string,
): Promise<string> {
  let node = '';
  await waitFor({
    what: `a node of ${rollout} to be ${phase}`,
    timeoutMs: 120_000,
    everyMs: 100,
    until: async () => {
      const { live } = await client.status(rollout);
      const found = live.find((entry) => entry.phase === phase);
      node = found?.node ?? '';
      return node !== '';
    },
  });
  return node;
}

/** Counts in dpkg's own log how often a version of containerd was installed on a node. */
export async function installations(node: string, version: string): Promise<number> {
  const { stdout } = await onNode(nodeNamed(node), 'cat /var/log/dpkg.log');
  const pattern = ` status installed containerd:amd64 ${version}`;
  return stdout.split('\n').filter((line) => line.endsWith(pattern)).length;
}

interface CordonSample {
  readonly at: number;
  readonly cordoned: readonly string[];
}

/** Watches which nodes are unschedulable, several times a second. */
export class CordonWatch extends Sampler<CordonSample> {
  constructor() {
    super(cordonSample, 150);
  }

  /** How often each node went from schedulable to unschedulable. */
  timesCordoned(node: string): number {
    const seen = this.samples.map(({ cordoned }) => cordoned.includes(node));
    return seen.filter((now, index) => now && !seen[index - 1]).length;
  }
}

async function cordonSample(): Promise<CordonSample> {
  const template = '{range .items[?(@.spec.unschedulable)]}{.metadata.name}{" "}{end}';
  const names = await kubectl('get', 'nodes', '-o', `jsonpath=${template}`);
  return { at: Date.now(), cordoned: names.split(' ').filter((name) => name) };
}
