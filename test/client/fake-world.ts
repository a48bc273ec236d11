/** A fleet in memory behind the real workflows: lets client tests run without any machine. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { bundleWorkflowCode, type NativeConnection, Worker } from '@temporalio/worker';
import {
  clusterTaskQueue,
  type InspectResult,
  TASK_QUEUE,
  type TidegateActivities,
} from '../../workflows/contract.ts';
import { documentName, explainProblems, parseDocument } from '../../workflows/domain/documents.ts';
import type { NodeFacts } from '../../workflows/domain/inventory.ts';
import { invertPlan, makePlan } from '../../workflows/domain/plan.ts';
import type { PlannedPackage } from '../../workflows/domain/plan-types.ts';
import type { Bundle, Fleet, Policy } from '../../workflows/domain/spec.ts';

export interface FakeDocuments {
  readonly fleet: Fleet;
  readonly bundle: Bundle;
  readonly policy: Policy;
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const OS = { os: 'debian-12', architecture: 'amd64', kernel: '6.1.0' } as const;
const CONTAINERS = [
  {
    id: 'c1',
    pod: 'web-1',
    namespace: 'shop',
    name: 'web',
    startedAt: '2026-01-01T00:00:00Z',
  },
];

export class FakeWorld {
  /** Installed and running version of containerd, by node. */
  readonly versions = new Map<string, string>();
  /** Nodes whose daemon never comes up with the new version. */
  readonly broken = new Set<string>();
  private readonly documents: FakeDocuments;

  constructor(documents: FakeDocuments, nodes: readonly string[], version: string) {
    this.documents = documents;
    for (const node of nodes) this.versions.set(node, version);
  }

  activities(): TidegateActivities {
    const { versions, broken } = this;
    const set = (node: string, packages: readonly PlannedPackage[], end: 'from' | 'to') => {
      for (const planned of packages) versions.set(node, planned[end].version);
    };
    return {
      plan: async ({ request }) => this.plan(request),
      planRollback: async ({ plan, nodes }) => invertPlan({ plan, nodes, hash }),
      inventory: async () => ({ fleet: this.documents.fleet.metadata.name, nodes: this.facts() }),
      inspect: async ({ node }) => this.inspect(node),
      lease: async () => ({ cordonedBefore: false }),
      release: async () => undefined,
      stage: async () => undefined,
      unstage: async () => undefined,
      cordon: async () => undefined,
      uncordon: async () => undefined,
      drain: async () => ({ evicted: [], jobPodsEvicted: [] }),
      apply: async ({ node, packages }) => set(node, packages, 'to'),
      revert: async ({ node, packages }) => set(node, packages, 'from'),
      verify: async ({ node, packages, expect }) => {
        if (expect === 'To' && broken.has(node)) {
          throw ApplicationFailure.nonRetryable('CRI does not answer', 'VerificationFailed');
        }
        const after = versions.get(node) ?? 'none';
        return {
          packages: packages.map(({ name, from }) => ({
            name,
            before: from.version,
            after,
            daemon: after,
          })),
          containersSurvived: CONTAINERS.length,
          containersLost: [],
        };
      },
      quarantine: async () => undefined,
      acquireClusterLease: async () => undefined,
      releaseClusterLease: async () => undefined,
      unavailableNodes: async () => [],
      checkHealth: async () => [],
    };
  }

  /** Runs workers for workflows and for the one cluster until `run` ends. */
  async withWorkers<T>(
    args: { connection: NativeConnection; namespace: string },
    run: () => Promise<T>,
  ): Promise<T> {
    const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
    const workflowBundle = await bundleWorkflowCode({ workflowsPath });
    const activities = this.activities();
    const [root, cluster] = await Promise.all([
      Worker.create({ ...args, taskQueue: TASK_QUEUE, workflowBundle, activities }),
      Worker.create({ ...args, taskQueue: clusterTaskQueue('east'), activities }),
    ]);
    return await root.runUntil(cluster.runUntil(run()));
  }

  private plan(request: unknown) {
    const answer = parseDocument('Rollout', request);
    if (answer.kind === 'Invalid') {
      const message = explainProblems('Rollout', documentName(request), answer.problems);
      throw ApplicationFailure.nonRetryable(message, 'InvalidDocument');
    }
    const { spec } = answer.document;
    const { fleet, policy } = this.documents;
    const bundle = typeof spec.bundle === 'string' ? this.documents.bundle : spec.bundle;
    const facts = this.facts();
    const offers = bundle.spec.releases.flatMap((release) =>
      release.packages.flatMap(({ name, to, from }) =>
        [to, ...from].map(({ version, sha256 }) => ({ name, version, sha256 })),
      ),
    );
    const offered = Object.fromEntries(facts.map((entry) => [`east/${entry.node}`, offers]));
    const made = makePlan({ rollout: answer.document, fleet, bundle, policy, facts, offered, hash });
    if (made.kind === 'Refused') {
      throw ApplicationFailure.nonRetryable(made.reasons.join('\n'), 'PlanRefused');
    }
    const impact = made.plan.waves.flatMap((wave) =>
      wave.nodes.map(({ cluster, node }) => ({
        cluster,
        node,
        containersThatMustSurvive: CONTAINERS.length,
        pods: [],
      })),
    );
    return { plan: made.plan, impact };
  }

  private facts(): NodeFacts[] {
    return [...this.versions.keys()].map((node, index) => ({
      ...OS,
      cluster: 'east',
      node,
      uid: `uid-${node}`,
      address: '192.0.2.1',
      labels: {},
      nodeGroup: 'workers',
      failureDomain: `east-${'abc'[index % 3]}`,
      ready: true,
      unschedulable: false,
      kubeletVersion: 'v1.34.4',
      containerRuntimeVersion: 'containerd://1.6.20',
      host: this.inspect(node).host,
    }));
  }

  private inspect(node: string): InspectResult {
    const version = this.versions.get(node) ?? 'none';
    return {
      uid: `uid-${node}`,
      address: '192.0.2.1',
      ready: true,
      unschedulable: false,
      containers: CONTAINERS,
      host: {
        ...OS,
        osPrettyName: 'Debian GNU/Linux 12 (bookworm)',
        bootId: 'boot-1',
        cgroupVersion: 2,
        packages: [{ name: 'containerd', version, status: 'install ok installed', held: false }],
        daemons: { containerd: version },
        dpkgInterrupted: false,
        diskFreeBytes: 1e10,
      },
    };
  }
}
